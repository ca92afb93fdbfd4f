// Rows of float32 become int8, and are multiplied with int8 weights; (Q1)-(Q3) of
// docs/theory/quantization.md.
//
// A single row is bound by the speed at which a core reads the weights: a few panels are read side
// by side, once for as many rows as there are. Threads divide the panels.

// ---- rows

// So many rows are quantized and multiplied at once.
constexpr int rows_at_once = 32;

// Up to `rows_at_once` rows of K numbers each.
struct Int8Rows {
  int64_t K, pitch;  // pitch: bytes from a row to the next
  std::int8_t* values;
  int count;
  float scale[rows_at_once];
  std::int32_t sum[rows_at_once];  // of a row
};

LSTM_INLINE int64_t pitch_of(int64_t K) { return (K + int8_depth - 1) / int8_depth * int8_depth; }

// Bytes for rows of at most K numbers: the last vector may end beyond a row.
LSTM_INLINE int64_t bytes_of_rows(int64_t K) { return rows_at_once * pitch_of(K) + lanes; }

// The bits of the largest |x|, which are in the order of the numbers; those of NaN are the largest.
inline std::int32_t largest_bits(int64_t K, const float* x) {
  ivec most = {};
  for_each_vec(K, [&](auto k, auto get, auto) LSTM_INLINE_LAMBDA {
    const ivec bits = (ivec)abs(get(x + k));
    most = bits > most ? bits : most;
  });
  std::int32_t result = 0;
  for (int lane = 0; lane < lanes; ++lane) result = std::max(result, most[lane]);
  return result;
}

// Row `row` becomes x, (Q1) and (Q2). Rows are set in order: what one writes beyond its end belongs
// to the next.
inline void quantize(Int8Rows& rows, int row, const float* x) {
  using bytes = std::int8_t __attribute__((vector_size(LSTM_LANES)));
  constexpr float smallest = 0x1p-100f;  // below it, a row counts as zeros
  const std::int32_t bits = largest_bits(rows.K, x);
  float most;
  std::memcpy(&most, &bits, sizeof most);
  const bool finite = bits < 0x7f800000;
  const bool zero = !finite || most < smallest;
  rows.scale[row] = !finite ? __builtin_nanf("") : zero ? 0.0f : most / 127.0f;
  std::int8_t* values = rows.values + row * rows.pitch;
  if (zero) {
    std::memset(values, 0, rows.pitch);
    rows.sum[row] = 0;
    return;
  }
  const vec factor = broadcast(127.0f / most);
  const vec shift = broadcast(12582912.0f);  // 1.5·2^23: adding it rounds to an integer
  ivec sum = {};
  for_each_vec(rows.K, [&](auto k, auto get, auto) LSTM_INLINE_LAMBDA {
    const ivec rounded = (ivec)(get(x + k) * factor + shift) - (ivec)shift;
    sum += rounded;
    const bytes narrow = __builtin_convertvector(rounded, bytes);
    std::memcpy(values + k, &narrow, sizeof narrow);
  });
  rows.sum[row] = 0;
  for (int lane = 0; lane < lanes; ++lane) rows.sum[row] += sum[lane];
}

// ---- sums of the products of int8_depth inputs for int8_columns outputs, a line of the cache

#if defined(__AVX512VNNI__)
constexpr int most_rows = 4, most_panels = 4;
struct Sums {
  __m512i of{_mm512_setzero_si512()};
};
struct Line {
  __m512i of;  // plus 128: the instruction takes numbers without sign on one side
};
LSTM_INLINE Line load_line(const std::int8_t* w) {
  return {_mm512_xor_si512(_mm512_loadu_si512(w), _mm512_set1_epi8(-128))};
}
LSTM_INLINE void add_products(Sums& sums, const Line& w, std::int32_t x) {
  sums.of = _mm512_dpbusd_epi32(sums.of, w.of, _mm512_set1_epi32(x));
}
LSTM_INLINE void finish(const Sums& sums, std::int32_t sum_of_x, std::int32_t* out) {
  _mm512_storeu_si512(out, _mm512_sub_epi32(sums.of, _mm512_set1_epi32(128 * sum_of_x)));
}
#elif defined(__AVX2__)
constexpr int most_rows = 2, most_panels = 2;
struct Sums {
  __m256i of[2]{_mm256_setzero_si256(), _mm256_setzero_si256()};
};
struct Line {
  __m256i of[2];
};
LSTM_INLINE Line load_line(const std::int8_t* w) {
  const auto* half = reinterpret_cast<const __m256i*>(w);
  return {{_mm256_loadu_si256(half), _mm256_loadu_si256(half + 1)}};
}
// |x| times w with the sign of x: two products of numbers up to 127 fit into 16 bits.
LSTM_INLINE void add_products(Sums& sums, const Line& w, std::int32_t x) {
  const __m256i four = _mm256_set1_epi32(x), size = _mm256_abs_epi8(four);
  for (int half = 0; half < 2; ++half) {
    const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(w.of[half], four));
    sums.of[half] = _mm256_add_epi32(sums.of[half], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
}
LSTM_INLINE void finish(const Sums& sums, std::int32_t, std::int32_t* out) {
  auto* half = reinterpret_cast<__m256i*>(out);
  for (int k = 0; k < 2; ++k) _mm256_storeu_si256(half + k, sums.of[k]);
}
#else
constexpr int most_rows = 1, most_panels = 1;
struct Sums {
  std::int32_t of[int8_columns]{};
};
struct Line {
  const std::int8_t* of;
};
LSTM_INLINE Line load_line(const std::int8_t* w) { return {w}; }
LSTM_INLINE void add_products(Sums& sums, const Line& w, std::int32_t x) {
  std::int8_t four[int8_depth];
  std::memcpy(four, &x, sizeof four);
  for (int column = 0; column < int8_columns; ++column)
    for (int k = 0; k < int8_depth; ++k)
      sums.of[column] += std::int32_t(w.of[column * int8_depth + k]) * four[k];
}
LSTM_INLINE void finish(const Sums& sums, std::int32_t, std::int32_t* out) {
  std::memcpy(out, sums.of, sizeof sums.of);
}
#endif

// ---- products

// Rows times weights for N outputs, plus a bias, each row to its place.
struct Int8Product {
  Int8Rows rows;
  int64_t N;
  Int8Weights w;
  const float* bias;  // (N), or null
  float* out[rows_at_once];
};

LSTM_INLINE int64_t int8_panels(int64_t N) { return (N + int8_columns - 1) / int8_columns; }

// y = sums·scale of x·scale of w + bias, (Q3), for the columns from j on.
LSTM_INLINE void scale_sums(const Int8Product& p, int row, const std::int32_t* sums, int64_t j) {
  const vec scale = broadcast(p.rows.scale[row]);
  for_each_vec(std::min<int64_t>(int8_columns, p.N - j),
               [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
                 ivec sum;
                 std::memcpy(&sum, sums + k, sizeof sum);
                 vec y = __builtin_convertvector(sum, vec) * scale * get(p.w.scale + j + k);
                 if (p.bias) y += get(p.bias + j + k);
                 put(p.out[row] + j + k, y);
               });
}

template <int M, int V>
inline void int8_tile(const Int8Product& p, int row, int64_t panel) {
  const int64_t pitch = p.rows.pitch, size = int8_columns * pitch;
  const std::int8_t *w = p.w.values + panel * size, *x = p.rows.values + row * pitch;
  Sums sums[M][V];
  for (int64_t k = 0; k < pitch; k += int8_depth) {
    Line lines[V];
    for (int v = 0; v < V; ++v) lines[v] = load_line(w + v * size + k * int8_columns);
    for (int m = 0; m < M; ++m) {
      std::int32_t four;
      std::memcpy(&four, x + m * pitch + k, sizeof four);
      for (int v = 0; v < V; ++v) add_products(sums[m][v], lines[v], four);
    }
  }
  for (int m = 0; m < M; ++m)
    for (int v = 0; v < V; ++v) {
      std::int32_t out[int8_columns];
      finish(sums[m][v], p.rows.sum[row + m], out);
      scale_sums(p, row + m, out, (panel + v) * int8_columns);
    }
}

template <int V>
inline void panels_of_rows(const Int8Product& p, int64_t panel) {
  int row = 0;
  for (; row + most_rows <= p.rows.count; row += most_rows) int8_tile<most_rows, V>(p, row, panel);
  for (; row < p.rows.count; ++row) int8_tile<1, V>(p, row, panel);
}

inline void multiply_panels(const Int8Product& p, Part part) {
  int64_t panel = part.begin;
  for (; panel + most_panels <= part.end; panel += most_panels)
    panels_of_rows<most_panels>(p, panel);
  for (; panel < part.end; ++panel) panels_of_rows<1>(p, panel);
}

// ---- who multiplies

// Who computes the panels of a product: the calling thread; all threads that are free; or a team
// that it leads, whose others wait for the next product.
class Crew {
 public:
  static Crew alone() { return Crew(1, nullptr); }
  static Crew of_tasks() { return Crew(0, nullptr); }
  Crew(int members, Barrier* barrier) : members_(members), barrier_(barrier) {}

  void multiply(const Int8Product& product) {
    const int64_t panels = int8_panels(product.N);
    if (members_ == 1) return multiply_panels(product, {0, panels});
    if (members_ == 0) {
      const double cost = 0.5 * product.rows.count * product.rows.K * int8_columns;
      return parallel(panels, most_panels, cost,
                      [&](auto begin, auto end) { multiply_panels(product, {begin, end}); });
    }
    product_ = &product;
    barrier_->wait();
    multiply_panels(product, part_of(panels, most_panels, 0, members_));
    barrier_->wait();
    // On busy cores the leader goes on alone.
    if (barrier_->kept_waiting()) members_ = 1;
  }

  // What the others do, until the leader dismisses them.
  void serve(int member, int members) const {
    for (;;) {
      barrier_->wait();
      if (!product_) return;
      multiply_panels(*product_, part_of(int8_panels(product_->N), most_panels, member, members));
      barrier_->wait();
      if (barrier_->kept_waiting()) return;
    }
  }

  void dismiss() {
    product_ = nullptr;
    if (members_ > 1) barrier_->wait();
  }

 private:
  int members_;  // 0: whoever is free
  Barrier* barrier_;
  const Int8Product* product_ = nullptr;
};

// So many bytes of weights, read at each step, are worth a team of two. For few steps the threads
// need not wait for each other.
constexpr int64_t worth_a_team = 1 << 19, few_steps = 4;

// Call lead(crew) for so many steps, each of which reads so many bytes of weights.
template <class Lead>
void with_crew(int64_t steps, int64_t bytes, Lead lead) {
  if (steps <= few_steps || bytes < worth_a_team) {
    Crew crew = steps <= few_steps ? Crew::of_tasks() : Crew::alone();
    const DenormalsFlushed guard;
    return lead(crew);
  }
  Crew shared = Crew::alone();
  together(2 * bytes / worth_a_team, [&](int member, int members, auto& barrier) {
    if (member == 0) shared = Crew(members, &barrier);
    if (members > 1) barrier.wait();
    if (member) return shared.serve(member, members);
    lead(shared);
    shared.dismiss();
  });
}

// For the rows k in [0, count): out_of(k) (N) = row_of(k) (K)·w + bias; `memory` is of
// bytes_of_rows(K).
template <class RowOf, class OutOf>
void multiply_rows(Crew& crew, int64_t count, int64_t K, int64_t N, RowOf row_of, Int8Weights w,
                   const float* bias, OutOf out_of, std::int8_t* memory) {
  Int8Product product;
  product.rows.K = K;
  product.rows.pitch = pitch_of(K);
  product.rows.values = memory;
  product.N = N;
  product.w = w;
  product.bias = bias;
  for (int64_t first = 0; first < count; first += rows_at_once) {
    product.rows.count = int(std::min<int64_t>(rows_at_once, count - first));
    for (int row = 0; row < product.rows.count; ++row) {
      quantize(product.rows, row, row_of(first + row));
      product.out[row] = out_of(first + row);
    }
    crew.multiply(product);
  }
}

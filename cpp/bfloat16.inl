// Factors of products in bfloat16, rounded to nearest, ties to even; sums are float32.
//
// A slot is a pair of factors, which one instruction multiplies and adds up. A becomes pairs in
// memory of the thread, once for all panels of B, so that no tile has to round.

constexpr int in_slot = 2;
constexpr int64_t left_rows = 1 << 10;  // go through all panels together, half as large each

// The factors of 32 numbers in a row: those of `low` come first.
LSTM_INLINE vec row_of(vec low, vec high) {
  return (vec)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

// The same of the first n numbers of a row, and zeros.
LSTM_INLINE vec row_of(const float* row, int64_t n) {
  if (n >= 2 * lanes) return row_of(load(row), load(row + lanes));
  if (n > lanes) return row_of(load(row), load_part(row + lanes, int(n - lanes)));
  return row_of(load_part(row, int(n)), vec{});
}

// A row of a panel, of a vector of each row of B in its slots.
LSTM_INLINE vec slots_of(const vec (&rows)[in_slot]) {
  std::uint16_t order __attribute__((vector_size(sizeof(vec))));
  for (int k = 0; k < lanes; ++k) order[2 * k] = k, order[2 * k + 1] = lanes + k;
  return (vec)_mm512_maskz_permutexvar_epi16(~__mmask32(), (__m512i)order,
                                             (__m512i)row_of(rows[0], rows[1]));
}

// total + a·b of the two factors in each slot.
LSTM_INLINE vec multiplied(vec total, vec a, vec b) {
  return (vec)_mm512_dpbf16_ps((__m512)total, (__m512bh)a, (__m512bh)b);
}

// Element (i, j) of a square becomes element (j, i).
LSTM_INLINE void transpose(vec (&square)[lanes]) {
  for (int size = 1; size < lanes; size *= 2) {  // of blocks that change places
    ivec low, high;
    for (int k = 0; k < lanes; ++k) {
      low[k] = k & size ? lanes + k - size : k;
      high[k] = k & size ? lanes + k : k + size;
    }
    for (int i = 0; i < lanes; ++i)
      if (!(i & size)) {
        const __m512 a = (__m512)square[i], b = (__m512)square[i + size];
        square[i] = (vec)_mm512_permutex2var_ps(a, (__m512i)low, b);
        square[i + size] = (vec)_mm512_permutex2var_ps(a, (__m512i)high, b);
      }
  }
}

// One panel: columns [0, n) of rows [k0, k0 + K) of b, padded with zeros to whole vectors and
// pairs. Rows or columns of b are contiguous.
inline void pack_panel(View b, int64_t k0, int64_t K, int n, float* panel) {
  const int64_t width = padded(n);
  if (b.columns == 1) {
    for (int64_t k = 0; k < K; k += 2) {
      const float* row = b.p + (k0 + k) * b.rows;
      const bool second = k + 1 < K;
      for_each_vec(n, [&](auto j, auto get, auto) LSTM_INLINE_LAMBDA {
        store(panel + k / 2 * width + j,
              slots_of({get(row + j), second ? get(row + b.rows + j) : vec{}}));
      });
    }
    return;
  }
  for (int j = 0; j < n; j += lanes)
    for (int64_t k = 0; k < K; k += 2 * lanes) {
      vec square[lanes];
      for (int i = 0; i < lanes; ++i)
        square[i] = j + i < n ? row_of(b.p + k0 + k + (j + i) * b.columns, K - k) : vec{};
      transpose(square);
      for (int i = 0; i < lanes && k + 2 * i < K; ++i)
        store(panel + (k / 2 + i) * width + j, square[i]);
    }
}

// Row k of a panel becomes 0.
LSTM_INLINE void clear_row(float* panel, int64_t k, int64_t width) {
  const std::int32_t other = k % 2 ? 0xffff : ~0xffff;
  for (float *pair = panel + k / 2 * width, *end = pair + width; pair < end; pair += lanes)
    store(pair, (vec)((ivec)load(pair) & other));
}

// The left side (M, K) of a product. Its rows are contiguous, or its columns where those of a are
// and tiles are in registers. The first `missing` columns, none or one, are zeros that a does not
// have; then its columns are contiguous.
LSTM_INLINE int64_t left_row(int64_t K) { return (K + 31) / 32 * 16; }
LSTM_INLINE int64_t left_size(int64_t M, int64_t K) {
  return std::max(M * left_row(K), (M + 15) / 16 * 16 * ((K + 1) / 2));
}

// The pairs of columns k and k + 1 of a, whose columns are contiguous, in `count` rows from i on.
LSTM_INLINE vec pairs_of(View a, int64_t K, int64_t i, int64_t k, int count, int missing) {
  const float* column = a.p + k * a.columns + i;
  const bool first = k >= missing, second = k + 1 < K;
  return slots_of({first ? load_part(column, count) : vec{},
                   second ? load_part(column + a.columns, count) : vec{}});
}

inline Left left_side(int64_t M, int64_t K, View a, float* memory, int missing = 0) {
  if (a.rows != 1) {
    const int64_t pitch = left_row(K);
    for (int64_t i = 0; i < M; ++i) {
      const float* row = a.p + i * a.rows;
      float* out = memory + i * pitch;
      for (int64_t k = 0; k < K; k += 2 * lanes) store(out + k / 2, row_of(row + k, K - k));
    }
    return {memory, pitch, 1};
  }
  if constexpr (tile_rows > register_rows) {
    const int64_t pitch = left_row(K);
    for (int64_t i = 0; i < M; i += lanes)
      for (int64_t k = 0; k < K; k += 2 * lanes) {
        const int count = int(std::min<int64_t>(M - i, lanes));
        vec square[lanes];
        for (int64_t j = 0; j < lanes; ++j)
          square[j] = k + 2 * j < K ? pairs_of(a, K, i, k + 2 * j, count, missing) : vec{};
        transpose(square);
        for (int row = 0; row < count; ++row)
          store(memory + (i + row) * pitch + k / 2, square[row]);
      }
    return {memory, pitch, 1};
  }
  const int64_t pitch = (M + 15) / 16 * 16;
  for (int64_t k = 0; k < K; k += 2)
    for (int64_t i = 0; i < M; i += lanes)
      store(memory + k / 2 * pitch + i,
            pairs_of(a, K, i, k, int(std::min<int64_t>(M - i, lanes)), missing));
  return {memory, 1, pitch};
}

// acc[m][v] += Σ_k a(m, k) · panel[k][v]
template <int M, int V>
LSTM_INLINE void tile(int64_t K, Left a, const float* panel, vec (&acc)[M][V]) {
  for (int64_t k = 0; k < (K + 1) / 2; ++k) {
    vec b[V];
    for (int v = 0; v < V; ++v) b[v] = load(panel + v * lanes);
    for (int m = 0; m < M; ++m) {
      const vec x = (vec)_mm512_set1_ps(a.p[m * a.rows + k * a.columns]);
      for (int v = 0; v < V; ++v) acc[m][v] = multiplied(acc[m][v], x, b[v]);
    }
    panel += V * lanes;
  }
}

// c (n) += Σ_k a(k)·b(k, ·) over K rows of b, of `ldb` floats each.
template <int K>
inline void add_products(int64_t n, const float* a, int64_t stride, const float* b, int64_t ldb,
                         float* c) {
  constexpr int pairs = (K + 1) / 2;
  vec x[pairs];
  for (int p = 0; p < pairs; ++p)
    x[p] = slots_of(
        {broadcast(a[2 * p * stride]), 2 * p + 1 < K ? broadcast(a[(2 * p + 1) * stride]) : vec{}});
  for_each_vec(n, [&](auto j, auto get, auto put) LSTM_INLINE_LAMBDA {
    vec total = get(c + j);
    for (int p = 0; p < pairs; ++p) {
      const float* row = b + 2 * p * ldb + j;
      total = multiplied(total, x[p], slots_of({get(row), 2 * p + 1 < K ? get(row + ldb) : vec{}}));
    }
    put(c + j, total);
  });
}

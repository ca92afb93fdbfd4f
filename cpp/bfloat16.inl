// Factors of products in bfloat16, rounded to nearest, ties to even; sums are float32.
//
// A slot is a pair of factors, which one instruction multiplies and adds up. A becomes pairs in
// memory of the thread, once for all panels of B: to round its numbers for each tile would take a
// tenth of the time.

constexpr int in_slot = 2;

// The bits of bfloat16 numbers, which are the upper half of those of a float.
using halves = std::uint16_t __attribute__((vector_size(lanes * 2)));

LSTM_INLINE ivec lower_bits(vec x) {
  return __builtin_convertvector((halves)_mm512_cvtneps_pbh((__m512)x), ivec);
}

// x as a factor.
LSTM_INLINE vec rounded(vec x) { return (vec)(lower_bits(x) << 16); }

// The factors of 32 numbers in a row: those of `low` come first.
LSTM_INLINE vec row_of(vec low, vec high) {
  return (vec)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

// A row of a panel, of a vector of each row of B in its slots.
LSTM_INLINE vec slots_of(const vec (&rows)[in_slot]) {
  return (vec)(lower_bits(rows[0]) | lower_bits(rows[1]) << 16);
}

// One panel: columns [0, n) of rows [k0, k0 + K) of b, padded with zeros to whole vectors and
// pairs.
inline void pack_panel(View b, int64_t k0, int64_t K, int n, float* panel) {
  for (int64_t k = k0, left = K; left > 0; k += 2, left -= 2, panel += padded(n)) {
    const float* row = b.p + k * b.rows;
    if (b.columns == 1) {
      for_each_vec(n, [&](auto j, auto get, auto) LSTM_INLINE_LAMBDA {
        store(panel + j, slots_of({get(row + j), left > 1 ? get(row + b.rows + j) : vec{}}));
      });
    } else {
      float rows[2][panel_width] = {};
      for (int i = 0; i < 2 && i < left; ++i)
        for (int j = 0; j < n; ++j) rows[i][j] = row[i * b.rows + j * b.columns];
      for (int j = 0; j < n; j += lanes)
        store(panel + j, slots_of({load(rows[0] + j), load(rows[1] + j)}));
    }
  }
}

// Row k of a panel becomes 0.
LSTM_INLINE void clear_row(float* panel, int64_t k, int64_t width) {
  auto* pairs = reinterpret_cast<std::uint16_t*>(panel + k / 2 * width);
  for (int64_t j = 0; j < width; ++j) pairs[2 * j + k % 2] = 0;
}

// The left side (M, K) of a product, of which the first `missing` columns, none or one, are zeros
// that a does not have. Its rows or its columns, whichever are contiguous in a, are contiguous.
LSTM_INLINE int64_t left_row(int64_t K) { return (K + 31) / 32 * 16; }
LSTM_INLINE int64_t left_size(int64_t M, int64_t K) {
  return std::max(M * left_row(K), (M + 15) / 16 * 16 * ((K + 1) / 2));
}

inline Left left_side(int64_t M, int64_t K, View a, float* memory, int missing = 0) {
  if (a.columns == 1) {
    const int64_t pitch = left_row(K);
    for (int64_t i = 0; i < M; ++i) {
      const float* row = a.p + i * a.rows;
      float* out = memory + i * pitch;
      int64_t k = 0;
      for (; k + 32 <= K; k += 32) store(out + k / 2, row_of(load(row + k), load(row + k + 16)));
      if (const int rest = int(K - k))
        store(out + k / 2, row_of(load_part(row + k, std::min(rest, 16)),
                                  rest > 16 ? load_part(row + k + 16, rest - 16) : vec{}));
    }
    return {memory, pitch, 1};
  }
  const int64_t pitch = (M + 15) / 16 * 16;
  for (int64_t k = 0; k < K; k += 2) {
    const float* column = a.p + k * a.columns;
    float* out = memory + k / 2 * pitch;
    const bool first = k >= missing, second = k + 1 < K;
    for_each_vec(M, [&](auto i, auto get, auto) LSTM_INLINE_LAMBDA {
      store(out + i, slots_of({first ? get(column + i) : vec{},
                               second ? get(column + a.columns + i) : vec{}}));
    });
  }
  return {memory, 1, pitch};
}

// Call f(i, end) for rows of A that are made a left side together, as many as the cache holds.
template <class F>
LSTM_INLINE void for_each_left(int64_t i0, int64_t i1, F f) {
  constexpr int64_t most = 1 << 10;
  for (; i0 < i1; i0 += most) f(i0, std::min(i0 + most, i1));
}

// acc[m][v] += Σ_k a(m, k) · panel[k][v]
template <int M, int V>
LSTM_INLINE void tile(int64_t K, Left a, const float* panel, vec (&acc)[M][V]) {
  for (int64_t k = 0; k < (K + 1) / 2; ++k) {
    vec b[V];
    for (int v = 0; v < V; ++v) b[v] = load(panel + v * lanes);
    for (int m = 0; m < M; ++m) {
      const auto x = (__m512bh)_mm512_set1_ps(a.p[m * a.rows + k * a.columns]);
      for (int v = 0; v < V; ++v)
        acc[m][v] = (vec)_mm512_dpbf16_ps((__m512)acc[m][v], x, (__m512bh)b[v]);
    }
    panel += V * lanes;
  }
}

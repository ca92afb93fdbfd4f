// Factors of products in float32: a slot is a number, and A is read where it is.

constexpr int in_slot = 1;
constexpr int64_t left_rows = 384;  // go through all panels together: `depth` of each stay in L2

// A row of a panel, of a vector of each row of B in its slots.
LSTM_INLINE vec slots_of(const vec (&rows)[in_slot]) { return rows[0]; }

// One panel: columns [0, n) of rows [k0, k0 + K) of b, padded with zeros to whole vectors.
inline void pack_panel(View b, int64_t k0, int64_t K, int n, float* panel) {
  const int64_t width = padded(n);
  for (int64_t k = 0; k < K && b.columns == 1; ++k)
    for_each_vec(n, [&](auto j, auto get, auto) LSTM_INLINE_LAMBDA {
      store(panel + k * width + j, get(b.p + (k0 + k) * b.rows + j));
    });
  for (int64_t j = 0; j < n && b.columns != 1; j += lanes) {
    // Of a matrix on its side, whose rows are the columns of another.
    const float* first = b.p + k0 + j * b.columns;
    transposed(
        n - j, K, [&](auto m) LSTM_INLINE_LAMBDA { return first + m * b.columns; }, panel + j,
        width);
  }
}

// Row k of a panel becomes 0.
LSTM_INLINE void clear_row(float* panel, int64_t k, int64_t width) {
  std::memset(panel + k * width, 0, width * sizeof(float));
}

// The left side of a product, and the floats of memory that a row of it and all of it need.
LSTM_INLINE int64_t left_row(int64_t) { return 0; }
LSTM_INLINE int64_t left_size(int64_t, int64_t) { return 0; }
LSTM_INLINE Left left_side(int64_t, int64_t, View a, float*, int = 0) {
  return {a.p, a.rows, a.columns};
}

// acc[m][v] += Σ_k a(m, k) · panel[k][v]
template <int M, int V>
LSTM_INLINE void tile(int64_t K, Left a, const float* panel, vec (&acc)[M][V]) {
  for (int64_t k = 0; k < K; ++k) {
    vec b[V];
    for (int v = 0; v < V; ++v) b[v] = load(panel + v * lanes);
    for (int m = 0; m < M; ++m) {
      const vec x = broadcast(a.p[m * a.rows + k * a.columns]);
      for (int v = 0; v < V; ++v) acc[m][v] += x * b[v];
    }
    panel += V * lanes;
  }
}

// c (n) += Σ_k a(k)·b(k, ·) over K rows of b, of `ldb` floats each.
template <int K>
inline void add_products(int64_t n, const float* a, int64_t stride, const float* b, int64_t ldb,
                         float* c) {
  vec x[K];
  for (int k = 0; k < K; ++k) x[k] = broadcast(a[k * stride]);
  int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    vec total = load(c + j);
    for (int k = 0; k < K; ++k) total += x[k] * load(b + k * ldb + j);
    store(c + j, total);
  }
  if (const int rest = int(n - j)) {
    vec total = load_part(c + j, rest);
    for (int k = 0; k < K; ++k) total += x[k] * load_part(b + k * ldb + j, rest);
    store_part(c + j, total, rest);
  }
}

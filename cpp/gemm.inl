// Matrix products: C = A·B + bias, or C += A·B, for any sizes and strides.
//
// B is packed into panels of `panel_width` columns; A is read where it is. A register tile of
// tile_rows × panel_width accumulates along k in ascending order whatever the tile's height, so
// that a result does not depend on how rows are divided among threads.

#if LSTM_LANES == 16
constexpr int tile_rows = 6, tile_vecs = 4;
#else
constexpr int tile_rows = 6, tile_vecs = 2;
#endif
constexpr int panel_width = tile_vecs * lanes;
constexpr int64_t depth = 256;  // of a packed block of B: a panel of it stays in L1

// A matrix in memory: element (i, j) is at p[i·rows + j·columns].
struct View {
  const float* p;
  int64_t rows, columns;
};

LSTM_INLINE int64_t panels(int64_t n) { return (n + panel_width - 1) / panel_width; }

// acc[m][v] += Σ_k a(m, k) · panel[k][v]
template <int M, int V>
LSTM_INLINE void tile(int64_t K, View a, const float* panel, vec (&acc)[M][V]) {
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

// Call f.template operator()<M>() for the run-time height m of a tile.
template <class F>
LSTM_INLINE void with_rows(int64_t m, F f) {
  static_assert(tile_rows == 6);
  switch (m) {
    case 1: return f(std::integral_constant<int, 1>());
    case 2: return f(std::integral_constant<int, 2>());
    case 3: return f(std::integral_constant<int, 3>());
    case 4: return f(std::integral_constant<int, 4>());
    case 5: return f(std::integral_constant<int, 5>());
    default: return f(std::integral_constant<int, 6>());
  }
}

// Number of columns in panel p of a matrix of n: panel_width, or fewer in the last.
LSTM_INLINE int columns_of(int64_t n, int64_t p) {
  return int(n - p * panel_width < panel_width ? n - p * panel_width : panel_width);
}

// Floats in a row of a panel of n columns: whole vectors.
LSTM_INLINE int64_t padded(int n) { return (n + lanes - 1) / lanes * lanes; }

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

// out (n) += the sums over K rows of x, of `pitch` floats each.
inline void add_rows(int64_t K, int64_t n, const float* x, int64_t pitch, float* out) {
  constexpr int vecs = 4, width = vecs * lanes;  // at once: whole lines of the cache
  for (; n >= width; n -= width, x += width, out += width) {
    vec total[vecs];
    for (int v = 0; v < vecs; ++v) total[v] = load(out + v * lanes);
    for (int64_t k = 0; k < K; ++k)
      for (int v = 0; v < vecs; ++v) total[v] += load(x + k * pitch + v * lanes);
    for (int v = 0; v < vecs; ++v) store(out + v * lanes, total[v]);
  }
  for_each_vec(n, [&](auto j, auto get, auto put) LSTM_INLINE_LAMBDA {
    vec total = get(out + j);
    for (int64_t k = 0; k < K; ++k) total += get(x + k * pitch + j);
    put(out + j, total);
  });
}

// The rows [i0, i1) of C against one packed panel of n columns, V vectors, and K rows.
template <int V>
inline void panel_product_of(int64_t i0, int64_t i1, int64_t K, View a, const float* panel,
                             float* c, int64_t ldc, int n, bool accumulate, const float* bias) {
  for (int64_t i = i0; i < i1; i += tile_rows) {
    with_rows(i1 - i, [&](auto height) LSTM_INLINE_LAMBDA {
      constexpr int M = decltype(height)::value;
      vec acc[M][V] = {};
      tile<M, V>(K, {a.p + i * a.rows, a.rows, a.columns}, panel, acc);
      for (int r = 0; r < M; ++r) {
        float* row = c + (i + r) * ldc;
        for (int v = 0; v < V; ++v) {
          const int left = n - v * lanes;
          float* out = row + v * lanes;
          vec value = acc[r][v];
          if (left >= lanes) {
            if (accumulate) value += load(out);
            if (bias) value += load(bias + v * lanes);
            store(out, value);
          } else {
            if (accumulate) value += load_part(out, left);
            if (bias) value += load_part(bias + v * lanes, left);
            store_part(out, value, left);
          }
        }
      }
    });
  }
}

inline void panel_product(int64_t i0, int64_t i1, int64_t K, View a, const float* panel, float* c,
                          int64_t ldc, int n, bool accumulate, const float* bias) {
  const auto product = [&](auto vecs) {
    panel_product_of<decltype(vecs)::value>(i0, i1, K, a, panel, c, ldc, n, accumulate, bias);
  };
  switch ((n + lanes - 1) / lanes) {
    case 1: return product(std::integral_constant<int, 1>());
    case 2: return product(std::integral_constant<int, 2>());
#if LSTM_LANES == 16
    case 3: return product(std::integral_constant<int, 3>());
    default: return product(std::integral_constant<int, 4>());
#endif
  }
}

// All panels of b (K, N), for `packed_product`: panels(N) * panel_width * K floats.
inline void pack_panels(int64_t K, int64_t N, View b, float* packed) {
  parallel_each(panels(N), 4.0 * K * panel_width, [&](auto p) {
    pack_panel({b.p + p * panel_width * b.columns, b.rows, b.columns}, 0, K, columns_of(N, p),
               packed + p * K * panel_width);
  });
}

// C (M, N) = A (M, K)·B + bias (N), or C += A·B, on the calling thread, with the panels of B.
LSTM_INLINE void packed_product(int64_t M, int64_t N, int64_t K, View a, const float* packed,
                                float* c, int64_t ldc, bool accumulate, const float* bias) {
  for (int64_t p = 0; p < panels(N); ++p)
    panel_product(0, M, K, a, packed + p * K * panel_width, c + p * panel_width, ldc,
                  columns_of(N, p), accumulate, bias ? bias + p * panel_width : nullptr);
}

// So few rows of A that to pack B would cost more than the product.
constexpr int64_t few_rows = 4;

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

// `gemm` with few rows: B is read where it is, once for each of them. Threads divide the columns.
inline void thin_gemm(int64_t M, int64_t N, int64_t K, View a, const float* b, int64_t ldb,
                      float* c, int64_t ldc, bool accumulate, const float* bias) {
  parallel(N, 4 * lanes, 2.0 * M * K, [&](auto j0, auto j1) {
    for (int64_t i = 0; i < M; ++i) {
      const float* row = a.p + i * a.rows;
      float* out = c + i * ldc + j0;
      if (!accumulate) std::memset(out, 0, (j1 - j0) * sizeof(float));
      int64_t k = 0;
      for (; k + 8 <= K; k += 8)
        add_products<8>(j1 - j0, row + k * a.columns, a.columns, b + k * ldb + j0, ldb, out);
      for (; k < K; ++k)
        add_products<1>(j1 - j0, row + k * a.columns, a.columns, b + k * ldb + j0, ldb, out);
      if (bias) add_rows(1, j1 - j0, bias + j0, 0, out);
    }
  });
}

// C (M, N) = A (M, K)·B (K, N) + bias (N), or C += A·B where `accumulate`. C has rows of ldc
// floats. Threads divide the columns if these are many, or the rows, of which each packs all of B.
inline void gemm(int64_t M, int64_t N, int64_t K, View a, View b, float* c, int64_t ldc,
                 bool accumulate, const float* bias) {
  if (M == 0 || N == 0) return;
  if (K == 0) {
    for (int64_t i = 0; i < M && !accumulate; ++i)
      for (int64_t j = 0; j < N; ++j) c[i * ldc + j] = bias ? bias[j] : 0;
    return;
  }
  if (M <= few_rows && b.columns == 1)
    return thin_gemm(M, N, K, a, b.p, b.rows, c, ldc, accumulate, bias);
  const auto multiply = [&](int64_t i0, int64_t i1, int64_t p0, int64_t p1) {
    float* panel = scratch(0, panel_width * (K < depth ? K : depth));
    for (int64_t k = 0; k < K; k += depth) {
      const int64_t block = K - k < depth ? K - k : depth;
      const View ak{a.p + k * a.columns, a.rows, a.columns};
      for (int64_t p = p0; p < p1; ++p) {
        const int64_t j = p * panel_width;
        pack_panel({b.p + j * b.columns, b.rows, b.columns}, k, block, columns_of(N, p), panel);
        panel_product(i0, i1, block, ak, panel, c + j, ldc, columns_of(N, p), accumulate || k > 0,
                      bias && k == 0 ? bias + j : nullptr);
      }
    }
  };
  const int64_t threads = thread_count(), whole = N / panel_width;
  if (M < tile_rows * threads || whole >= 4 * threads ||
      (N == whole * panel_width && whole % threads == 0))
    parallel(panels(N), 1, 2.0 * M * K * panel_width,
             [&](auto p0, auto p1) { multiply(0, M, p0, p1); });
  else
    parallel(M, tile_rows, 2.0 * K * N, [&](auto i0, auto i1) { multiply(i0, i1, 0, panels(N)); });
}

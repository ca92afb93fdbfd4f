// Matrix products: C = A·B + bias, or C += A·B, for any sizes and strides.
//
// B is packed into panels of `panel_width` columns; A is read as a `Left`. A tile of tile_rows ×
// panel_width accumulates along k in the same order whatever the tile's height, so that a result
// does not depend on how rows are divided among threads.

// Call f.template operator()<M>() for the run-time height m of a tile in registers.
template <class F>
LSTM_INLINE void with_rows(int64_t m, F f) {
  static_assert(register_rows == 6);
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

// So few rows of A that to pack B would cost more than the product. They are multiplied in
// registers, whoever calls: few rows of more are not, so that results do not depend on threads.
constexpr int64_t few_rows = 4;

// Call put(r, v, z) with z = Σ_k a(r, k)·panel[k][v], for some rows of A, at most tile_rows, and
// all V vectors of a panel.
template <int V, class Put>
LSTM_INLINE void tile_product(int64_t rows, int64_t K, Left a, const float* panel,
                              [[maybe_unused]] bool few, Put put) {
#if defined(LSTM_AMX)
  if (!few) {
    alignas(64) float sums[tile_rows * V * lanes];
    amx_product<V>(int(rows), K, a, panel, sums);
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < V; ++v) put(r, v, load(sums + (r * V + v) * lanes));
    return;
  }
#endif
  with_rows(rows, [&](auto height) LSTM_INLINE_LAMBDA {
    constexpr int M = decltype(height)::value;
    vec acc[M][V] = {};
    tile<M, V>(K, a, panel, acc);
    for (int r = 0; r < M; ++r)
      for (int v = 0; v < V; ++v) put(r, v, acc[r][v]);
  });
}

// The rows [i0, i1) of C against one packed panel of n columns, V vectors, and K rows.
template <int V>
inline void panel_product_of(int64_t i0, int64_t i1, int64_t K, Left a, const float* panel,
                             float* c, int64_t ldc, int n, bool accumulate, const float* bias,
                             bool few) {
  for (int64_t i = i0; i < i1; i += tile_rows) {
    const int64_t rows = std::min<int64_t>(i1 - i, tile_rows);
    // What the tile will be added or written to, while its product keeps the core busy.
    for (int64_t r = 0; r < rows; ++r)
      for (int v = 0; v < V; ++v) __builtin_prefetch(c + (i + r) * ldc + v * lanes, 1);
    tile_product<V>(rows, K, a.from(i), panel, few,
                    [&](auto r, auto v, vec value) LSTM_INLINE_LAMBDA {
                      const int left = n - v * lanes;
                      float* out = c + (i + r) * ldc + v * lanes;
                      if (left >= lanes) {
                        if (accumulate) value += load(out);
                        if (bias) value += load(bias + v * lanes);
                        store(out, value);
                      } else {
                        if (accumulate) value += load_part(out, left);
                        if (bias) value += load_part(bias + v * lanes, left);
                        store_part(out, value, left);
                      }
                    });
  }
}

// few: whether these are few rows in all.
inline void panel_product(int64_t i0, int64_t i1, int64_t K, Left a, const float* panel, float* c,
                          int64_t ldc, int n, bool accumulate, const float* bias,
                          bool few = false) {
  const auto product = [&](auto vecs) {
    panel_product_of<decltype(vecs)::value>(i0, i1, K, a, panel, c, ldc, n, accumulate, bias, few);
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

// Floats that the panels of a matrix (K, N) take up.
LSTM_INLINE int64_t packed_size(int64_t K, int64_t N) { return panels(N) * panel_width * slots(K); }

// All panels of b (K, N), for `packed_product`.
inline void pack_panels(int64_t K, int64_t N, View b, float* packed) {
  parallel_each(panels(N), 4.0 * K * panel_width, [&](auto p) {
    pack_panel({b.p + p * panel_width * b.columns, b.rows, b.columns}, 0, K, columns_of(N, p),
               packed + p * slots(K) * panel_width);
  });
}

// C (M, N) = A (M, K)·B + bias (N), or C += A·B, on the calling thread, with the panels of B.
LSTM_INLINE void packed_product(int64_t M, int64_t N, int64_t K, View a, const float* packed,
                                float* c, int64_t ldc, bool accumulate, const float* bias) {
  const Left left = left_side(M, K, a, scratch(3, left_size(M, K)));
  for (int64_t p = 0; p < panels(N); ++p)
    panel_product(0, M, K, left, packed + p * slots(K) * panel_width, c + p * panel_width, ldc,
                  columns_of(N, p), accumulate, bias ? bias + p * panel_width : nullptr);
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
      for (; k + in_slot <= K; k += in_slot)
        add_products<in_slot>(j1 - j0, row + k * a.columns, a.columns, b + k * ldb + j0, ldb, out);
      for (; k < K; ++k)
        add_products<1>(j1 - j0, row + k * a.columns, a.columns, b + k * ldb + j0, ldb, out);
      if (bias) add_rows(1, j1 - j0, bias + j0, 0, out);
    }
  });
}

// There is room for columns up to a multiple of 64, whatever the vectors.
static_assert(64 % panel_width == 0);
inline void pack_panels(int64_t D, int64_t F, const float* w, float* packed) {
  pack_panels(D, F, {w, F, 1}, packed);
}

// Call f(i, end) for rows of A that go through all panels together, so that they stay in the cache.
template <class F>
LSTM_INLINE void for_each_left(int64_t i0, int64_t i1, F f) {
  for (; i0 < i1; i0 += left_rows) f(i0, std::min(i0 + left_rows, i1));
}

// `gemm` with all panels of B, where contiguous rows of B made them: the same bits.
inline void prepared_gemm(int64_t M, int64_t N, int64_t K, View a, const float* packed, float* c,
                          int64_t ldc, const float* bias) {
  const int64_t most = M <= few_rows ? K : depth;
  parallel(panels(N), 1, 2.0 * M * K * panel_width, [&](auto p0, auto p1) {
    for_each_left(0, M, [&](int64_t i, int64_t end) {
      for (int64_t k = 0; k < K; k += most) {
        const int64_t block = std::min(K - k, most);
        const Left left =
            left_side(end - i, block, a.from(i, k), scratch(3, left_size(end - i, block)));
        for (int64_t p = p0; p < p1; ++p) {
          const int64_t j = p * panel_width;
          const int n = columns_of(N, p);
          const float* panel = packed + p * slots(K) * panel_width + slots(k) * padded(n);
          panel_product(0, end - i, block, left, panel, c + i * ldc + j, ldc, n, k > 0,
                        bias && k == 0 ? bias + j : nullptr, M <= few_rows);
        }
      }
    });
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
    float* panel = scratch(0, panel_width * slots(K < depth ? K : depth));
    for_each_left(i0, i1, [&](int64_t i, int64_t end) {
      for (int64_t k = 0; k < K; k += depth) {
        const int64_t block = K - k < depth ? K - k : depth;
        const Left left =
            left_side(end - i, block, a.from(i, k), scratch(3, left_size(end - i, block)));
        for (int64_t p = p0; p < p1; ++p) {
          const int64_t j = p * panel_width;
          pack_panel(b.from(0, j), k, block, columns_of(N, p), panel);
          panel_product(0, end - i, block, left, panel, c + i * ldc + j, ldc, columns_of(N, p),
                        accumulate || k > 0, bias && k == 0 ? bias + j : nullptr);
        }
      }
    });
  };
  const int64_t threads = thread_count(), whole = N / panel_width;
  if (M < tile_rows * threads || whole >= 4 * threads ||
      (N == whole * panel_width && whole % threads == 0))
    parallel(panels(N), 1, 2.0 * M * K * panel_width,
             [&](auto p0, auto p1) { multiply(0, M, p0, p1); });
  else
    parallel(M, tile_rows, 2.0 * K * N, [&](auto i0, auto i1) { multiply(i0, i1, 0, panels(N)); });
}

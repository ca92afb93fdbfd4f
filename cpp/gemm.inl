// Matrix products: C = A·B + bias, or C += A·B, for any sizes and strides.
//
// B is packed into panels of `panel_width` columns; A is read where it is. A register tile of
// tile_rows × panel_width accumulates along k in ascending order whatever the tile's height, so
// that a result does not depend on how rows are divided among threads.

namespace LSTM_ISA {

#if LSTM_LANES == 16
constexpr int tile_rows = 6, tile_vecs = 4;
#else
constexpr int tile_rows = 6, tile_vecs = 2;
#endif
constexpr int panel_width = tile_vecs * lanes;
constexpr std::int64_t depth = 256;  // of a packed block of B: a panel of it stays in L1

// A matrix in memory: element (i, j) is at p[i·rows + j·columns].
struct View {
  const float* p;
  std::int64_t rows, columns;
};

LSTM_INLINE std::int64_t panels(std::int64_t n) { return (n + panel_width - 1) / panel_width; }

// acc[m][v] += Σ_k a(m, k) · panel[k][v]
template <int M, int V>
LSTM_INLINE void tile(std::int64_t K, View a, const float* panel, vec (&acc)[M][V]) {
  for (std::int64_t k = 0; k < K; ++k) {
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
LSTM_INLINE void with_rows(std::int64_t m, F f) {
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

// Rows k of B with k % period == phase count as zeros; a period of 0 leaves none out.
struct Skip {
  std::int64_t period, phase;
};

// One panel: columns [0, n) of rows [k0, k0 + K) of b, padded with zeros to panel_width.
inline void pack_panel(View b, std::int64_t k0, std::int64_t K, int n, float* panel,
                       Skip skip = {}) {
  for (std::int64_t k = k0; k < k0 + K; ++k, panel += panel_width) {
    const float* row = b.p + k * b.rows;
    if (skip.period && k % skip.period == skip.phase) {
      std::memset(panel, 0, panel_width * sizeof(float));
      continue;
    }
    if (b.columns == 1 && n == panel_width) {
      std::memcpy(panel, row, panel_width * sizeof(float));
      continue;
    }
    for (int j = 0; j < n; ++j) panel[j] = row[j * b.columns];
    for (int j = n; j < panel_width; ++j) panel[j] = 0;
  }
}

// The rows [i0, i1) of C against one packed panel of n columns and K rows.
inline void panel_product(std::int64_t i0, std::int64_t i1, std::int64_t K, View a,
                          const float* panel, float* c, std::int64_t ldc, int n, bool accumulate,
                          const float* bias) {
  for (std::int64_t i = i0; i < i1; i += tile_rows) {
    const std::int64_t m = i1 - i < tile_rows ? i1 - i : tile_rows;
    with_rows(m, [&](auto height) LSTM_INLINE_LAMBDA {
      constexpr int M = decltype(height)::value;
      vec acc[M][tile_vecs] = {};
      tile<M, tile_vecs>(K, {a.p + i * a.rows, a.rows, a.columns}, panel, acc);
      for (int r = 0; r < M; ++r) {
        float* row = c + (i + r) * ldc;
        for (int v = 0; v < tile_vecs; ++v) {
          const int left = n - v * lanes;
          if (left <= 0) break;
          float* out = row + v * lanes;
          if (left >= lanes) {
            vec value = acc[r][v];
            if (accumulate) value += load(out);
            if (bias) value += load(bias + v * lanes);
            store(out, value);
          } else {
            vec value = acc[r][v];
            if (accumulate) value += load_part(out, left);
            if (bias) value += load_part(bias + v * lanes, left);
            store_part(out, value, left);
          }
        }
      }
    });
  }
}

// C (M, N) = A (M, K)·B (K, N) + bias (N), or C += A·B where `accumulate`. C has rows of ldc
// floats.
inline void gemm(std::int64_t M, std::int64_t N, std::int64_t K, View a, View b, float* c,
                 std::int64_t ldc, bool accumulate, const float* bias, Skip skip = {}) {
  if (M == 0 || N == 0) return;
  if (K == 0) {
    for (std::int64_t i = 0; i < M && !accumulate; ++i)
      for (std::int64_t j = 0; j < N; ++j) c[i * ldc + j] = bias ? bias[j] : 0;
    return;
  }
  const std::int64_t count = panels(N);
  float* packed = scratch(0, count * panel_width * (K < depth ? K : depth));
  for (std::int64_t k = 0; k < K; k += depth) {
    const std::int64_t block = K - k < depth ? K - k : depth;
    const std::int64_t size = block * panel_width;
    const View ak{a.p + k * a.columns, a.rows, a.columns};
    const auto width = [&](std::int64_t p) {
      return int(N - p * panel_width < panel_width ? N - p * panel_width : panel_width);
    };
    const auto pack = [&](std::int64_t p) {
      const View bp{b.p + p * panel_width * b.columns, b.rows, b.columns};
      pack_panel(bp, k, block, width(p), packed + p * size, skip);
    };
    const auto multiply = [&](std::int64_t i0, std::int64_t i1, std::int64_t p) {
      panel_product(i0, i1, block, ak, packed + p * size, c + p * panel_width, ldc, width(p),
                    accumulate || k > 0, bias && k == 0 ? bias + p * panel_width : nullptr);
    };
    if (M >= 4 * tile_rows * lstm::thread_count() || count < lstm::thread_count()) {
      lstm::parallel(count, 1, double(block) * panel_width, [&](auto begin, auto end) {
        for (auto p = begin; p < end; ++p) pack(p);
      });
      lstm::parallel(M, tile_rows, 2.0 * block * N, [&](auto begin, auto end) {
        for (std::int64_t p = 0; p < count; ++p) multiply(begin, end, p);
      });
    } else {
      lstm::parallel(count, 1, 2.0 * block * M * panel_width, [&](auto begin, auto end) {
        for (auto p = begin; p < end; ++p) {
          pack(p);
          multiply(0, M, p);
        }
      });
    }
  }
}

}  // namespace LSTM_ISA

// The LSTM layer, forward and backward; equations (L1)-(L8) and (B1)-(B12) of docs/theory/lstm.md.
//
// A thread owns a slice of the batch for the whole sequence, so there is no barrier between steps.
// The recurrent kernel is packed so that a register tile holds the four gates of the same units,
// and the cell is updated where the tile leaves it.

namespace LSTM_ISA {

// Of a number and NaN, min and max return the second: NaN stays NaN.
template <Activation A>
LSTM_INLINE vec apply(vec x) {
  if constexpr (A == Activation::relu) return max(vec{}, x);
  if constexpr (A == Activation::tanh) return tanh(x);
  if constexpr (A == Activation::sigmoid) return sigmoid(x);
  if constexpr (A == Activation::hard_sigmoid)
    return min(broadcast(1), max(vec{}, x * (1.0f / 6) + 0.5f));
  return x;
}

// The derivative of an activation, from its output.
template <Activation A>
LSTM_INLINE vec slope(vec y) {
  const vec one = broadcast(1);
  if constexpr (A == Activation::relu) return select(y > 0.0f, one, vec{});
  if constexpr (A == Activation::tanh) return 1.0f - y * y;
  if constexpr (A == Activation::sigmoid) return y * (1.0f - y);
  if constexpr (A == Activation::hard_sigmoid)
    return select((y > 0.0f) & (y < 1.0f), one * (1.0f / 6), vec{});
  return one;
}

template <class F>
LSTM_INLINE void with_activation(Activation a, F f) {
  switch (a) {
    case Activation::relu: return f(std::integral_constant<Activation, Activation::relu>());
    case Activation::tanh: return f(std::integral_constant<Activation, Activation::tanh>());
    case Activation::sigmoid: return f(std::integral_constant<Activation, Activation::sigmoid>());
    case Activation::hard_sigmoid:
      return f(std::integral_constant<Activation, Activation::hard_sigmoid>());
    default: return f(std::integral_constant<Activation, Activation::linear>());
  }
}

constexpr int group_width = 4 * lanes;  // the gates i, f, g, o of `lanes` units

// Where the weights of row k of K for a gate stand in the panel of a unit group: as many gates side
// by side as a register tile holds.
LSTM_INLINE float* gate_slot(float* panel, std::int64_t K, std::int64_t k, int gate) {
  return panel + ((gate / tile_vecs * K + k) * tile_vecs + gate % tile_vecs) * lanes;
}

// z[m][gate] = Σ_k a(m, k)·panel[k][gate], for the units of one group. A function of its own, so
// that no constant of the code around it takes a register that the tile needs.
template <int M>
__attribute__((noinline)) void gate_products(std::int64_t K, View a, const float* panel,
                                             vec (*z)[4]) {
  for (int first = 0; first < 4; first += tile_vecs) {
    vec acc[M][tile_vecs] = {};
    tile<M, tile_vecs>(K, a, panel + first * K * lanes, acc);
    for (int m = 0; m < M; ++m)
      for (int v = 0; v < tile_vecs; ++v) z[m][first + v] = acc[m][v];
  }
}

// r (H, 4H) as panels of unit groups, padded with zeros.
inline void pack_gates(std::int64_t H, const float* r, float* packed) {
  const std::int64_t groups = (H + lanes - 1) / lanes;
  lstm::parallel(groups, 1, double(H) * group_width, [&](auto begin, auto end) {
    for (auto group = begin; group < end; ++group) {
      float* out = packed + group * H * group_width;
      const int n = int(H - group * lanes < lanes ? H - group * lanes : lanes);
      for (std::int64_t k = 0; k < H; ++k)
        for (int gate = 0; gate < 4; ++gate)
          store(gate_slot(out, H, k, gate), load_part(r + k * 4 * H + gate * H + group * lanes, n));
    }
  });
}

// Where the state before step t is: rows of `stride` floats.
struct Rows {
  const float* p;
  std::int64_t stride;
};

template <Activation G, Activation S>
void lstm_rows_forward(const LSTMShape& s, const float* packed, const LSTMForward& io,
                       std::int64_t b0, std::int64_t b1) {
  const std::int64_t T = s.T, H = s.H, groups = (H + lanes - 1) / lanes;
  for (std::int64_t step = 0; step < T; ++step) {
    const std::int64_t t = s.reverse ? T - 1 - step : step;
    const std::int64_t before = s.reverse ? t + 1 : t - 1;
    const Rows h = step ? Rows{io.y + before * H, T * H} : Rows{io.h0, H};
    const Rows c = step ? Rows{io.c + before * H, T * H} : Rows{io.c0, H};
    for (std::int64_t group = 0; group < groups; ++group) {
      const float* panel = packed + group * H * group_width;
      const std::int64_t u = group * lanes;
      const int n = int(H - u < lanes ? H - u : lanes);
      for (std::int64_t b = b0; b < b1; b += tile_rows) {
        const int rows = int(b1 - b < tile_rows ? b1 - b : tile_rows);
        vec z[tile_rows][4] = {};
        if (h.p)
          with_rows(rows, [&](auto height) LSTM_INLINE_LAMBDA {
            gate_products<decltype(height)::value>(H, {h.p + b * h.stride, h.stride, 1}, panel, z);
          });
        for (int m = 0; m < rows; ++m) {
          const std::int64_t at = (b + m) * T + t;
          float* gates = io.gates + at * 4 * H + u;
          const auto get = [n](const float* p) LSTM_INLINE_LAMBDA {
            return n == lanes ? load(p) : load_part(p, n);
          };
          const auto put = [n](float* p, vec v) LSTM_INLINE_LAMBDA {
            n == lanes ? store(p, v) : store_part(p, v, n);
          };
          const vec c_before = c.p ? get(c.p + (b + m) * c.stride + u) : vec{};
          const vec i = apply<S>(z[m][0] + get(gates));  // (L1), (L2)
          const vec f = apply<S>(z[m][1] + get(gates + H));  // (L3)
          const vec g = apply<G>(z[m][2] + get(gates + 2 * H));  // (L4)
          const vec o = apply<S>(z[m][3] + get(gates + 3 * H));  // (L5)
          vec c_new = f * c_before + i * g;  // (L6)
          vec h_new = o * apply<G>(c_new);  // (L7)
          if (io.mask && !io.mask[at]) {  // (L8)
            c_new = c_before;
            h_new = h.p ? get(h.p + (b + m) * h.stride + u) : vec{};
          }
          put(gates, i);
          put(gates + H, f);
          put(gates + 2 * H, g);
          put(gates + 3 * H, o);
          put(io.c + at * H + u, c_new);
          put(io.y + at * H + u, h_new);
        }
      }
    }
  }
}

inline void lstm_forward(const LSTMShape& s, const LSTMForward& io) {
  const std::int64_t H = s.H, groups = (H + lanes - 1) / lanes;
  gemm(s.B * s.T, 4 * H, s.D, {io.x, s.D, 1}, {io.w, 4 * H, 1}, io.gates, 4 * H, false, io.b);
  float* packed = scratch(1, groups * H * group_width);
  pack_gates(H, io.r, packed);
  with_activation(s.activation, [&](auto g) {
    with_activation(s.recurrent_activation, [&](auto r) {
      constexpr Activation G = decltype(g)::value, S = decltype(r)::value;
      lstm::parallel(s.B, 1, 8.0 * s.T * H * H,
                     [&](auto b0, auto b1) { lstm_rows_forward<G, S>(s, packed, io, b0, b1); });
    });
  });
}

// dh (rows, H) for step t, then dz, dc of the step; b counts from b0 in the work arrays.
template <Activation G, Activation S>
void lstm_rows_backward(const LSTMShape& s, const float* packed, const LSTMBackward& io,
                        std::int64_t b0, std::int64_t b1) {
  const std::int64_t T = s.T, H = s.H, rows = b1 - b0, count = panels(H);
  for (std::int64_t step = T - 1; step >= 0; --step) {
    const std::int64_t t = s.reverse ? T - 1 - step : step;
    const std::int64_t before = s.reverse ? t + 1 : t - 1;
    for (std::int64_t b = b0; b < b1; ++b) {
      const std::int64_t at = b * T + t;
      float *dh = io.dh + b * H, *dc = io.dc + b * H, *dz = io.dz + at * 4 * H;
      if (io.dy) {
        const float* dy = io.dy + at * H;
        for_each_vec(H, [&](auto u, auto get, auto put) LSTM_INLINE_LAMBDA {
          put(dh + u, get(dh + u) + get(dy + u));  // (B1)
        });
      }
      if (io.mask && !io.mask[at]) {
        std::memset(dz, 0, 4 * H * sizeof(float));
        continue;
      }
      const float *gates = io.gates + at * 4 * H, *c_now = io.c + at * H;
      const float* c_before = step ? io.c + (b * T + before) * H : io.c0 ? io.c0 + b * H : nullptr;
      for_each_vec(H, [&](auto u, auto get, auto put) LSTM_INLINE_LAMBDA {
        const vec i = get(gates + u), f = get(gates + H + u);
        const vec g = get(gates + 2 * H + u), o = get(gates + 3 * H + u);
        const vec a = apply<G>(get(c_now + u));
        const vec dh_u = get(dh + u);
        const vec dc_u = get(dc + u) + dh_u * o * slope<G>(a);  // (B3)
        const vec c_u = c_before ? get(c_before + u) : vec{};
        put(dz + u, dc_u * g * slope<S>(i));  // (B4), (B5)
        put(dz + H + u, dc_u * c_u * slope<S>(f));
        put(dz + 2 * H + u, dc_u * i * slope<G>(g));
        put(dz + 3 * H + u, dh_u * a * slope<S>(o));  // (B2)
        put(dc + u, dc_u * f);  // (B6)
      });
    }
    const View dz{io.dz + (b0 * T + t) * 4 * H, T * 4 * H, 1};
    if (!io.mask) {
      for (std::int64_t p = 0; p < count; ++p) {  // (B7)
        const std::int64_t u = p * panel_width;
        const int n = int(H - u < panel_width ? H - u : panel_width);
        panel_product(0, rows, 4 * H, dz, packed + p * 4 * H * panel_width, io.dh + b0 * H + u, H,
                      n, false, nullptr);
      }
      continue;
    }
    for (std::int64_t r = 0; r < rows; ++r) {  // (B8): a masked row keeps its dh
      if (!io.mask[(b0 + r) * T + t]) continue;
      for (std::int64_t p = 0; p < count; ++p) {
        const std::int64_t u = p * panel_width;
        const int n = int(H - u < panel_width ? H - u : panel_width);
        panel_product(r, r + 1, 4 * H, dz, packed + p * 4 * H * panel_width, io.dh + b0 * H + u, H,
                      n, false, nullptr);
      }
    }
  }
}

inline void lstm_backward(const LSTMShape& s, const LSTMBackward& io) {
  const std::int64_t T = s.T, H = s.H, rows = s.B * T, count = panels(H);
  float* packed = scratch(1, count * 4 * H * panel_width);
  lstm::parallel(count, 1, 4.0 * H * panel_width, [&](auto begin, auto end) {
    for (auto p = begin; p < end; ++p) {
      const std::int64_t u = p * panel_width;
      const int n = int(H - u < panel_width ? H - u : panel_width);
      pack_panel({io.r + u * 4 * H, 1, 4 * H}, 0, 4 * H, n, packed + p * 4 * H * panel_width);
    }
  });
  with_activation(s.activation, [&](auto g) {
    with_activation(s.recurrent_activation, [&](auto r) {
      constexpr Activation G = decltype(g)::value, S = decltype(r)::value;
      lstm::parallel(s.B, 1, 8.0 * T * H * H,
                     [&](auto b0, auto b1) { lstm_rows_backward<G, S>(s, packed, io, b0, b1); });
    });
  });
  if (io.dw)  // (B9)
    gemm(s.D, 4 * H, rows, {io.x, 1, s.D}, {io.dz, 4 * H, 1}, io.dw, 4 * H, true, nullptr);
  if (io.dr && rows > 0) {
    // (B10): the state before row k of dz is row k - 1 of y, or k + 1 in reverse.
    const std::int64_t first = s.reverse ? T - 1 : 0;
    const float* h_before = s.reverse ? io.y + H : io.y;
    const float* dz = s.reverse ? io.dz : io.dz + 4 * H;
    // Counted from row 1 where forwards, the first steps of all sequences but one are at T - 1.
    const Skip first_steps{T, T - 1};
    gemm(H, 4 * H, rows - 1, {h_before, 1, H}, {dz, 4 * H, 1}, io.dr, 4 * H, true, nullptr,
         first_steps);
    if (io.h0)
      gemm(H, 4 * H, s.B, {io.h0, 1, H}, {io.dz + first * 4 * H, T * 4 * H, 1}, io.dr, 4 * H, true,
           nullptr);
  }
  if (io.db) column_sums(rows, 4 * H, io.dz, io.db);  // (B11)
  if (io.dx)  // (B12)
    gemm(rows, s.D, 4 * H, {io.dz, 4 * H, 1}, {io.w, 1, 4 * H}, io.dx, s.D, false, nullptr);
}

}  // namespace LSTM_ISA

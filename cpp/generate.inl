// The whole sampling loop: embedding, LSTM stack, logits, token, and again.
//
// All weights are packed once for each call, input and recurrent kernel of a layer as one matrix
// that multiplies [x, h]. Serial: one token is too little work to divide.

namespace LSTM_ISA {

using lstm::Generation;
using lstm::GenerationLayer;

// w (D, 4H) above r (H, 4H), as panels of unit groups.
inline void pack_stacked(const GenerationLayer& layer, float* packed) {
  const std::int64_t D = layer.D, H = layer.H, K = D + H;
  for (std::int64_t u = 0; u < H; u += lanes, packed += K * group_width) {
    const int n = int(H - u < lanes ? H - u : lanes);
    for (std::int64_t k = 0; k < K; ++k) {
      const float* row = k < D ? layer.w + k * 4 * H : layer.r + (k - D) * 4 * H;
      for (int gate = 0; gate < 4; ++gate)
        store(gate_slot(packed, K, k, gate), load_part(row + gate * H + u, n));
    }
  }
}

// One step of one layer for B sequences: xh (B, D + H) holds x and the state before; h, c follow.
inline void step(const GenerationLayer& layer, const float* packed, std::int64_t B,
                 const float* xh) {
  const std::int64_t D = layer.D, H = layer.H, K = D + H;
  for (std::int64_t u = 0; u < H; u += lanes, packed += K * group_width) {
    const int n = int(H - u < lanes ? H - u : lanes);
    for (std::int64_t first = 0; first < B; first += tile_rows) {
      with_rows(B - first, [&](auto height) LSTM_INLINE_LAMBDA {
        constexpr int M = decltype(height)::value;
        vec z[M][4];
        gate_products<M>(K, {xh + first * K, K, 1}, packed, z);
        for (int m = 0; m < M; ++m) {
          const auto bias = [&](int gate) LSTM_INLINE_LAMBDA {
            return layer.b ? load_part(layer.b + gate * H + u, n) : vec{};
          };
          float* h = layer.h + (first + m) * H + u;
          float* c = layer.c + (first + m) * H + u;
          const vec i = sigmoid(z[m][0] + bias(0)), f = sigmoid(z[m][1] + bias(1));
          const vec g = tanh(z[m][2] + bias(2)), o = sigmoid(z[m][3] + bias(3));
          const vec cell = f * load_part(c, n) + i * g;
          store_part(c, cell, n);
          store_part(h, o * tanh(cell), n);
        }
      });
    }
  }
}

inline void generate(const Generation& s) {
  if (s.B == 0) return;
  const DenormalsFlushed guard;
  const std::int64_t B = s.B, V = s.V, top = s.layers[s.depth - 1].H;
  std::int64_t size = panels(V) * top * panel_width + B * V, widest = 0;
  for (int k = 0; k < s.depth; ++k) {
    const GenerationLayer& layer = s.layers[k];
    size += (layer.H + lanes - 1) / lanes * (layer.D + layer.H) * group_width;
    widest = std::max(widest, layer.D + layer.H);
  }
  // All of it before a state changes.
  float* memory = scratch(2, size + B * widest);
  auto* order = reinterpret_cast<std::int64_t*>(scratch(0, 2 * V));
  auto* weights = reinterpret_cast<double*>(scratch(1, 2 * V));
  float *z = memory, *xh = z + B * V, *packed = xh + B * widest, *next = packed;
  for (int k = 0; k < s.depth; ++k) {
    const GenerationLayer& layer = s.layers[k];
    pack_stacked(layer, next);
    next += (layer.H + lanes - 1) / lanes * (layer.D + layer.H) * group_width;
  }
  float* output = next;
  for (std::int64_t p = 0; p < panels(V); ++p)
    pack_panel({s.w + p * panel_width, V, 1}, 0, top,
               int(std::min<std::int64_t>(V - p * panel_width, panel_width)),
               output + p * top * panel_width);

  for (std::int64_t t = 0; t < s.N; ++t) {
    next = packed;
    for (int k = 0; k < s.depth; ++k) {
      const GenerationLayer& layer = s.layers[k];
      const std::int64_t D = layer.D, H = layer.H;
      for (std::int64_t b = 0; b < B; ++b) {
        const std::int64_t token = t ? s.drawn[b * s.N + t - 1] : s.tokens[b];
        const float* x = k ? s.layers[k - 1].h + b * D : s.embedding + token * D;
        std::memcpy(xh + b * (D + H), x, D * sizeof(float));
        std::memcpy(xh + b * (D + H) + D, layer.h + b * H, H * sizeof(float));
      }
      step(layer, next, B, xh);
      next += (H + lanes - 1) / lanes * (D + H) * group_width;
    }
    for (std::int64_t p = 0; p < panels(V); ++p)
      panel_product(0, B, top, {s.layers[s.depth - 1].h, top, 1}, output + p * top * panel_width,
                    z + p * panel_width, V,
                    int(std::min<std::int64_t>(V - p * panel_width, panel_width)), false,
                    s.b ? s.b + p * panel_width : nullptr);
    for (std::int64_t b = 0; b < B; ++b)
      s.drawn[b * s.N + t] =
          draw(V, z + b * V, s.u[b * s.N + t], s.temperature, s.top_k, s.top_p, order, weights);
  }
}

}  // namespace LSTM_ISA

// The whole sampling loop: embedding, LSTM stack, logits, token, and again.
//
// All weights are packed once for each call, input and recurrent kernel of a layer as one matrix
// that multiplies [x, h]. One token is little work, bound by the speed at which a core can read the
// weights: threads divide the units of each layer and wait for each other after it.

namespace LSTM_ISA {

using lstm::Generation;
using lstm::GenerationLayer;

// A layer at work: its packed weights, and [x, h] (B, D + H) of an even and an odd step. While a
// step reads one, it writes h to the other: no thread waits for those that still read.
struct LayerAtWork {
  float *packed, *xh[2];
};

// The units of one group of w (D, 4H) above r (H, 4H), as a panel.
inline void pack_stacked(const GenerationLayer& layer, std::int64_t group, float* panel) {
  const std::int64_t D = layer.D, H = layer.H, K = D + H;
  const int n = units_of(H, group);
  for (std::int64_t k = 0; k < K; ++k) {
    const float* row = k < D ? layer.w + k * 4 * H : layer.r + (k - D) * 4 * H;
    for (int gate = 0; gate < 4; ++gate)
      store(gate_slot(panel, K, k, gate), load_part(row + gate * H + group * lanes, n));
  }
}

// One step of some units of a layer for B sequences; `above` (B, ·) gets h too, if there is a
// layer.
inline void layer_step(const GenerationLayer& layer, const LayerAtWork& work, std::int64_t B,
                       std::int64_t t, lstm::Part groups, float* above, std::int64_t above_apart) {
  const std::int64_t D = layer.D, H = layer.H, K = D + H;
  const float* xh = work.xh[t % 2];
  float* h_next = work.xh[(t + 1) % 2] + D;
  for (std::int64_t group = groups.begin; group < groups.end; ++group) {
    const float* panel = work.packed + group * K * group_width;
    const std::int64_t u = group * lanes;
    const int n = units_of(H, group);
    for (std::int64_t first = 0; first < B; first += tile_rows)
      with_rows(B - first, [&](auto height) LSTM_INLINE_LAMBDA {
        constexpr int M = decltype(height)::value;
        vec z[M][4];
        gate_products<M>(K, {xh + first * K, K, 1}, panel, z);
        for (int m = 0; m < M; ++m) {
          const auto bias = [&](int gate) LSTM_INLINE_LAMBDA {
            return layer.b ? load_part(layer.b + gate * H + u, n) : vec{};
          };
          float* c = layer.c + (first + m) * H + u;
          const vec i = sigmoid(z[m][0] + bias(0)), f = sigmoid(z[m][1] + bias(1));
          const vec g = tanh(z[m][2] + bias(2)), o = sigmoid(z[m][3] + bias(3));
          const vec cell = f * load_part(c, n) + i * g;
          const vec h = o * tanh(cell);
          store_part(c, cell, n);
          store_part(h_next + (first + m) * K + u, h, n);
          if (above) store_part(above + (first + m) * above_apart + u, h, n);
        }
      });
  }
}

inline void generate(const Generation& s) {
  if (s.B == 0 || s.N == 0) return;
  const std::int64_t B = s.B, V = s.V, depth = s.depth;
  const auto inputs = [&](std::int64_t k) { return s.layers[k].D + s.layers[k].H; };
  const auto panels_size = [&](std::int64_t k) {
    return groups_of(s.layers[k].H) * inputs(k) * group_width;
  };
  const GenerationLayer& top = s.layers[depth - 1];
  std::int64_t weights = panels(V) * top.H * panel_width, states = B * V, divisible = panels(V);
  for (std::int64_t k = 0; k < depth; ++k) {
    weights += panels_size(k);
    states += 2 * B * inputs(k);
    divisible = std::max(divisible, groups_of(s.layers[k].H));
  }
  // All memory before a state changes: what is drawn from, where layers stand, what is packed, and
  // what changes.
  const std::int64_t others = 4 * V + depth * std::int64_t(sizeof(LayerAtWork) / sizeof(float));
  float* memory = scratch(2, others + weights + states);
  auto* order = reinterpret_cast<std::int64_t*>(memory);
  auto* p = reinterpret_cast<double*>(memory + 2 * V);
  auto* work = reinterpret_cast<LayerAtWork*>(memory + 4 * V);
  float *output = memory + others, *next = output + panels(V) * top.H * panel_width;
  for (std::int64_t k = 0; k < depth; ++k) {
    const GenerationLayer& layer = s.layers[k];
    work[k].packed = next;
    lstm::parallel(groups_of(layer.H), 1, 4.0 * inputs(k) * group_width, [&](auto begin, auto end) {
      for (auto group = begin; group < end; ++group)
        pack_stacked(layer, group, next + group * inputs(k) * group_width);
    });
    next += panels_size(k);
  }
  lstm::parallel(panels(V), 1, 4.0 * top.H * panel_width, [&](auto begin, auto end) {
    for (auto panel = begin; panel < end; ++panel)
      pack_panel({s.w + panel * panel_width, V, 1}, 0, top.H, columns_of(V, panel),
                 output + panel * top.H * panel_width);
  });
  for (std::int64_t k = 0; k < depth; ++k)
    for (float*& xh : work[k].xh) {
      xh = next;
      next += B * inputs(k);
    }
  float* z = next;
  // h of a layer before step t, or what is drawn from, within its [x, h].
  const auto state = [&](std::int64_t k, std::int64_t t) {
    return work[k].xh[t % 2] + s.layers[k].D;
  };
  const auto copy_states = [&](std::int64_t t, bool back) {
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t b = 0; b < B; ++b) {
        float *inside = state(k, t) + b * inputs(k), *outside = s.layers[k].h + b * s.layers[k].H;
        std::memcpy(back ? outside : inside, back ? inside : outside,
                    s.layers[k].H * sizeof(float));
      }
  };
  const auto embed = [&](std::int64_t t) {
    for (std::int64_t b = 0; b < B; ++b)
      std::memcpy(work[0].xh[t % 2] + b * inputs(0),
                  s.embedding + (t ? s.drawn[b * s.N + t - 1] : s.tokens[b]) * s.layers[0].D,
                  s.layers[0].D * sizeof(float));
  };
  copy_states(0, false);
  embed(0);

  // A few small layers are not worth the waiting.
  lstm::together(weights < 1 << 16 ? 1 : divisible, [&](int member, int members, auto& barrier) {
    const auto meet = [&] {
      if (members > 1) barrier.wait();
    };
    for (std::int64_t t = 0; t < s.N; ++t) {
      for (std::int64_t k = 0; k < depth; ++k) {
        float* above = k + 1 < depth ? work[k + 1].xh[t % 2] : nullptr;
        layer_step(s.layers[k], work[k], B, t,
                   lstm::part_of(groups_of(s.layers[k].H), 1, member, members), above,
                   above ? inputs(k + 1) : 0);
        meet();
      }
      const lstm::Part mine = lstm::part_of(panels(V), 1, member, members);
      for (std::int64_t panel = mine.begin; panel < mine.end; ++panel)
        panel_product(0, B, top.H, {state(depth - 1, t + 1), inputs(depth - 1), 1},
                      output + panel * top.H * panel_width, z + panel * panel_width, V,
                      columns_of(V, panel), false, s.b ? s.b + panel * panel_width : nullptr);
      meet();
      if (member == 0) {
        for (std::int64_t b = 0; b < B; ++b)
          s.drawn[b * s.N + t] =
              draw(V, z + b * V, s.u[b * s.N + t], s.temperature, s.top_k, s.top_p, order, p);
        if (t + 1 < s.N) embed(t + 1);
      }
      meet();
      // On busy cores the first goes on alone.
      if (members > 1 && barrier.kept_waiting()) {
        if (member) return;
        members = 1;
      }
    }
  });
  copy_states(s.N, true);
}

}  // namespace LSTM_ISA

// The whole sampling loop: embedding, LSTM stack, logits, token, and again.
//
// All weights are packed once for each call, input and recurrent kernel of a layer as one matrix
// that multiplies [x, h]. One token is little work, bound by the speed at which a core can read the
// weights: threads divide the units of each layer and wait for each other after it.

// A layer at work: its packed weights, and [x, h] (B, inputs) of an even and an odd step. While a
// step reads one, it writes h to the other: no thread waits for those that still read.
struct LayerAtWork : GenerationLayer {
  float *packed, *xh[2];

  // h begins with a slot, behind zeros where x does not fill its last one.
  int64_t inputs() const { return whole(D) + H; }
  int64_t packed_size() const { return groups_of(H) * slots(inputs()) * group_width; }
  // h before step t, within [x, h].
  float* state(int64_t t) const { return xh[t % 2] + whole(D); }
};

// The texts at work.
struct Writing {
  const Generation& s;
  int64_t weights;  // floats that are read for each token
  int64_t divisible;  // parts of the largest layer
  std::vector<LayerAtWork> layers;
  float* output;  // the packed output layer
  float* z;  // (B, V)
  int64_t* order;  // (V), with p what is drawn with
  double* p;  // (V)

  const LayerAtWork& top() const { return layers.back(); }
};

// All memory is laid out before a state changes. Weights begin where vectors do: none lies in two
// lines of the cache.
inline Writing lay_out(const Generation& s) {
  if (s.B > (int64_t(1) << 40) / s.V) out_of_memory();  // for the logits
  const int64_t output = packed_size(s.layers[s.depth - 1].H, s.V);
  Writing w{s, output, panels(s.V), {}, nullptr, nullptr, nullptr, nullptr};
  int64_t states = 0;
  for (int k = 0; k < s.depth; ++k) {
    const LayerAtWork& layer = w.layers.emplace_back(LayerAtWork{s.layers[k], nullptr, {}});
    w.weights += layer.packed_size();
    w.divisible = std::max(w.divisible, groups_of(layer.H));
    states += 2 * s.B * layer.inputs();
  }
  w.order = reinterpret_cast<int64_t*>(scratch(0, 4 * s.V));
  w.p = reinterpret_cast<double*>(w.order + s.V);
  w.output = scratch(1, w.weights);
  float *packed = w.output + output, *xh = scratch(2, states + s.B * s.V);
  w.z = xh + states;
  for (LayerAtWork& layer : w.layers) {
    layer.packed = packed;
    packed += layer.packed_size();
    for (float*& part : layer.xh) {
      part = xh;
      for (int64_t b = 0; b < s.B; ++b)
        std::fill(xh + layer.D, xh + whole(layer.D), 0.0f), xh += layer.inputs();
    }
  }
  return w;
}

inline void pack_weights(const Writing& w) {
  for (const LayerAtWork& layer : w.layers) {
    pack_gates(layer.inputs(), layer.H, layer.w, layer.packed, 0, layer.D);
    pack_gates(layer.inputs(), layer.H, layer.r, layer.packed, whole(layer.D), layer.inputs());
  }
  pack_panels(w.top().H, w.s.V, {w.s.w, w.s.V, 1}, w.output);
}

// f(h within [x, h], h outside) for each text and layer, before step t.
template <class F>
void each_state(const Writing& w, int64_t t, F f) {
  for (const LayerAtWork& layer : w.layers)
    for (int64_t b = 0; b < w.s.B; ++b)
      f(layer.state(t) + b * layer.inputs(), layer.h + b * layer.H, layer.H * sizeof(float));
}

// The vectors of the last tokens, as x of step t.
inline void embed(const Writing& w, int64_t t) {
  const Generation& s = w.s;
  const LayerAtWork& layer = w.layers[0];
  for (int64_t b = 0; b < s.B; ++b) {
    const int64_t token = t ? s.drawn[b * s.N + t - 1] : s.tokens[b];
    std::memcpy(layer.xh[t % 2] + b * layer.inputs(), s.embedding + token * layer.D,
                layer.D * sizeof(float));
  }
}

// One step of some units of a layer for B sequences; `above`, if there is such a layer, gets h too.
inline void layer_step(const LayerAtWork& layer, int64_t B, int64_t t, Part groups,
                       const LayerAtWork* above) {
  const int64_t H = layer.H, K = layer.inputs();
  float* h_next = layer.state(t + 1);
  const Left xh = left_side(B, K, {layer.xh[t % 2], K, 1}, scratch(3, left_size(B, K)));
  for (int64_t group = groups.begin; group < groups.end; ++group) {
    const float* panel = layer.packed + group * slots(K) * group_width;
    const int64_t u = group * lanes;
    const int n = units_of(H, group);
    for (int64_t first = 0; first < B; first += tile_rows)
      with_rows(B - first, [&](auto height) LSTM_INLINE_LAMBDA {
        constexpr int M = decltype(height)::value;
        vec z[M][4];
        gate_products<M>(K, xh.from(first), panel, z);
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
          if (above) store_part(above->xh[t % 2] + (first + m) * above->inputs() + u, h, n);
        }
      });
  }
}

// Some panels of the logits after step t.
inline void logits_step(const Writing& w, int64_t t, Part part) {
  const int64_t V = w.s.V;
  const LayerAtWork& top = w.top();
  const Left h = left_side(w.s.B, top.H, {top.state(t + 1), top.inputs(), 1},
                           scratch(3, left_size(w.s.B, top.H)));
  for (int64_t panel = part.begin; panel < part.end; ++panel)
    panel_product(0, w.s.B, top.H, h, w.output + panel * slots(top.H) * panel_width,
                  w.z + panel * panel_width, V, columns_of(V, panel), false,
                  w.s.b ? w.s.b + panel * panel_width : nullptr);
}

// One token for each text, which becomes the last of its recent ones.
inline void draw_step(const Writing& w, int64_t t) {
  const Generation& s = w.s;
  for (int64_t b = 0; b < s.B; ++b) {
    const int64_t *given = s.recent + b * s.W, *given_end = given + s.W;
    int64_t* drawn = s.drawn + b * s.N;
    if (s.repetition_penalty != 1) {
      const Recent recent{given + std::min(t, s.W), given_end,
                          drawn + std::max<int64_t>(0, t - s.W), drawn + t};
      penalize(w.z + b * s.V, recent, float(s.repetition_penalty), w.order);
    }
    drawn[t] = draw(s.V, w.z + b * s.V, s.u[b * s.N + t], s, w.order, w.p);
  }
}

inline void generate(const Generation& s) {
  if (s.B == 0 || s.N == 0) return;
  const Writing w = lay_out(s);
  pack_weights(w);
  each_state(w, 0, [](float* inside, float* outside, std::size_t size) {
    std::memcpy(inside, outside, size);
  });
  embed(w, 0);

  // A few small layers are not worth the waiting.
  const int64_t most = w.weights < 1 << 16 ? 1 : w.divisible;
  together(most, [&](int member, int members, auto& barrier) {
    const auto meet = [&] {
      if (members > 1) barrier.wait();
    };
    for (int64_t t = 0; t < s.N; ++t) {
      for (int k = 0; k < s.depth; ++k) {
        const LayerAtWork& layer = w.layers[k];
        layer_step(layer, s.B, t, part_of(groups_of(layer.H), 1, member, members),
                   k + 1 < s.depth ? &layer + 1 : nullptr);
        meet();
      }
      logits_step(w, t, part_of(panels(s.V), 1, member, members));
      meet();
      if (member == 0) {
        draw_step(w, t);
        if (t + 1 < s.N) embed(w, t + 1);
      }
      meet();
      // On busy cores the first goes on alone.
      if (members > 1 && barrier.kept_waiting()) {
        if (member) return;
        members = 1;
      }
    }
  });
  each_state(w, s.N, [](float* inside, float* outside, std::size_t size) {
    std::memcpy(outside, inside, size);
  });
}

// The whole sampling loop: embedding, LSTM stack, logits, token, and again.
//
// One token is little work, bound by the speed at which a core can read the weights, which are
// packed before: threads divide the units of each layer and wait for each other after it.

// A layer at work, with its h (B, H) after an even and an odd number of steps. While a step reads
// one, it writes the other: no thread waits for those that still read.
struct LayerAtWork : GenerationLayer {
  float* states[2];

  float* after(int64_t steps) const { return states[steps % 2]; }
};

// The texts at work.
struct Writing {
  const Generation& s;
  int64_t weights;  // floats that are read for each token
  int64_t divisible;  // parts of the largest layer
  std::vector<LayerAtWork> layers;
  float* x;  // (B, layers[0].D), the vectors of the last tokens
  float* z;  // (B, V)
  int64_t* order;  // (V), with p what is drawn with
  double* p;  // (V)

  const LayerAtWork& top() const { return layers.back(); }
};

// All memory is laid out before a state changes.
inline Writing lay_out(const Generation& s) {
  if (s.B > (int64_t(1) << 40) / s.V) out_of_memory();  // for the logits
  Writing w{s, packed_size(s.layers[s.depth - 1].H, s.V), panels(s.V), {}, {}, {}, {}, {}};
  int64_t states = 0;
  for (int k = 0; k < s.depth; ++k) {
    const LayerAtWork& layer = w.layers.emplace_back(LayerAtWork{s.layers[k], {}});
    const int64_t groups = groups_of(layer.H);
    w.weights += groups * group_width * (slots(layer.D) + slots(layer.H));
    w.divisible = std::max(w.divisible, groups);
    states += 2 * s.B * layer.H;
  }
  w.order = reinterpret_cast<int64_t*>(scratch(0, 4 * s.V));
  w.p = reinterpret_cast<double*>(w.order + s.V);
  w.x = scratch(2, states + s.B * (s.layers[0].D + s.V));
  w.z = w.x + s.B * s.layers[0].D;
  float* h = w.z + s.B * s.V;
  for (LayerAtWork& layer : w.layers)
    for (float*& part : layer.states) part = h, h += s.B * layer.H;
  return w;
}

// The vectors of the last tokens, as x of step t.
inline void embed(const Writing& w, int64_t t) {
  const Generation& s = w.s;
  const int64_t E = s.layers[0].D;
  for (int64_t b = 0; b < s.B; ++b) {
    const int64_t token = t ? s.drawn[b * s.N + t - 1] : s.tokens[b];
    std::memcpy(w.x + b * E, s.embedding + token * E, E * sizeof(float));
  }
}

// One step of some units of a layer, which reads x (B, D), for B sequences.
inline void layer_step(const LayerAtWork& layer, const float* x, int64_t B, int64_t t,
                       Part groups) {
  const int64_t D = layer.D, H = layer.H;
  float *h_next = layer.after(t + 1), *memory = scratch(3, left_size(B, D) + left_size(B, H));
  const Left of_x = left_side(B, D, {x, D, 1}, memory);
  const Left of_h = left_side(B, H, {layer.after(t), H, 1}, memory + left_size(B, D));
  for (int64_t group = groups.begin; group < groups.end; ++group) {
    const float* panel_w = layer.w + group * slots(D) * group_width;
    const float* panel_r = layer.r + group * slots(H) * group_width;
    const int64_t u = group * lanes;
    const int n = units_of(H, group);
    for (int64_t first = 0; first < B; first += tile_rows) {
      const int64_t rows = std::min<int64_t>(B - first, tile_rows);
      vec xw[tile_rows][4], hr[tile_rows][4];
      gate_products(rows, D, of_x.from(first), panel_w, xw, B <= few_rows);
      gate_products(rows, H, of_h.from(first), panel_r, hr, B <= few_rows);
      for (int64_t m = 0; m < rows; ++m) {
        const auto z = [&](int gate) LSTM_INLINE_LAMBDA {
          const vec bias = layer.b ? load_part(layer.b + gate * H + u, n) : vec{};
          return hr[m][gate] + (xw[m][gate] + bias);
        };
        float* c = layer.c + (first + m) * H + u;
        const vec i = sigmoid(z(0)), f = sigmoid(z(1)), g = tanh(z(2)), o = sigmoid(z(3));
        const vec cell = f * load_part(c, n) + i * g;
        store_part(c, cell, n);
        store_part(h_next + (first + m) * H + u, o * tanh(cell), n);
      }
    }
  }
}

// Some panels of the logits after step t.
inline void logits_step(const Writing& w, int64_t t, Part part) {
  const int64_t V = w.s.V;
  const LayerAtWork& top = w.top();
  const Left h =
      left_side(w.s.B, top.H, {top.after(t + 1), top.H, 1}, scratch(3, left_size(w.s.B, top.H)));
  for (int64_t panel = part.begin; panel < part.end; ++panel)
    panel_product(0, w.s.B, top.H, h, w.s.w + panel * slots(top.H) * panel_width,
                  w.z + panel * panel_width, V, columns_of(V, panel), false,
                  w.s.b ? w.s.b + panel * panel_width : nullptr, w.s.B <= few_rows);
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
  for (const LayerAtWork& layer : w.layers)
    std::memcpy(layer.after(0), layer.h, s.B * layer.H * sizeof(float));
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
        layer_step(layer, k ? w.layers[k - 1].after(t + 1) : w.x, s.B, t,
                   part_of(groups_of(layer.H), 1, member, members));
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
  for (const LayerAtWork& layer : w.layers)
    std::memcpy(layer.h, layer.after(s.N), s.B * layer.H * sizeof(float));
}

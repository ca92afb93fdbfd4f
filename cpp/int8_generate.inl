// The sampling loop of generate.inl with int8 weights, which need no packing.

// What the texts are written with: for each (z, q), x, and logits.
struct Int8Writing {
  const Int8Generation& s;
  float *x, *z, *q, *logits;
  std::int8_t* rows;
  int64_t* order;
  double* p;
};

inline Int8Writing lay_out(const Int8Generation& s) {
  if (s.B > (int64_t(1) << 40) / s.V) out_of_memory();  // for the logits
  int64_t widest = s.E, units = 0;
  for (int k = 0; k < s.depth; ++k) units = std::max(units, s.layers[k].H);
  widest = std::max(widest, units);
  auto* order = reinterpret_cast<int64_t*>(scratch(1, 4 * s.V));
  const int64_t rows = (bytes_of_rows(widest) + 3) / 4;
  float* memory = scratch(0, s.B * (s.E + 8 * units + s.V) + rows);
  float *z = memory + s.B * s.E, *q = z + s.B * 4 * units, *logits = q + s.B * 4 * units;
  return {s,      memory,
          z,      q,
          logits, reinterpret_cast<std::int8_t*>(logits + s.B * s.V),
          order,  reinterpret_cast<double*>(order + s.V)};
}

// One step of a layer for all texts: reads x (B, D), updates its state.
inline void int8_layer_step(Crew& crew, const Int8Writing& w, const Int8GenerationLayer& layer,
                            const float* x) {
  const int64_t B = w.s.B, D = layer.D, H = layer.H, N = 4 * H;
  const LSTMCell<Activation::tanh, Activation::sigmoid> cell(RecurrentShape{});
  multiply_rows(
      crew, B, D, N, [=](int64_t b) { return x + b * D; }, layer.w, layer.b,
      [&](int64_t b) { return w.z + b * N; }, w.rows);
  multiply_rows(
      crew, B, H, N, [&](int64_t b) { return layer.h + b * H; }, layer.r, nullptr,
      [&](int64_t b) { return w.q + b * N; }, w.rows);
  for (int64_t b = 0; b < B; ++b)
    cell.forward(H, w.z + b * N, w.q + b * N, {nullptr, layer.c + b * H},
                 {layer.h + b * H, layer.c + b * H});
}

inline void int8_draw(const Int8Writing& w, int64_t t) {
  const Int8Generation& s = w.s;
  for (int64_t b = 0; b < s.B; ++b) {
    const int64_t *given = s.recent + b * s.W, *given_end = given + s.W;
    int64_t* drawn = s.drawn + b * s.N;
    float* z = w.logits + b * s.V;
    if (s.repetition_penalty != 1) {
      const Recent recent{given + std::min(t, s.W), given_end,
                          drawn + std::max<int64_t>(0, t - s.W), drawn + t};
      penalize(z, recent, float(s.repetition_penalty), w.order);
    }
    drawn[t] = draw(s.V, z, s.u[b * s.N + t], s, w.order, w.p);
  }
}

inline void int8_generate(const Int8Generation& s) {
  if (s.B == 0 || s.N == 0) return;
  const Int8Writing w = lay_out(s);
  const Int8GenerationLayer& top = s.layers[s.depth - 1];
  int64_t weights = s.V * top.H;
  for (int k = 0; k < s.depth; ++k) weights += (s.layers[k].D + s.layers[k].H) * 4 * s.layers[k].H;
  with_crew(weights, [&](Crew& crew) {
    for (int64_t t = 0; t < s.N; ++t) {
      for (int64_t b = 0; b < s.B; ++b)
        int8_vector(s.E, s.embedding, t ? s.drawn[b * s.N + t - 1] : s.tokens[b], w.x + b * s.E);
      for (int k = 0; k < s.depth; ++k)
        int8_layer_step(crew, w, s.layers[k], k ? s.layers[k - 1].h : w.x);
      multiply_rows(
          crew, s.B, top.H, s.V, [&](int64_t b) { return top.h + b * top.H; }, s.w, s.b,
          [&](int64_t b) { return w.logits + b * s.V; }, w.rows);
      int8_draw(w, t);
    }
  });
}

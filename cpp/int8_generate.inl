// The sampling loop of generate.inl with int8 weights, which need no packing.
//
// Where more tokens are written than there are in the vocabulary, a table holds what the first
// layer makes of each: a step reads a row of it instead of a kernel.

// What the texts are written with.
struct Int8Writing {
  const Int8Generation& s;
  int64_t* order;  // (V), with p what is drawn with
  double* p;  // (V)
  float* x;  // (E), a vector
  float *z, *q, *logits;  // of each text
  float* table;  // (V, 4H), x·w + b of the first layer, or null
  std::int8_t* rows;
};

constexpr int64_t largest_table = 1 << 22;

inline Int8Writing lay_out(const Int8Generation& s) {
  if (s.B > (int64_t(1) << 40) / s.V) out_of_memory();  // for the logits
  int64_t widest = s.E, units = 0;
  for (int k = 0; k < s.depth; ++k) units = std::max(units, s.layers[k].H);
  widest = std::max(widest, units);
  const int64_t rows = (bytes_of_rows(widest) + 3) / 4;
  const int64_t drawing = 4 * s.V;  // for the order of tokens and their p
  float* memory = scratch(1, drawing + s.E + s.B * (8 * units + s.V) + rows);
  const int64_t N = 4 * s.layers[0].H;
  const bool tabled = s.V <= s.B * s.N && s.V <= largest_table / N;
  Int8Writing w{s, {}, {}, {}, {}, {}, {}, {}, {}};
  w.order = reinterpret_cast<int64_t*>(memory);
  w.p = reinterpret_cast<double*>(w.order + s.V);
  w.x = memory + drawing;
  w.z = w.x + s.E;
  w.q = w.z + s.B * 4 * units;
  w.logits = w.q + s.B * 4 * units;
  w.rows = reinterpret_cast<std::int8_t*>(w.logits + s.B * s.V);
  w.table = tabled ? scratch(2, s.V * N) : nullptr;
  return w;
}

inline void fill_table(const Int8Writing& w) {
  const Int8Generation& s = w.s;
  const Int8GenerationLayer& first = s.layers[0];
  const int64_t E = s.E, N = 4 * first.H;
  parallel(s.V, rows_at_once, 0.5 * E * N, [&](auto begin, auto end) {
    float* x = scratch(0, E + (bytes_of_rows(E) + 3) / 4);
    Crew alone = Crew::alone();
    multiply_rows(
        alone, end - begin, E, N,
        [&](int64_t k) {
          int8_vector(E, s.embedding, begin + k, x);
          return x;
        },
        first.w, first.b, [&](int64_t k) { return w.table + (begin + k) * N; },
        reinterpret_cast<std::int8_t*>(x + E));
  });
}

// z of the first layer, for the last tokens.
inline void read_tokens(Crew& crew, const Int8Writing& w, int64_t t) {
  const Int8Generation& s = w.s;
  const Int8GenerationLayer& first = s.layers[0];
  const int64_t E = s.E, N = 4 * first.H;
  const auto last = [&](int64_t b) { return t ? s.drawn[b * s.N + t - 1] : s.tokens[b]; };
  if (w.table) {
    for (int64_t b = 0; b < s.B; ++b)
      std::memcpy(w.z + b * N, w.table + last(b) * N, N * sizeof(float));
    return;
  }
  multiply_rows(
      crew, s.B, E, N,
      [&](int64_t b) {
        int8_vector(E, s.embedding, last(b), w.x);
        return w.x;
      },
      first.w, first.b, [&](int64_t b) { return w.z + b * N; }, w.rows);
}

// The rest of a layer's step, from its z.
inline void update_states(Crew& crew, const Int8Writing& w, const Int8GenerationLayer& layer) {
  const int64_t H = layer.H, N = 4 * H;
  const LSTMCell<Activation::tanh, Activation::sigmoid> cell(RecurrentShape{});
  multiply_rows(
      crew, w.s.B, H, N, [&](int64_t b) { return layer.h + b * H; }, layer.r, nullptr,
      [&](int64_t b) { return w.q + b * N; }, w.rows);
  for (int64_t b = 0; b < w.s.B; ++b)
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
  if (w.table) fill_table(w);
  with_crew(s.N, weights, [&](Crew& crew) {
    for (int64_t t = 0; t < s.N; ++t) {
      read_tokens(crew, w, t);
      update_states(crew, w, s.layers[0]);
      for (int k = 1; k < s.depth; ++k) {
        const Int8GenerationLayer &layer = s.layers[k], &below = s.layers[k - 1];
        multiply_rows(
            crew, s.B, below.H, 4 * layer.H, [&](int64_t b) { return below.h + b * below.H; },
            layer.w, layer.b, [&](int64_t b) { return w.z + b * 4 * layer.H; }, w.rows);
        update_states(crew, w, layer);
      }
      multiply_rows(
          crew, s.B, top.H, s.V, [&](int64_t b) { return top.h + b * top.H; }, s.w, s.b,
          [&](int64_t b) { return w.logits + b * s.V; }, w.rows);
      int8_draw(w, t);
    }
  });
}

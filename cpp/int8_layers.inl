// Linear layers and embeddings with int8 weights.

inline void int8_linear(int64_t n, int64_t D, int64_t F, const float* x, Int8Weights w,
                        const float* b, Activation activation, float* y) {
  if (n == 0 || F == 0) return;
  const auto rows = [&](Crew& crew, int64_t begin, int64_t end) {
    auto* memory = reinterpret_cast<std::int8_t*>(scratch(0, bytes_of_rows(D) / 4 + 1));
    multiply_rows(
        crew, end - begin, D, F, [=](int64_t k) { return x + (begin + k) * D; }, w, b,
        [=](int64_t k) { return y + (begin + k) * F; }, memory);
  };
  if (n <= few_rows) {
    with_crew(1, D * F, [&](Crew& crew) { rows(crew, 0, n); });
  } else {
    parallel(n, most_rows, 0.5 * D * F, [&](auto begin, auto end) {
      Crew alone = Crew::alone();
      rows(alone, begin, end);
    });
  }
  if (activation != Activation::linear) activation_forward(n, F, y, activation, y);
}

// The vector (E) of a token.
inline void int8_vector(int64_t E, Int8Weights w, int64_t token, float* y) {
  const std::int8_t* values = w.values + token / int8_columns * int8_columns * pitch_of(E) +
                              token % int8_columns * int8_depth;
  const float scale = w.scale[token];
  for (int64_t k = 0; k < E; ++k)
    y[k] = float(values[k / int8_depth * int8_depth * int8_columns + k % int8_depth]) * scale;
}

inline void int8_embedding(int64_t n, int64_t E, const int64_t* tokens, Int8Weights w, float* y) {
  parallel_each(n, 2.0 * E, [&](auto k) { int8_vector(E, w, tokens[k], y + k * E); });
}

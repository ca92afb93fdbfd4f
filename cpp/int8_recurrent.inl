// Recurrent layers with int8 weights: the frame of recurrent.inl with other products, forward only.
//
// A thread owns a slice of the batch, for which x·w is computed some steps ahead. Of few sequences
// threads divide the products instead.

// How the steps of a slice lie in memory: z of a few of them, q of one, and rows as int8.
struct Int8Slice {
  float *z, *q;
  int64_t steps;  // of which z is computed at once
  std::int8_t* rows;
};

template <class Cell>
Int8Slice lay_out(const Cell& cell, const RecurrentShape& s, const Int8Recurrent& io,
                  int64_t sequences) {
  const int64_t N = cell.blocks * s.H, pitch = cell.kept * s.H;
  const int64_t steps = std::clamp<int64_t>(cached / (sequences * pitch), 1, s.T);
  const int64_t z = io.gates ? 0 : sequences * steps * pitch;
  const int64_t rows = (bytes_of_rows(std::max(s.D, s.H)) + 3) / 4;
  float* memory = scratch(0, sequences * N + z + rows);
  return {memory + sequences * N, memory, steps,
          reinterpret_cast<std::int8_t*>(memory + sequences * N + z)};
}

// The sequences [b0, b1), all steps.
template <class Cell>
void int8_sequences(Crew& crew, const Cell& cell, const RecurrentShape& s, const Int8Recurrent& io,
                    int64_t b0, int64_t b1) {
  const int64_t T = s.T, D = s.D, H = s.H, N = cell.blocks * H, pitch = cell.kept * H;
  const int64_t sequences = b1 - b0;
  const Int8Slice memory = lay_out(cell, s, io, sequences);
  const float* bias = Cell::two_biases && io.b ? io.b + N : nullptr;
  if (io.masked_h) mask_first_states(s, io, b0, b1);
  for (int64_t first = 0; first < T; first += memory.steps) {
    const int64_t steps = std::min(memory.steps, T - first);
    const auto z_of = [&](int64_t b, int64_t step) {
      if (io.gates) return io.gates + (b * T + time_of(s, step)) * pitch;
      return memory.z + ((step - first) * sequences + b - b0) * pitch;
    };
    const auto at = [&](int64_t k) {  // the place of row k: step by step, sequence by sequence
      return (b0 + k % sequences) * T + time_of(s, first + k / sequences);
    };
    const auto z_at = [&](int64_t k) { return z_of(b0 + k % sequences, first + k / sequences); };
    if (io.tokens) {
      for (int64_t k = 0; k < steps * sequences; ++k) {
        std::memcpy(z_at(k), io.w + io.tokens[at(k)] * N, N * sizeof(float));
        if (io.b) add_rows(1, N, io.b, N, z_at(k));
      }
    } else {
      multiply_rows(
          crew, steps * sequences, D, N, [&](int64_t k) { return io.x + at(k) * D; }, io.int8_w,
          io.b, z_at, memory.rows);
    }
    for (int64_t step = first; step < first + steps; ++step) {
      const int64_t t = time_of(s, step);
      const View h = states_before(s, io.h0, io.y, b0, step);
      const View seen = io.masked_h ? View{io.masked_h + (b0 * T + t) * H, T * H, 1} : h;
      multiply_rows(
          crew, sequences, H, N, [&](int64_t k) { return seen.p + k * seen.rows; }, io.int8_r, bias,
          [&](int64_t k) { return memory.q + k * N; }, memory.rows);
      if constexpr (resets_before<Cell>) {
        for (int64_t k = 0; k < sequences; ++k)
          cell.reset(H, z_of(b0 + k, step), memory.q + k * N, seen.p + k * seen.rows);
        // Of all panels, because those of the candidate may begin within one. (G19)
        multiply_rows(
            crew, sequences, H, N, [&](int64_t k) { return z_of(b0 + k, step) + 3 * H; },
            io.int8_r, nullptr, [&](int64_t k) { return memory.q + k * N; }, memory.rows);
      }
      for (int64_t b = b0; b < b1; ++b) {
        const int64_t now = b * T + t, k = b - b0;
        float* const c = !Cell::remembers ? nullptr : io.c + (io.gates ? now : b) * H;
        const float* c_before = nullptr;
        if (Cell::remembers)
          c_before = step == 0  ? io.c0 + b * H
                     : io.gates ? io.c + (b * T + time_of(s, step - 1)) * H
                                : c;
        const StateOf<const float> before{h.p + k * h.rows, c_before};
        const StateOf<float> after{io.y + now * H, c};
        const bool skipped = io.mask && !io.mask[now];
        // Skipped steps have gates, too, as whoever looks at them expects.
        if (!skipped || io.gates) cell.forward(H, z_of(b, step), memory.q + k * N, before, after);
        if (skipped) {  // (L8), (R3), (G7)
          std::memcpy(after.h, before.h, H * sizeof(float));
          if constexpr (Cell::remembers)
            if (c != c_before) std::memcpy(c, c_before, H * sizeof(float));
        }
        if (io.masked_h && step + 1 < T)  // (L10)
          scaled(H, after.h, io.recurrent_mask + b * H,
                 io.masked_h + (b * T + time_of(s, step + 1)) * H);
      }
    }
  }
}

template <class Cell>
void int8_forward(const Cell& cell, const RecurrentShape& s, const Int8Recurrent& given) {
  const int64_t weights = (s.H + (given.tokens ? 0 : s.D)) * cell.blocks * s.H;
  if (s.B == 0 || s.T == 0 || s.H == 0) return;
  const Int8Recurrent io = with_states(s, given);
  if (s.B <= few_rows)
    return with_crew(s.T, weights, [&](Crew& crew) { int8_sequences(crew, cell, s, io, 0, s.B); });
  parallel(s.B, most_rows, 0.5 * s.T * weights, [&](auto b0, auto b1) {
    for_each_slice(b0, b1, cell.blocks * s.H, [&](auto b, auto end) {
      Crew alone = Crew::alone();
      int8_sequences(alone, cell, s, io, b, end);
    });
  });
}

inline void int8_recurrent(const RecurrentShape& s, const Int8Recurrent& io) {
  with_activations(s, [&](auto g, auto r) {
    constexpr Activation G = decltype(g)::value, S = decltype(r)::value;
    if (s.cell == lstm::Cell::lstm) int8_forward(LSTMCell<G, S>(s), s, io);
    if (s.cell == lstm::Cell::gru && s.options) int8_forward(ResetBeforeCell<G, S>(s), s, io);
    if (s.cell == lstm::Cell::gru && !s.options) int8_forward(GatedCell<G, S>(s), s, io);
  });
  if (s.cell == lstm::Cell::rnn)
    with_activation(s.activation,
                    [&](auto a) { int8_forward(SimpleCell<decltype(a)::value>(s), s, io); });
}

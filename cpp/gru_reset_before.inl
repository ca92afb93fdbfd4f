// The gated recurrent unit as it was first: the reset gate multiplies the state before the product
// with r^g; equations (G19)-(G22) of docs/theory/gru.md.
//
// A step has two products, the second of which waits for the reset gates. That is not the frame of
// recurrent.inl, from which this takes all the rest.

// What is kept of a step: u, s, g and the state that is reset, s⊙h, in the places of dz^u, dz^s,
// dz^g; the last stays.
template <Activation G, Activation S>
struct ResetBeforeCell {
  static constexpr bool remembers = false, two_biases = false;
  static constexpr unsigned options = lstm::reset_before;
  static constexpr int blocks = 3, kept = 4;
  // The candidate's block of r, which multiplies another state, is not among those of the frame.
  static constexpr Blocks dz[] = {{0, 0, 0, 2}, {2, 2, -1, 1}};

  explicit ResetBeforeCell(const RecurrentShape&) {}

  // u and s, and s⊙h of h that r multiplies.
  static void reset(int64_t H, float* z, const float* q, const float* h) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(z + k, apply<S>(get(z + k) + get(q + k)));  // (G3)
      const vec s = apply<S>(get(z + H + k) + get(q + H + k));  // (G4)
      put(z + H + k, s);
      put(z + 3 * H + k, s * get(h + k));
    });
  }

  // With the product (G19) in the last block of q.
  static void forward(int64_t H, float* z, const float* q, StateOf<const float> before,
                      StateOf<float> after) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec u = get(z + k), g = apply<G>(get(z + 2 * H + k) + get(q + 2 * H + k));  // (G5)
      put(z + 2 * H + k, g);
      put(after.h + k, u * get(before.h + k) + (1.0f - u) * g);  // (G6)
    });
  }

  // dz of u and g; dh becomes its part through u.
  static void backward(int64_t H, const float* before, const float* dy, float* dh, float* dz) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec u = get(dz + k), g = get(dz + 2 * H + k);
      const vec d = dy ? get(dh + k) + get(dy + k) : get(dh + k);  // (G8)
      put(dz + k, d * (get(before + k) - g) * slope<S>(u));  // (G9), (G11)
      put(dz + 2 * H + k, d * (1.0f - u) * slope<G>(g));  // (G9), (G10)
      put(dh + k, d * u);
    });
  }

  // dz of s, from the gradient of s⊙h, which becomes that of h.
  static void backward_reset(int64_t H, const float* h, float* reset, float* dz) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec s = get(dz + H + k), d = get(reset + k);
      put(dz + H + k, d * get(h + k) * slope<S>(s));  // (G20), (G11)
      put(reset + k, d * s);
    });
  }
};

template <class Cell>
constexpr bool resets_before = false;
template <Activation G, Activation S>
constexpr bool resets_before<ResetBeforeCell<G, S>> = true;

// The panels of the two parts of r, or of rᵀ: of both gates, and of the candidate; or null.
struct ResetPanels {
  const float *gates, *candidate;
};

// The sequences [b0, b1), all steps.
template <class Cell>
void reset_before_slice(const Cell& cell, const RecurrentShape& s, ResetPanels packed,
                        const RecurrentForward& io, int64_t b0, int64_t b1) {
  const int64_t T = s.T, H = s.H, N = 3 * H, pitch = cell.kept * H;
  float* q = scratch(0, (b1 - b0) * N);
  if (io.masked_h) mask_first_states(s, io, b0, b1);
  for (int64_t step = 0; step < length_of(s, b0); ++step) {
    const int64_t t = time_of(s, step), end = end_at(s, b0, b1, step), sequences = end - b0;
    const auto product = [&](View h, int64_t block, int64_t columns, const float* panels) {
      if (panels)
        packed_product(sequences, columns, H, h, panels, q + block * H, N, false, nullptr);
      else
        thin_gemm(sequences, columns, H, h, io.r + block * H, N, q + block * H, N, false, nullptr);
    };
    const View h = states_before(s, io.h0, io.y, b0, step);
    const View seen = io.masked_h ? View{io.masked_h + (b0 * T + t) * H, T * H, 1} : h;
    float* z = io.gates + (b0 * T + t) * pitch;
    product(seen, 0, 2 * H, packed.gates);  // (G1)
    for (int64_t k = 0; k < sequences; ++k)
      cell.reset(H, z + k * T * pitch, q + k * N, seen.p + k * seen.rows);
    product({z + 3 * H, T * pitch, 1}, 2, H, packed.candidate);  // (G19)
    for (int64_t b = b0; b < end; ++b) {
      const int64_t at = b * T + t;
      const auto before = state_before<Cell>(s, io, b, step);
      const auto after = state_at<Cell, float>(io, at * H);
      cell.forward(H, io.gates + at * pitch, q + (b - b0) * N, before, after);
      if (io.masked_h && step + 1 < T)  // (L10)
        scaled(H, after.h, io.recurrent_mask + b * H,
               io.masked_h + (b * T + time_of(s, step + 1)) * H);
    }
  }
}

template <Activation G, Activation S>
void framed_forward(const ResetBeforeCell<G, S>& cell, const RecurrentShape& s,
                    const RecurrentForward& given) {
  const int64_t H = s.H, N = 3 * H;
  if (s.B == 0 || s.T == 0 || H == 0) return;
  const RecurrentForward io = with_states(s, given);
  input_side(s, io, N, io.gates, cell.kept * H);
  // For few rows, once, to pack r would cost more than the products.
  if (s.T == 1 && s.B <= few_rows) return reset_before_slice(cell, s, {}, io, 0, s.B);
  float* gates = scratch(1, packed_size(H, 2 * H) + packed_size(H, H));
  float* candidate = gates + packed_size(H, 2 * H);
  pack_panels(H, 2 * H, {io.r, N, 1}, gates);
  pack_panels(H, H, {io.r + 2 * H, N, 1}, candidate);
  parallel_sequences(s, 1, 2.0 * s.T * H * N, [&](auto b0, auto b1) {
    for_each_slice(b0, b1, N, [&](auto b, auto end) {
      reset_before_slice(cell, s, {gates, candidate}, io, b, end);
    });
  });
}

// dz of the sequences [b0, b1), all steps; dh becomes the gradient of h0.
template <class Cell>
void reset_before_slice_backward(const Cell& cell, const RecurrentShape& s, ResetPanels packed,
                                 const RecurrentBackward& io, int64_t b0, int64_t b1) {
  const int64_t T = s.T, H = s.H, pitch = cell.kept * H;
  float* reset = scratch(0, 2 * (b1 - b0) * H);
  float* back = reset + (b1 - b0) * H;
  for (int64_t step = length_of(s, b0); step-- > 0;) {
    const int64_t t = time_of(s, step), sequences = end_at(s, b0, b1, step) - b0;
    float* dz = io.gates + (b0 * T + t) * pitch;
    const View h = states_before(s, io.h0, io.y, b0, step);
    const View seen = io.masked_h ? View{io.masked_h + (b0 * T + t) * H, T * H, 1} : h;
    for (int64_t k = 0; k < sequences; ++k) {
      const int64_t at = (b0 + k) * T + t;
      const float* dy = io.dy ? io.dy + at * H : nullptr;
      cell.backward(H, h.p + k * h.rows, dy, io.dh + (b0 + k) * H, dz + k * T * pitch);
    }
    // (G20)
    packed_product(sequences, H, H, {dz + 2 * H, T * pitch, 1}, packed.candidate, reset, H, false,
                   nullptr);
    for (int64_t k = 0; k < sequences; ++k)
      cell.backward_reset(H, seen.p + k * seen.rows, reset + k * H, dz + k * T * pitch);
    packed_product(sequences, H, 2 * H, {dz, T * pitch, 1}, packed.gates, back, H, false, nullptr);
    add_rows(1, sequences * H, reset, 0, back);
    if (io.recurrent_mask) scaled(sequences * H, back, io.recurrent_mask + b0 * H, back);  // (B14)
    add_rows(1, sequences * H, back, 0, io.dh + b0 * H);  // (G21)
  }
}

template <Activation G, Activation S>
void framed_backward(const ResetBeforeCell<G, S>& cell, const RecurrentShape& s,
                     const RecurrentBackward& given) {
  const int64_t H = s.H, N = 3 * H, pitch = cell.kept * H;
  if (s.B == 0 || s.T == 0 || H == 0) return;
  const RecurrentBackward io = with_states(s, given);
  float* gates = scratch(1, packed_size(2 * H, H) + packed_size(H, H));
  float* candidate = gates + packed_size(2 * H, H);
  pack_panels(2 * H, H, {io.r, 1, N}, gates);
  pack_panels(H, H, {io.r + 2 * H, 1, N}, candidate);
  parallel_sequences(s, 1, 2.0 * s.T * H * N, [&](auto b0, auto b1) {
    for_each_slice(b0, b1, N, [&](auto b, auto end) {
      reset_before_slice_backward(cell, s, {gates, candidate}, io, b, end);
    });
  });
  inputs_gradient(s, io, N, pitch);
  if (!io.dw && !io.dr && !io.db) return;
  with_real_rows(s, s.lengths ? io : given, pitch, [&](const auto& shape, const auto& rows) {
    const float* dz = rows.gates;
    if (rows.dr)  // (G22)
      gemm(H, H, shape.B * shape.T, {dz + 3 * H, 1, pitch}, {dz + 2 * H, pitch, 1}, rows.dr + 2 * H,
           N, true, nullptr);
    for (const Blocks& blocks : cell.dz) weight_gradients(shape, rows, blocks, N, pitch, false);
  });
}

// The gated recurrent unit; equations (G1)-(G18) of docs/theory/gru.md.

// What is kept of a step: u, s, g and q^g, in the places of dz^u, dz^s, dz^g and dq^g.
template <Activation G, Activation S>
struct GatedCell {
  static constexpr bool remembers = false, two_biases = true;
  static constexpr unsigned options = lstm::reset_before;
  static constexpr int blocks = 3, kept = 4;
  static constexpr Blocks dz[] = {{0, 0, 0, 2}, {2, 2, -1, 1}, {3, -1, 2, 1}};

  explicit GatedCell(const RecurrentShape&) {}

  static void forward(int64_t H, float* z, const float* q, StateOf<const float> before,
                      StateOf<float> after) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec u = apply<S>(get(z + k) + get(q + k));  // (G2), (G3)
      const vec s = apply<S>(get(z + H + k) + get(q + H + k));  // (G4)
      const vec q_g = get(q + 2 * H + k);
      const vec g = apply<G>(get(z + 2 * H + k) + s * q_g);  // (G5)
      put(after.h + k, u * get(before.h + k) + (1.0f - u) * g);  // (G6)
      put(z + k, u);
      put(z + H + k, s);
      put(z + 2 * H + k, g);
      put(z + 3 * H + k, q_g);
    });
  }

  static void backward(int64_t H, int64_t n, StateOf<const float>, StateOf<const float> before,
                       const float* dy, StateOf<float> dstate, float* dz) {
    for_each_vec(n, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec u = get(dz + k), s = get(dz + H + k);
      const vec g = get(dz + 2 * H + k), q_g = get(dz + 3 * H + k);
      const vec d = dy ? get(dstate.h + k) + get(dy + k) : get(dstate.h + k);  // (G8)
      const vec dz_g = d * (1.0f - u) * slope<G>(g);  // (G9), (G10)
      put(dz + k, d * (get(before.h + k) - g) * slope<S>(u));  // (G11)
      put(dz + H + k, dz_g * q_g * slope<S>(s));
      put(dz + 2 * H + k, dz_g);
      put(dz + 3 * H + k, dz_g * s);  // (G12)
      put(dstate.h + k, d * u);
    });
  }
};

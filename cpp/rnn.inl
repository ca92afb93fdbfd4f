// The simple recurrent layer; equations (R1)-(R11) of docs/theory/recurrence.md.

template <Activation A>
struct SimpleCell {
  static constexpr bool remembers = false, two_biases = false;
  static constexpr unsigned options = 0;
  static constexpr int blocks = 1, kept = 1;
  static constexpr Blocks dz[] = {{0, 0, 0, 1}};

  explicit SimpleCell(const RecurrentShape&) {}

  static void forward(int64_t H, const float* z, const float* q, StateOf<const float>,
                      StateOf<float> after) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(after.h + k, apply<A>(get(z + k) + get(q + k)));  // (R1), (R2)
    });
  }

  static void backward(int64_t, int64_t n, StateOf<const float> after, StateOf<const float>,
                       const float* dy, StateOf<float> dstate, float* dz) {
    for_each_vec(n, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec d = dy ? get(dstate.h + k) + get(dy + k) : get(dstate.h + k);  // (R4)
      put(dz + k, d * slope<A>(get(after.h + k)));  // (R5)
      put(dstate.h + k, vec{});
    });
  }
};

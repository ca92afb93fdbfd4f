// The LSTM; equations (L1)-(L7) and (B1)-(B6) of docs/theory/gates.md and backward.md.

namespace LSTM_ISA {

// What is kept of a step: i, f, g and o, in the places of their dz.
template <Activation G, Activation S>
struct LSTMCell {
  static constexpr bool remembers = true, two_biases = false;
  static constexpr unsigned options = 0;
  static constexpr int blocks = 4, kept = 4;
  static constexpr Blocks dq[] = {{0, 0, 4}};

  explicit LSTMCell(const RecurrentShape&) {}

  static void forward(std::int64_t H, float* z, const float* q, StateOf<const float> before,
                      StateOf<float> after) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec i = apply<S>(get(z + k) + get(q + k));  // (L1), (L2)
      const vec f = apply<S>(get(z + H + k) + get(q + H + k));  // (L3)
      const vec g = apply<G>(get(z + 2 * H + k) + get(q + 2 * H + k));  // (L4)
      const vec o = apply<S>(get(z + 3 * H + k) + get(q + 3 * H + k));  // (L5)
      const vec c = f * get(before.c + k) + i * g;  // (L6)
      put(after.c + k, c);
      put(after.h + k, o * apply<G>(c));  // (L7)
      put(z + k, i);
      put(z + H + k, f);
      put(z + 2 * H + k, g);
      put(z + 3 * H + k, o);
    });
  }

  static void backward(std::int64_t H, StateOf<const float> after, StateOf<const float> before,
                       const float* dy, StateOf<float> dstate, float* dz) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec i = get(dz + k), f = get(dz + H + k);
      const vec g = get(dz + 2 * H + k), o = get(dz + 3 * H + k);
      const vec a = apply<G>(get(after.c + k));
      const vec dh = dy ? get(dstate.h + k) + get(dy + k) : get(dstate.h + k);  // (B1)
      const vec dc = get(dstate.c + k) + dh * o * slope<G>(a);  // (B3)
      put(dz + k, dc * g * slope<S>(i));  // (B4), (B5)
      put(dz + H + k, dc * get(before.c + k) * slope<S>(f));
      put(dz + 2 * H + k, dc * i * slope<G>(g));
      put(dz + 3 * H + k, dh * a * slope<S>(o));  // (B2)
      put(dstate.h + k, vec{});
      put(dstate.c + k, dc * f);  // (B6)
    });
  }
};

}  // namespace LSTM_ISA

// The simple recurrent layer; equations (R1)-(R11) of docs/theory/recurrence.md.

namespace LSTM_ISA {

template <Activation A>
struct SimpleCell {
  static constexpr int blocks = 1, kept = 1;
  static constexpr Blocks dq[] = {{0, 0, 1}};
  static constexpr bool two_biases = false;

  static void forward(std::int64_t H, const float* z, const float* q, const float*, float* y) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(y + k, apply<A>(get(z + k) + get(q + k)));  // (R1), (R2)
    });
  }

  static void backward(std::int64_t H, const float* y, const float*, const float* dy, float* dh,
                       float* dz) {
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec d = dy ? get(dh + k) + get(dy + k) : get(dh + k);  // (R4)
      put(dz + k, d * slope<A>(get(y + k)));  // (R5)
      put(dh + k, vec{});
    });
  }
};

inline void rnn_forward(const RecurrentShape& s, const RecurrentForward& io) {
  with_activation(s.activation,
                  [&](auto a) { recurrent_forward<SimpleCell<decltype(a)::value>>(s, io); });
}

inline void rnn_backward(const RecurrentShape& s, const RecurrentBackward& io) {
  with_activation(s.activation,
                  [&](auto a) { recurrent_backward<SimpleCell<decltype(a)::value>>(s, io); });
}

}  // namespace LSTM_ISA

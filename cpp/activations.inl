// Activations and their slopes, as functions of a vector; which one is known when it is compiled.

// Of a number and NaN, min and max return the second: NaN stays NaN.
template <Activation A>
LSTM_INLINE vec apply(vec x) {
  if constexpr (A == Activation::relu) return max(vec{}, x);
  if constexpr (A == Activation::tanh) return tanh(x);
  if constexpr (A == Activation::sigmoid) return sigmoid(x);
  if constexpr (A == Activation::hard_sigmoid)
    return min(broadcast(1), max(vec{}, x * (1.0f / 6) + 0.5f));
  return x;
}

// The derivative of an activation, from its output.
template <Activation A>
LSTM_INLINE vec slope(vec y) {
  const vec one = broadcast(1);
  if constexpr (A == Activation::relu) return select(y > 0.0f, one, vec{});
  if constexpr (A == Activation::tanh) return 1.0f - y * y;
  if constexpr (A == Activation::sigmoid) return y * (1.0f - y);
  if constexpr (A == Activation::hard_sigmoid)
    return select((y > 0.0f) & (y < 1.0f), one * (1.0f / 6), vec{});
  return one;
}

template <class F>
LSTM_INLINE void with_activation(Activation a, F f) {
  switch (a) {
    case Activation::relu: return f(std::integral_constant<Activation, Activation::relu>());
    case Activation::tanh: return f(std::integral_constant<Activation, Activation::tanh>());
    case Activation::sigmoid: return f(std::integral_constant<Activation, Activation::sigmoid>());
    case Activation::hard_sigmoid:
      return f(std::integral_constant<Activation, Activation::hard_sigmoid>());
    default: return f(std::integral_constant<Activation, Activation::linear>());
  }
}

// The same with the two activations of a recurrent layer.
template <class F>
LSTM_INLINE void with_activations(const RecurrentShape& s, F f) {
  with_activation(s.activation, [&](auto g) {
    with_activation(s.recurrent_activation, [&](auto r) { f(g, r); });
  });
}

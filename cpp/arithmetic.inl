// Functions of numbers and their slopes, products, and sums along an axis.

template <class F>
LSTM_INLINE vec each_lane(vec x, F f) {
  for (int k = 0; k < lanes; ++k) x[k] = f(x[k]);
  return x;
}

// exp(x) - 1 of x <= 0, without the loss of digits near 0.
LSTM_INLINE vec expm1_below_0(vec x) {
  ivec n;
  const vec r = reduced(max(broadcast(-30), x), n);
  const vec scale = power_of_two(n);
  return exp_minus_1(r) * scale + (scale - 1.0f);
}

LSTM_INLINE vec one_where(ivec mask) { return select(mask, broadcast(1), vec{}); }

// f(x, y). NaN stays NaN.
template <Function F>
LSTM_INLINE vec apply(vec x, vec y) {
  const auto below_0 = [](vec v) LSTM_INLINE_LAMBDA { return select(v > 0.0f, vec{}, v); };
  if constexpr (F == Function::add) return x + y;
  if constexpr (F == Function::subtract) return x - y;
  if constexpr (F == Function::multiply) return x * y;
  if constexpr (F == Function::divide) return x / y;
  if constexpr (F == Function::maximum) return select((x > y) | (x != x), x, y);
  if constexpr (F == Function::minimum) return select((x < y) | (x != x), x, y);
  if constexpr (F == Function::power) {
    for (int k = 0; k < lanes; ++k) x[k] = std::pow(x[k], y[k]);
    return x;
  }
  if constexpr (F == Function::less) return one_where(x < y);
  if constexpr (F == Function::less_equal) return one_where(x <= y);
  if constexpr (F == Function::equal) return one_where(x == y);
  if constexpr (F == Function::keep) return select(y != 0.0f, x, vec{});
  if constexpr (F == Function::leaky_relu) return select(x > 0.0f, x, y * x);
  if constexpr (F == Function::elu) return select(x > 0.0f, x, y * expm1_below_0(below_0(x)));
  if constexpr (F == Function::exp) return exp(x);
  if constexpr (F == Function::log) return each_lane(x, [](float v) { return std::log(v); });
  if constexpr (F == Function::sqrt) return each_lane(x, [](float v) { return std::sqrt(v); });
  if constexpr (F == Function::square) return x * x;
  if constexpr (F == Function::reciprocal) return 1.0f / x;
  if constexpr (F == Function::abs) return abs(x);
  if constexpr (F == Function::sign)
    return select(x > 0.0f, broadcast(1), select(x < 0.0f, broadcast(-1), x));
  if constexpr (F == Function::floor) return each_lane(x, [](float v) { return std::floor(v); });
  if constexpr (F == Function::softplus)
    return select((x > 0.0f) | (x != x), x, vec{}) +
           each_lane(exp(-abs(x)), [](float v) { return std::log1p(v); });
  if constexpr (F == Function::erf) return each_lane(x, [](float v) { return std::erf(v); });
  if constexpr (F == Function::sin) return each_lane(x, [](float v) { return std::sin(v); });
  if constexpr (F == Function::cos) return each_lane(x, [](float v) { return std::cos(v); });
}

// dz/dx from x, y and z.
template <Function F>
LSTM_INLINE vec slope_x(vec x, vec y, vec z) {
  const vec one = broadcast(1);
  if constexpr (F == Function::add || F == Function::subtract) return one;
  if constexpr (F == Function::multiply) return y;
  if constexpr (F == Function::divide) return 1.0f / y;
  if constexpr (F == Function::maximum) return one_where(x >= y);
  if constexpr (F == Function::minimum) return one_where(x <= y);
  if constexpr (F == Function::power) return y * apply<Function::power>(x, y - 1.0f);
  if constexpr (F == Function::keep) return one_where(y != 0.0f);
  if constexpr (F == Function::leaky_relu) return select(x > 0.0f, one, y);
  if constexpr (F == Function::elu) return select(x > 0.0f, one, z + y);
  if constexpr (F == Function::exp) return z;
  if constexpr (F == Function::log) return 1.0f / x;
  if constexpr (F == Function::sqrt) return 0.5f / z;
  if constexpr (F == Function::square) return 2.0f * x;
  if constexpr (F == Function::reciprocal) return -z * z;
  if constexpr (F == Function::abs) return apply<Function::sign>(x, y);
  if constexpr (F == Function::softplus) return sigmoid(x);
  if constexpr (F == Function::erf) return 1.12837917f * exp(-x * x);
  if constexpr (F == Function::sin) return apply<Function::cos>(x, y);
  if constexpr (F == Function::cos) return -apply<Function::sin>(x, y);
  return vec{};
}

// dz/dy.
template <Function F>
LSTM_INLINE vec slope_y(vec x, vec y, vec z) {
  if constexpr (F == Function::add) return broadcast(1);
  if constexpr (F == Function::subtract) return broadcast(-1);
  if constexpr (F == Function::multiply) return x;
  if constexpr (F == Function::divide) return -z / y;
  if constexpr (F == Function::maximum) return one_where(x < y);
  if constexpr (F == Function::minimum) return one_where(x > y);
  if constexpr (F == Function::power)
    return select(x == 0.0f, vec{}, z * apply<Function::log>(x, y));
  if constexpr (F == Function::leaky_relu) return select(x > 0.0f, vec{}, x);
  if constexpr (F == Function::elu) return expm1_below_0(select(x > 0.0f, vec{}, x));
  return vec{};
}

template <class G>
LSTM_INLINE void with_function(Function f, G g) {
  switch (f) {
#define LSTM_CASE(name) \
  case Function::name: return g(std::integral_constant<Function, Function::name>())
    LSTM_CASE(add);
    LSTM_CASE(subtract);
    LSTM_CASE(multiply);
    LSTM_CASE(divide);
    LSTM_CASE(maximum);
    LSTM_CASE(minimum);
    LSTM_CASE(power);
    LSTM_CASE(less);
    LSTM_CASE(less_equal);
    LSTM_CASE(equal);
    LSTM_CASE(keep);
    LSTM_CASE(leaky_relu);
    LSTM_CASE(elu);
    LSTM_CASE(exp);
    LSTM_CASE(log);
    LSTM_CASE(sqrt);
    LSTM_CASE(square);
    LSTM_CASE(reciprocal);
    LSTM_CASE(abs);
    LSTM_CASE(sign);
    LSTM_CASE(floor);
    LSTM_CASE(softplus);
    LSTM_CASE(erf);
    LSTM_CASE(sin);
    LSTM_CASE(cos);
#undef LSTM_CASE
  }
}

inline void elementwise_forward(int64_t n, Function function, const float* x, const float* y,
                                float number, float* z) {
  with_function(function, [&](auto f) {
    parallel_vecs(n, 10.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(z + k, apply<decltype(f)::value>(get(x + k), y ? get(y + k) : broadcast(number)));
    });
  });
}

inline void elementwise_backward(int64_t n, Function function, const float* dz, const float* x,
                                 const float* y, float number, const float* z, float* dx,
                                 float* dy) {
  with_function(function, [&](auto f) {
    constexpr Function F = decltype(f)::value;
    parallel_vecs(n, 10.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec a = get(x + k), b = y ? get(y + k) : broadcast(number), c = get(z + k);
      if (dx) put(dx + k, get(dz + k) * slope_x<F>(a, b, c));
      if (dy) put(dy + k, get(dz + k) * slope_y<F>(a, b, c));
    });
  });
}

// y (A, C) from x (A, N, C): all N along the middle axis joined, from `first` on; `finish` joins
// the lanes of a vector.
template <class Join, class Finish>
void reduced_along(int64_t A, int64_t N, int64_t C, const float* x, float first, float* y,
                   Join join, Finish finish) {
  if (C == 1) {
    parallel_each(A, double(N), [&](auto a) {
      const float* row = x + a * N;
      vec all = broadcast(first);
      int64_t n = 0;
      for (; n + lanes <= N; n += lanes) all = join(all, load(row + n));
      float total = finish(all);
      for (; n < N; ++n) total = join(broadcast(total), broadcast(row[n]))[0];
      y[a] = total;
    });
    return;
  }
  parallel_each(A, double(N * C), [&](auto a) {
    for_each_vec(C, [&](auto c, auto get, auto put) LSTM_INLINE_LAMBDA {
      const float* column = x + a * N * C + c;
      vec all = broadcast(first);
      for (int64_t n = 0; n < N; ++n) all = join(all, get(column + n * C));
      put(y + a * C + c, all);
    });
  });
}

inline void sum(int64_t A, int64_t N, int64_t C, const float* x, float* y) {
  reduced_along(
      A, N, C, x, 0, y, [](vec a, vec b) LSTM_INLINE_LAMBDA { return a + b; },
      [](vec all) { return sum(all); });
}

inline void max(int64_t A, int64_t N, int64_t C, const float* x, float* y) {
  reduced_along(
      A, N, C, x, -__builtin_inff(), y,
      [](vec a, vec b) LSTM_INLINE_LAMBDA { return apply<Function::maximum>(a, b); },
      [](vec all) {
        vec top = broadcast(all[0]);
        for (int k = 1; k < lanes; ++k) top = apply<Function::maximum>(top, broadcast(all[k]));
        return top[0];
      });
}

inline void cumulative_sum(int64_t A, int64_t N, int64_t C, const float* x, bool reverse,
                           float* y) {
  parallel_each(A, double(N * C), [&](auto a) {
    for_each_vec(C, [&](auto c, auto get, auto put) LSTM_INLINE_LAMBDA {
      vec total = {};
      for (int64_t n = 0; n < N; ++n) {
        const int64_t k = (a * N + (reverse ? N - 1 - n : n)) * C + c;
        total += get(x + k);
        put(y + k, total);
      }
    });
  });
}

inline void numbers(int64_t n, const int64_t* tokens, float* y) {
  for (int64_t k = 0; k < n; ++k) y[k] = float(tokens[k]);
}

inline void one_hot(int64_t n, int64_t V, const int64_t* tokens, float* y) {
  fill(n * V, 0, y);
  for (int64_t k = 0; k < n; ++k)
    if (tokens[k] >= 0 && tokens[k] < V) y[k * V + tokens[k]] = 1;
}

inline void matmul(int64_t G, int64_t M, int64_t N, int64_t K, const float* x, const float* y,
                   float* z) {
  for (int64_t g = 0; g < G; ++g)
    gemm(M, N, K, {x + g * M * K, K, 1}, {y + g * K * N, N, 1}, z + g * M * N, N, false, nullptr);
}

inline void matmul_x_transposed(int64_t G, int64_t M, int64_t N, int64_t K, const float* x,
                                const float* y, float* z) {
  for (int64_t g = 0; g < G; ++g)
    gemm(M, N, K, {x + g * M * K, 1, M}, {y + g * K * N, N, 1}, z + g * M * N, N, false, nullptr);
}

inline void matmul_y_transposed(int64_t G, int64_t M, int64_t N, int64_t K, const float* x,
                                const float* y, float* z) {
  for (int64_t g = 0; g < G; ++g)
    gemm(M, N, K, {x + g * M * K, K, 1}, {y + g * K * N, 1, K}, z + g * M * N, N, false, nullptr);
}

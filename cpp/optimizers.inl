// Steps of the optimizers, and what surrounds them: clipping, decay, averages.

inline void mix(int64_t n, float* y, double keep, const float* x, double share) {
  const float old = float(keep), fresh = float(share);
  parallel_vecs(n, 1.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec added = fresh * get(x + k);
    put(y + k, old == 0 ? added : old * get(y + k) + added);
  });
}

// Blocks of a fixed size are summed on their own and then added in order.
inline double squared_norm(int64_t n, const float* g) {
  constexpr int64_t block = 4096;
  const int64_t blocks = (n + block - 1) / block;
  double* sums = reinterpret_cast<double*>(scratch(0, 2 * blocks));
  parallel_each(blocks, 2.0 * block, [&](auto k) {
    const int64_t first = k * block, last = first + block < n ? first + block : n;
    double total = 0;
    for (auto j = first; j < last; ++j) total += double(g[j]) * double(g[j]);
    sums[k] = total;
  });
  double total = 0;
  for (int64_t k = 0; k < blocks; ++k) total += sums[k];
  return total;
}

inline double clip_by_norm(int64_t, int64_t M, float* g, const int64_t* ends, double max_norm) {
  double total = 0;
  for (int64_t part = 0; part < M; ++part) {
    const int64_t start = part ? ends[part - 1] : 0,
                  size = std::max<int64_t>(ends[part] - start, 0);
    const double square = squared_norm(size, g + start), norm = std::sqrt(square);
    total += square;
    if (norm > max_norm) scale(size, g + start, float(max_norm / norm), g + start);
  }
  return std::sqrt(total);
}

inline void clip_by_value(int64_t n, float* g, float limit) {
  parallel_vecs(n, 1.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    put(g + k, max(broadcast(-limit), min(broadcast(limit), get(g + k))));
  });
}

inline void sgd(int64_t n, float* p, const float* g, float* v, float lr, float momentum,
                bool nesterov) {
  parallel_vecs(n, 4.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec slope = lr * get(g + k), velocity = momentum * get(v + k) - slope;
    put(v + k, velocity);
    put(p + k, get(p + k) + (nesterov ? momentum * velocity - slope : velocity));
  });
}

LSTM_INLINE vec square_root(vec x) {
  vec y;
  for (int k = 0; k < lanes; ++k) y[k] = __builtin_sqrtf(x[k]);
  return y;
}

inline void rmsprop(int64_t n, float* p, const float* g, float* s, float* m, float* v, float lr,
                    double rho, float momentum, float eps) {
  const float old = float(rho), fresh = float(1 - rho);
  parallel_vecs(n, 8.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k);
    vec spread = old * get(s + k) + fresh * d * d;
    put(s + k, spread);
    if (m) {
      const vec mean = old * get(m + k) + fresh * d;
      put(m + k, mean);
      spread -= mean * mean;
      spread = select(spread < 0, vec{}, spread);  // rounding may take it below
    }
    vec step = lr * d / square_root(spread + eps);
    if (v) {
      step += momentum * get(v + k);
      put(v + k, step);
    }
    put(p + k, get(p + k) - step);
  });
}

inline void adagrad(int64_t n, float* p, const float* g, float* s, float lr, float eps) {
  parallel_vecs(n, 8.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k), square = get(s + k) + d * d;
    put(s + k, square);
    put(p + k, get(p + k) - lr * d / square_root(square + eps));
  });
}

inline void adadelta(int64_t n, float* p, const float* g, float* s, float* a, float lr, double rho,
                     float eps) {
  const float old = float(rho), fresh = float(1 - rho);
  parallel_vecs(n, 12.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k), square = old * get(s + k) + fresh * d * d;
    const vec step = square_root(get(a + k) + eps) / square_root(square + eps) * d;
    put(s + k, square);
    put(a + k, old * get(a + k) + fresh * step * step);
    put(p + k, get(p + k) - lr * step);
  });
}

inline void adam(int64_t n, float* p, const float* g, float* m, float* s, float* s_max,
                 int64_t step, double lr, double beta_1, double beta_2, float eps) {
  const double unbiased =
      std::sqrt(1 - std::pow(beta_2, double(step))) / (1 - std::pow(beta_1, double(step)));
  const float rate = float(lr * unbiased);
  const float old_1 = float(beta_1), fresh_1 = float(1 - beta_1);
  const float old_2 = float(beta_2), fresh_2 = float(1 - beta_2);
  parallel_vecs(n, 12.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k);
    const vec mean = old_1 * get(m + k) + fresh_1 * d;
    vec square = old_2 * get(s + k) + fresh_2 * d * d;
    put(m + k, mean);
    put(s + k, square);
    if (s_max) {
      square = max(get(s_max + k), square);
      put(s_max + k, square);
    }
    put(p + k, get(p + k) - rate * mean / (square_root(square) + eps));
  });
}

inline void adamax(int64_t n, float* p, const float* g, float* m, float* u, int64_t step, double lr,
                   double beta_1, double beta_2, float eps) {
  const float rate = float(lr / (1 - std::pow(beta_1, double(step)))), old_2 = float(beta_2);
  const float old_1 = float(beta_1), fresh_1 = float(1 - beta_1);
  parallel_vecs(n, 6.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k);
    const vec mean = old_1 * get(m + k) + fresh_1 * d, largest = max(old_2 * get(u + k), abs(d));
    put(m + k, mean);
    put(u + k, largest);
    put(p + k, get(p + k) - rate * mean / (largest + eps));
  });
}

inline void nadam(int64_t n, float* p, const float* g, float* m, float* s, int64_t step, double lr,
                  double beta_1, double beta_2, float eps) {
  const auto warmth = [](double t) { return 1 - 0.5 * std::pow(0.96, t); };
  double product = std::pow(beta_1, double(step));
  for (int64_t t = 1; t <= step && t <= 1000; ++t) product *= warmth(double(t));  // then it is 1
  const double now = beta_1 * warmth(double(step)), next = beta_1 * warmth(double(step + 1));
  const float of_mean = float(lr * next / (1 - product * next));
  const float of_slope = float(lr * (1 - now) / (1 - product));
  const float unbiased = float(1 / (1 - std::pow(beta_2, double(step))));
  const float old_1 = float(beta_1), fresh_1 = float(1 - beta_1);
  const float old_2 = float(beta_2), fresh_2 = float(1 - beta_2);
  parallel_vecs(n, 12.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k);
    const vec mean = old_1 * get(m + k) + fresh_1 * d;
    const vec square = old_2 * get(s + k) + fresh_2 * d * d;
    put(m + k, mean);
    put(s + k, square);
    put(p + k,
        get(p + k) - (of_mean * mean + of_slope * d) / (square_root(unbiased * square) + eps));
  });
}

LSTM_INLINE vec to_power(vec x, float exponent) {
  if (exponent == 0.5f) return square_root(x);
  vec y;
  for (int k = 0; k < lanes; ++k) y[k] = std::pow(x[k], exponent);
  return y;
}

inline void ftrl(int64_t n, float* p, const float* g, float* s, float* z, float lr, float power,
                 float l1, float l2, float shrinkage, float beta) {
  const float smallest = 2 * l2 + beta / lr;
  parallel_vecs(n, 16.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k), weight = get(p + k), square = get(s + k) + d * d;
    const vec root = to_power(square, -power), before = to_power(get(s + k), -power);
    const vec linear = get(z + k) + d + 2 * shrinkage * weight - (root - before) / lr * weight;
    const vec curve = root / lr + smallest;
    const vec clipped = max(broadcast(-l1), min(broadcast(l1), linear));
    put(s + k, square);
    put(z + k, linear);
    put(p + k, select(curve > 0, (clipped - linear) / curve, weight));
  });
}

inline void lion(int64_t n, float* p, const float* g, float* m, float lr, double beta_1,
                 double beta_2) {
  const float old_1 = float(beta_1), fresh_1 = float(1 - beta_1);
  const float old_2 = float(beta_2), fresh_2 = float(1 - beta_2);
  parallel_vecs(n, 4.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k), mean = get(m + k), way = old_1 * mean + fresh_1 * d;
    const vec step = select(way > 0, broadcast(lr), select(way < 0, broadcast(-lr), vec{}));
    put(m + k, old_2 * mean + fresh_2 * d);
    put(p + k, get(p + k) - step);
  });
}

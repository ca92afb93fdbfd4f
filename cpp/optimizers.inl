// Steps of the optimizers, and the clipping of gradients.

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

inline double clip_by_global_norm(int64_t n, float* g, double max_norm) {
  const double norm = std::sqrt(squared_norm(n, g));
  if (!(norm > max_norm)) return norm;
  const float factor = float(max_norm / norm);
  parallel_vecs(n, 1.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    put(g + k, get(g + k) * factor);
  });
  return norm;
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

inline void adam(int64_t n, float* p, const float* g, float* m, float* s, int64_t step, double lr,
                 double beta_1, double beta_2, float eps, double weight_decay) {
  const double unbiased =
      std::sqrt(1 - std::pow(beta_2, double(step))) / (1 - std::pow(beta_1, double(step)));
  const float rate = float(lr * unbiased), keep = float(1 - lr * weight_decay);
  const float old_1 = float(beta_1), fresh_1 = float(1 - beta_1);
  const float old_2 = float(beta_2), fresh_2 = float(1 - beta_2);
  parallel_vecs(n, 12.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    const vec d = get(g + k);
    const vec mean = old_1 * get(m + k) + fresh_1 * d;
    const vec square = old_2 * get(s + k) + fresh_2 * d * d;
    put(m + k, mean);
    put(s + k, square);
    put(p + k, keep * get(p + k) - rate * mean / (square_root(square) + eps));
  });
}

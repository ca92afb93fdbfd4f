// Activations, products by feature, embedding, linear layers, losses and optimizers.

// Call f(k, get, put) for the vectors of n numbers, divided among the threads.
template <class F>
void parallel_vecs(int64_t n, double cost, F f) {
  parallel(n, lanes, cost, [&](auto begin, auto end) {
    for_each_vec(end - begin,
                 [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA { f(begin + k, get, put); });
  });
}

// out (N) += the sums over n rows, which are `apart` floats apart. Columns are divided among
// threads, rows are added in order.
inline void column_sums(int64_t n, int64_t N, const float* x, int64_t apart, float* out) {
  parallel(N, lanes, double(n),
           [&](auto begin, auto end) { add_rows(n, end - begin, x + begin, apart, out + begin); });
}

inline float top_of(int64_t V, const float* x) {
  float top = x[0];
  for (int64_t k = 1; k < V; ++k) top = x[k] > top ? x[k] : top;
  return top;
}

inline void softmax_row(int64_t V, const float* x, float* y) {
  const float top = top_of(V, x);
  for_each_vec(
      V, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA { put(y + k, exp(get(x + k) - top)); });
  float total = 0;
  for (int64_t k = 0; k < V; ++k) total += y[k];
  for_each_vec(V, [&](auto k, auto get, auto put)
                      LSTM_INLINE_LAMBDA { put(y + k, get(y + k) * (1.0f / total)); });
}

inline void activation_forward(int64_t rows, int64_t width, const float* x, Activation activation,
                               float* y) {
  if (width == 0) return;
  if (activation == Activation::softmax) {
    parallel_each(rows, 20.0 * width,
                  [&](auto row) { softmax_row(width, x + row * width, y + row * width); });
    return;
  }
  with_activation(activation, [&](auto a) {
    parallel_vecs(rows * width, 10.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(y + k, apply<decltype(a)::value>(get(x + k)));
    });
  });
}

inline void activation_backward(int64_t rows, int64_t width, const float* dy, const float* y,
                                Activation activation, float* dx) {
  if (activation == Activation::softmax) {
    parallel_each(rows, 4.0 * width, [&](auto row) {
      const float *d = dy + row * width, *p = y + row * width;
      float dot = 0;
      for (int64_t k = 0; k < width; ++k) dot += d[k] * p[k];
      for_each_vec(width, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
        put(dx + row * width + k, get(p + k) * (get(d + k) - dot));
      });
    });
    return;
  }
  with_activation(activation, [&](auto a) {
    parallel_vecs(rows * width, 4.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(dx + k, get(dy + k) * slope<decltype(a)::value>(get(y + k)));
    });
  });
}

inline void scale_features(int64_t B, int64_t T, int64_t C, const float* x, const float* factor,
                           float* y) {
  if (C == 0) return;
  parallel_each(B * T, double(C), [&](auto row) {
    const float *in = x + row * C, *f = factor + row / T * C;
    float* out = y + row * C;
    for_each_vec(C, [&](auto k, auto get, auto put)
                        LSTM_INLINE_LAMBDA { put(out + k, get(in + k) * get(f + k)); });
  });
}

inline void embedding_forward(int64_t n, int64_t E, const int64_t* tokens, const float* w,
                              float* y) {
  if (E == 0) return;
  parallel_each(n, double(E),
                [&](auto k) { std::memcpy(y + k * E, w + tokens[k] * E, E * sizeof(float)); });
}

// dw[token] += the row of each token; the rows (n, E) are `apart` floats apart.
inline void add_at_tokens(int64_t n, int64_t E, const float* rows, int64_t apart,
                          const int64_t* tokens, float* dw) {
  parallel(E, lanes, double(n), [&](auto begin, auto end) {
    for (int64_t t = 0; t < n; ++t) {
      float* row = dw + tokens[t] * E + begin;
      const float* d = rows + t * apart + begin;
      for_each_vec(end - begin, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
        put(row + k, get(row + k) + get(d + k));
      });
    }
  });
}

inline void embedding_backward(int64_t n, int64_t E, const float* dy, const int64_t* tokens,
                               float* dw) {
  add_at_tokens(n, E, dy, E, tokens, dw);
}

inline void linear_forward(int64_t n, int64_t D, int64_t F, const float* x, const float* w,
                           const float* b, Activation activation, float* y) {
  gemm(n, F, D, {x, D, 1}, {w, F, 1}, y, F, false, b);
  if (activation != Activation::linear) activation_forward(n, F, y, activation, y);
}

inline void linear_backward(int64_t n, int64_t D, int64_t F, const float* dy, const float* x,
                            const float* w, const float* y, Activation activation, float* dz,
                            float* dw, float* db, float* dx) {
  if (activation != Activation::linear) activation_backward(n, F, dy, y, activation, dz);
  const float* d = activation == Activation::linear ? dy : dz;
  if (dw) gemm(D, F, n, {x, 1, D}, {d, F, 1}, dw, F, true, nullptr);
  if (db) column_sums(n, F, d, F, db);
  if (dx) gemm(n, D, F, {d, F, 1}, {w, 1, F}, dx, D, false, nullptr);
}

// ---- losses

inline float weight_of(const float* weight, int64_t k, int64_t n) {
  return weight ? weight[k] : 1.0f / float(n);
}

// Losses by row, computed in parallel and added in order.
template <class Loss>
double summed(int64_t n, double cost, Loss loss) {
  float* values = scratch(0, n);
  parallel_each(n, cost, [&](auto k) { values[k] = loss(k); });
  double total = 0;
  for (int64_t k = 0; k < n; ++k) total += values[k];
  return total;
}

// Σ -target·log_of(k) of a row, whose target is a class or a row.
template <class LogOf>
float row_loss(int64_t V, int64_t row, const int64_t* classes, const float* rows, LogOf log_of) {
  if (classes) return -log_of(classes[row]);
  float loss = 0;
  for (int64_t k = 0; k < V; ++k)
    if (const float t = rows[row * V + k]) loss -= t * log_of(k);
  return loss;
}

inline double softmax_cross_entropy_forward(int64_t n, int64_t V, const float* z,
                                            const int64_t* classes, const float* rows,
                                            const float* weight, float* log_p) {
  return summed(n, 20.0 * V, [&](int64_t row) {
    const float* x = z + row * V;
    float* out = log_p + row * V;
    const float top = top_of(V, x);
    vec total = {};
    int64_t k = 0;
    for (; k + lanes <= V; k += lanes) total += exp(load(x + k) - top);
    float rest = sum(total);
    if (int left = int(V - k)) {
      const vec e = exp(load_part(x + k, left) - top);
      for (int j = 0; j < left; ++j) rest += e[j];
    }
    const float log_total = std::log(rest);
    for_each_vec(V, [&](auto j, auto get, auto put) LSTM_INLINE_LAMBDA {
      // In two steps: for large logits their sum would lose the digits of the logarithm.
      put(out + j, (get(x + j) - top) - log_total);
    });
    const auto log_of = [out](int64_t j) { return out[j]; };
    return row_loss(V, row, classes, rows, log_of) * weight_of(weight, row, n);
  });
}

inline void softmax_cross_entropy_backward(int64_t n, int64_t V, const float* log_p,
                                           const int64_t* classes, const float* rows,
                                           const float* weight, float* dz) {
  parallel_each(n, 20.0 * V, [&](auto row) {
    const float* x = log_p + row * V;
    float* d = dz + row * V;
    const float w = weight_of(weight, row, n);
    if (classes) {
      for_each_vec(V, [&](auto k, auto get, auto put)
                          LSTM_INLINE_LAMBDA { put(d + k, exp(get(x + k)) * w); });
      d[classes[row]] -= w;
      return;
    }
    const float* t = rows + row * V;
    float mass = 0;
    for (int64_t k = 0; k < V; ++k) mass += t[k];
    for_each_vec(V, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(d + k, (exp(get(x + k)) * mass - get(t + k)) * w);
    });
  });
}

// Probabilities of which neither q nor 1 - q is too small for a loss. NaN stays NaN.
constexpr float least = 1e-7f, most = 1 - least;
inline float limited(float q) { return q < least ? least : q > most ? most : q; }
inline bool outside(float q) { return q < least || q > most; }

// What the shares of a row are divided by; as infinity, a sum of 0 makes them 0.
inline float total_of(int64_t V, const float* p) {
  float total = 0;
  for (int64_t k = 0; k < V; ++k) total += p[k];
  return total == 0 ? __builtin_inff() : total;
}

inline double cross_entropy_forward(int64_t n, int64_t V, const float* p, const int64_t* classes,
                                    const float* rows, const float* weight) {
  return summed(n, 20.0 * V, [&](int64_t row) {
    const float* x = p + row * V;
    const float total = total_of(V, x);
    const auto log_of = [&](int64_t k) { return std::log(limited(x[k] / total)); };
    return row_loss(V, row, classes, rows, log_of) * weight_of(weight, row, n);
  });
}

inline void cross_entropy_backward(int64_t n, int64_t V, const float* p, const int64_t* classes,
                                   const float* rows, const float* weight, float* dp) {
  parallel_each(n, 4.0 * V, [&](auto row) {
    const float *x = p + row * V, w = weight_of(weight, row, n), total = total_of(V, x);
    float* d = dp + row * V;
    float mean = 0;  // of dq, by the shares q
    for (int64_t k = 0; k < V; ++k) {
      const float t = classes ? float(k == classes[row]) : rows[row * V + k];
      const float q = x[k] / total;
      d[k] = t == 0 || outside(q) ? 0 : -w * t / q;
      mean += d[k] * q;
    }
    for (int64_t k = 0; k < V; ++k) d[k] = (d[k] - mean) / total;
  });
}

struct LossAt {
  float value, slope;
};

inline LossAt pointwise(PointwiseLoss loss, float y, float t, float delta) {
  const float error = y - t;
  switch (loss) {
    case PointwiseLoss::squared_error: return {error * error, 2 * error};
    case PointwiseLoss::absolute_error:
      return {std::fabs(error), float(error > 0) - float(error < 0)};
    case PointwiseLoss::huber: {
      const float s = error < -delta ? -delta : error > delta ? delta : error;
      return {s * (error - s / 2), s};
    }
    case PointwiseLoss::binary_cross_entropy: {
      const float q = limited(y), rest = 1 - q;
      return {-t * std::log(q) - (1 - t) * std::log(rest), outside(y) ? 0 : (1 - t) / rest - t / q};
    }
    case PointwiseLoss::sigmoid_cross_entropy: {
      const float e = std::exp(-std::fabs(y));
      const float s = y < 0 ? e / (1 + e) : 1 / (1 + e);
      return {(y > 0 ? y : 0) + std::log1p(e) - t * y, s - t};
    }
  }
  return {0, 0};
}

inline double pointwise_loss(int64_t n, PointwiseLoss loss, const float* y, const float* target,
                             const float* weight, float delta, float* dy) {
  return summed(n, 40.0, [&](int64_t k) {
    const LossAt at = pointwise(loss, y[k], target[k], delta);
    const float w = weight_of(weight, k, n);
    dy[k] = w * at.slope;
    return w * at.value;
  });
}

// ---- optimizers

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

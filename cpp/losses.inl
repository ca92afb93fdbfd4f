// Losses, as a sum over rows or entries, and their gradients.

inline float weight_of(const float* weight, int64_t k, int64_t n) {
  return weight ? weight[k] : 1.0f / float(n);
}

inline double weighted_total(int64_t n, const float* values, const float* weight) {
  double total = 0;
  for (int64_t k = 0; k < n; ++k) total += double(values[k]) * weight_of(weight, k, n);
  return total;
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

// ln softmax of a row.
inline void log_softmax(int64_t V, const float* x, float* out) {
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
}

inline double softmax_cross_entropy_forward(int64_t n, int64_t V, const float* z,
                                            const int64_t* classes, const float* rows,
                                            const float* weight, float* log_p) {
  return summed(n, 20.0 * V, [&](int64_t row) {
    float* out = log_p + row * V;
    log_softmax(V, z + row * V, out);
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

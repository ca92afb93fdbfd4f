// Activations of arrays, products by feature, embedding and linear layers.

// Call f(k, get, put) for the vectors of n numbers, divided among the threads.
template <class F>
void parallel_vecs(int64_t n, double cost, F f) {
  parallel(n, lanes, cost, [&](auto begin, auto end) {
    for_each_vec(end - begin,
                 [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA { f(begin + k, get, put); });
  });
}

// out (N) += the sums over n rows, of `pitch` floats each. Columns are divided among
// threads, rows are added in order.
inline void column_sums(int64_t n, int64_t N, const float* x, int64_t pitch, float* out) {
  parallel(N, lanes, double(n),
           [&](auto begin, auto end) { add_rows(n, end - begin, x + begin, pitch, out + begin); });
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

inline void embedding_backward(int64_t n, int64_t E, const float* dy, const int64_t* tokens,
                               float* dw) {
  parallel(E, lanes, double(n), [&](auto begin, auto end) {
    for (int64_t k = 0; k < n; ++k)
      add_rows(1, end - begin, dy + k * E + begin, E, dw + tokens[k] * E + begin);
  });
}

inline void linear_forward(int64_t n, int64_t D, int64_t F, const float* x, const float* w,
                           const float* packed, const float* b, Activation activation, float* y) {
  if (packed && D)
    prepared_gemm(n, F, D, {x, D, 1}, packed, y, F, b);
  else
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

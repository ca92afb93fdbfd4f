// Arrays: filled, added, multiplied, and moved along an axis.

inline void fill(int64_t n, float value, float* y) {
  parallel_vecs(n, 1.0,
                [&](auto k, auto, auto put) LSTM_INLINE_LAMBDA { put(y + k, broadcast(value)); });
}

inline void add(int64_t n, const float* x, float* y) {
  parallel_vecs(n, 1.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    put(y + k, get(y + k) + get(x + k));
  });
}

inline void multiply(int64_t n, const float* a, const float* b, float* y) {
  parallel_vecs(n, 1.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    put(y + k, get(a + k) * get(b + k));
  });
}

inline void scale(int64_t n, const float* x, float factor, float* y) {
  parallel_vecs(n, 1.0, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
    put(y + k, get(x + k) * factor);
  });
}

inline void gather(int64_t A, int64_t N, int64_t C, int64_t M, const float* x, const int64_t* index,
                   float* y) {
  if (C == 0) return;
  parallel_each(A * M, double(C), [&](auto row) {
    std::memcpy(y + row * C, x + (row / M * N + index[row % M]) * C, C * sizeof(float));
  });
}

inline void scatter(int64_t A, int64_t N, int64_t C, int64_t M, const float* x,
                    const int64_t* index, float* y) {
  if (C == 0) return;
  parallel_each(A, double(M * C), [&](auto a) {
    for (int64_t m = 0; m < M; ++m)
      std::memcpy(y + (a * N + index[m]) * C, x + (a * M + m) * C, C * sizeof(float));
  });
}

inline void scatter_add(int64_t A, int64_t N, int64_t C, int64_t M, const float* x,
                        const int64_t* index, float* y) {
  constexpr int64_t width = 4 * lanes;  // numbers of a row that a thread takes
  const int64_t parts = (C + width - 1) / width;
  parallel_each(A * parts, double(M * width), [&](auto k) {
    const int64_t a = k / parts, c = k % parts * width, n = std::min(width, C - c);
    for (int64_t m = 0; m < M; ++m)
      add_rows(1, n, x + (a * M + m) * C + c, C, y + (a * N + index[m]) * C + c);
  });
}

inline void transpose(int64_t A, int64_t N, int64_t M, int64_t C, const float* x, float* y) {
  parallel_each(A, double(N * M * C), [&](auto a) {
    for (int64_t m = 0; m < M; ++m)
      for (int64_t n = 0; n < N; ++n)
        for (int64_t c = 0; c < C; ++c)
          y[((a * M + m) * N + n) * C + c] = x[((a * N + n) * M + m) * C + c];
  });
}

// Convolution over time, as one product for each element of the kernel.

struct Conv1D {
  int64_t B, T, C, K, F, steps, stride, dilation, before;
};

// The output steps [begin, end) for which element k of the kernel meets a real input, and the input
// that the first of them meets.
struct Overlap {
  int64_t begin, end, input;
};

inline Overlap overlap(const Conv1D& s, int64_t k) {
  const int64_t offset = k * s.dilation - s.before;  // input of output step 0
  int64_t begin = offset < 0 ? (-offset + s.stride - 1) / s.stride : 0;
  int64_t end = offset < s.T ? (s.T - 1 - offset) / s.stride + 1 : 0;
  end = end < s.steps ? end : s.steps;
  begin = begin < end ? begin : end;
  return {begin, end, offset + begin * s.stride};
}

inline bool pointwise_conv(const Conv1D& s) {
  return s.K == 1 && s.stride == 1 && s.before == 0 && s.steps == s.T;
}

inline void conv1d_forward(int64_t B, int64_t T, int64_t C, int64_t K, int64_t F, int64_t steps,
                           const float* x, const float* w, const float* b, int64_t stride,
                           int64_t dilation, int64_t before, Activation activation, float* y) {
  const Conv1D s{B, T, C, K, F, steps, stride, dilation, before};
  const int64_t rows = B * steps;
  if (pointwise_conv(s)) return linear_forward(rows, C, F, x, w, b, activation, y);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t f = 0; f < F; ++f) y[row * F + f] = b ? b[f] : 0;
  for (int64_t k = 0; k < K; ++k) {
    const Overlap o = overlap(s, k);
    if (o.begin == o.end) continue;
    for (int64_t n = 0; n < B; ++n)
      gemm(o.end - o.begin, F, C, {x + (n * T + o.input) * C, stride * C, 1}, {w + k * C * F, F, 1},
           y + (n * steps + o.begin) * F, F, true, nullptr);
  }
  if (activation != Activation::linear) activation_forward(rows, F, y, activation, y);
}

inline void conv1d_backward(int64_t B, int64_t T, int64_t C, int64_t K, int64_t F, int64_t steps,
                            const float* dy, const float* x, const float* w, const float* y,
                            int64_t stride, int64_t dilation, int64_t before, Activation activation,
                            float* dz, float* dw, float* db, float* dx) {
  const Conv1D s{B, T, C, K, F, steps, stride, dilation, before};
  const int64_t rows = B * steps;
  if (pointwise_conv(s))
    return linear_backward(rows, C, F, dy, x, w, y, activation, dz, dw, db, dx);
  if (activation != Activation::linear) activation_backward(rows, F, dy, y, activation, dz);
  const float* d = activation == Activation::linear ? dy : dz;
  if (db) column_sums(rows, F, d, F, db);
  if (dx) std::memset(dx, 0, B * T * C * sizeof(float));
  for (int64_t k = 0; k < K; ++k) {
    const Overlap o = overlap(s, k);
    if (o.begin == o.end) continue;
    for (int64_t n = 0; n < B; ++n) {
      const float* dn = d + (n * steps + o.begin) * F;
      const int64_t at = (n * T + o.input) * C;
      if (dw)
        gemm(C, F, o.end - o.begin, {x + at, 1, stride * C}, {dn, F, 1}, dw + k * C * F, F, true,
             nullptr);
      if (dx)
        gemm(o.end - o.begin, C, F, {dn, F, 1}, {w + k * C * F, 1, F}, dx + at, stride * C, true,
             nullptr);
    }
  }
}

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
  const int64_t rows = s.B * s.steps;
  if (pointwise_conv(s)) return linear_forward(rows, s.C, s.F, x, w, b, activation, y);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t f = 0; f < s.F; ++f) y[row * s.F + f] = b ? b[f] : 0;
  for (int64_t k = 0; k < s.K; ++k) {
    const Overlap o = overlap(s, k);
    if (o.begin == o.end) continue;
    for (int64_t n = 0; n < s.B; ++n)
      gemm(o.end - o.begin, s.F, s.C, {x + (n * s.T + o.input) * s.C, s.stride * s.C, 1},
           {w + k * s.C * s.F, s.F, 1}, y + (n * s.steps + o.begin) * s.F, s.F, true, nullptr);
  }
  if (activation != Activation::linear) activation_forward(rows, s.F, y, activation, y);
}

inline void conv1d_backward(int64_t B, int64_t T, int64_t C, int64_t K, int64_t F, int64_t steps,
                            const float* dy, const float* x, const float* w, const float* y,
                            int64_t stride, int64_t dilation, int64_t before, Activation activation,
                            float* dz, float* dw, float* db, float* dx) {
  const Conv1D s{B, T, C, K, F, steps, stride, dilation, before};
  const int64_t rows = s.B * s.steps;
  if (pointwise_conv(s))
    return linear_backward(rows, s.C, s.F, dy, x, w, y, activation, dz, dw, db, dx);
  if (activation != Activation::linear) activation_backward(rows, s.F, dy, y, activation, dz);
  const float* d = activation == Activation::linear ? dy : dz;
  if (db) column_sums(rows, s.F, d, s.F, db);
  if (dx) std::memset(dx, 0, s.B * s.T * s.C * sizeof(float));
  for (int64_t k = 0; k < s.K; ++k) {
    const Overlap o = overlap(s, k);
    if (o.begin == o.end) continue;
    for (int64_t n = 0; n < s.B; ++n) {
      const float* dn = d + (n * s.steps + o.begin) * s.F;
      const int64_t at = (n * s.T + o.input) * s.C;
      if (dw)
        gemm(s.C, s.F, o.end - o.begin, {x + at, 1, s.stride * s.C}, {dn, s.F, 1},
             dw + k * s.C * s.F, s.F, true, nullptr);
      if (dx)
        gemm(o.end - o.begin, s.C, s.F, {dn, s.F, 1}, {w + k * s.C * s.F, 1, s.F}, dx + at,
             s.stride * s.C, true, nullptr);
    }
  }
}

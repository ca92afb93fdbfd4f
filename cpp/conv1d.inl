// Convolution over time: products of what the output steps see with the kernel, packed once a call.
//
// Where dilation is 1, the K inputs that a step sees are one row in memory, which overlaps with the
// row of the next step: one product takes all elements of the kernel, if each fills its slots. Else
// there is one for each.

struct Conv1D {
  int64_t B, T, C, K, F, steps, stride, dilation, before;

  // The input that element k of the kernel meets at output step t; there may be none.
  LSTM_INLINE int64_t input(int64_t t, int64_t k) const {
    return t * stride + k * dilation - before;
  }
  // How many elements of the kernel one product takes, and how many steps at most.
  LSTM_INLINE int64_t elements() const { return dilation == 1 && C % in_slot == 0 ? K : 1; }
  LSTM_INLINE int64_t most() const { return std::max<int64_t>(depth / stride, 1); }

  LSTM_INLINE int64_t packed_size() const { return panels(F) * panel_width * K * slots(C); }
  // Where element k stands in the panel of the n columns from j on.
  LSTM_INLINE int64_t packed_at(int64_t j, int64_t k, int n) const {
    return (j * K + k * padded(n)) * slots(C);
  }
};

// The first k in [0, n) for which first + k·step >= 0, or n.
LSTM_INLINE int64_t first_at(int64_t first, int64_t step, int64_t n) {
  return first >= 0 ? 0 : std::min((-first - 1) / step + 1, n);
}

// What some output steps see: the inputs from x on, with the elements [k0, k1) of the kernel.
struct Seen {
  const float* x;
  int64_t k0, k1;
};

// What the output steps [t0, t1) of the sequence x see: in its place, or with zeros around it in
// memory of the thread.
inline Seen seen(const Conv1D& s, const float* x, int64_t t0, int64_t t1) {
  const int64_t k0 = first_at(s.input(t1 - 1, 0), s.dilation, s.K);
  const int64_t k1 = first_at(s.input(t0, 0) - s.T, s.dilation, s.K);
  if (k0 == k1 || s.C == 0) return {x, k0, k1};
  const int64_t begin = s.input(t0, k0), end = s.input(t1 - 1, k1 - 1) + 1;
  if (begin >= 0 && end <= s.T) return {x + begin * s.C, k0, k1};
  float* zeros = scratch(2, (end - begin) * s.C);
  std::memset(zeros, 0, (end - begin) * s.C * sizeof(float));
  const int64_t from = std::max<int64_t>(begin, 0), to = std::min(end, s.T);
  if (from < to)
    std::memcpy(zeros + (from - begin) * s.C, x + from * s.C, (to - from) * s.C * sizeof(float));
  return {zeros, k0, k1};
}

// Call f(n, begin, end) for the rows [r0, r1), in sequences n of `steps` rows, a few at a time.
template <class F>
LSTM_INLINE void for_each_part(const Conv1D& s, int64_t r0, int64_t r1, F f) {
  for (int64_t row = r0, end; row < r1; row = end) {
    const int64_t n = row / s.steps, first = n * s.steps;
    end = std::min(std::min(r1, row + s.most()), first + s.steps);
    f(n, row - first, end - first);
  }
}

// y of the output steps [t0, t1) of one sequence, in rows of `pitch` floats.
inline void part_forward(const Conv1D& s, const float* x, const float* packed, const float* b,
                         int64_t t0, int64_t t1, float* y, int64_t pitch) {
  const Seen in = seen(s, x, t0, t1);
  int64_t k = in.k0, next;
  do {  // once even where the steps see no input
    next = std::min(k + s.elements(), in.k1);
    const int64_t seen = (next - k) * s.C;
    const View inputs{in.x + (k - in.k0) * s.dilation * s.C, s.stride * s.C, 1};
    const Left left = left_side(t1 - t0, seen, inputs, scratch(3, left_size(t1 - t0, seen)));
    for (int64_t j = 0; j < s.F; j += panel_width) {
      const int n = columns_of(s.F, j / panel_width);
      panel_product(0, t1 - t0, seen, left, packed + s.packed_at(j, k, n), y + t0 * pitch + j,
                    pitch, n, k > in.k0, b && k == in.k0 ? b + j : nullptr);
    }
  } while ((k = next) < in.k1);
}

// y of all sequences, each `size` floats after the one before.
inline void convolution(const Conv1D& s, const float* x, const float* packed, const float* b,
                        float* y, int64_t size, int64_t pitch) {
  parallel(s.B * s.steps, tile_rows, 2.0 * s.K * s.C * s.F, [&](auto r0, auto r1) {
    for_each_part(s, r0, r1, [&](auto n, auto t0, auto t1) {
      part_forward(s, x + n * s.T * s.C, packed, b, t0, t1, y + n * size, pitch);
    });
  });
}

inline bool pointwise_conv(const Conv1D& s) {
  return s.K == 1 && s.stride == 1 && s.before == 0 && s.steps == s.T;
}

inline void conv1d_forward(int64_t B, int64_t T, int64_t C, int64_t K, int64_t F, int64_t steps,
                           const float* x, const float* w, const float* b, int64_t stride,
                           int64_t dilation, int64_t before, Activation activation, float* y) {
  const Conv1D s{B, T, C, K, F, steps, stride, dilation, before};
  if (pointwise_conv(s)) return linear_forward(B * steps, C, F, x, w, nullptr, b, activation, y);
  float* packed = scratch(1, s.packed_size());
  parallel_each(panels(F), 4.0 * K * C * panel_width, [&](auto p) {
    const int64_t j = p * panel_width;
    const int n = columns_of(F, p);
    for (int64_t k = 0; k < K; ++k)
      pack_panel({w + j, F, 1}, k * C, C, n, packed + s.packed_at(j, k, n));
  });
  convolution(s, x, packed, b, y, steps * F, F);
  if (activation != Activation::linear) activation_forward(B * steps, F, y, activation, y);
}

// dw, the rows [i0, i1) of it as a matrix (K·C, F).
inline void part_dw(const Conv1D& s, const float* x, const float* d, int64_t i0, int64_t i1,
                    float* dw) {
  float* panel = scratch(0, depth * panel_width);
  for_each_part(s, 0, s.B * s.steps, [&](auto b, auto t0, auto t1) {
    const Seen in = seen(s, x + b * s.T * s.C, t0, t1);
    for (int64_t j = 0; j < s.F; j += panel_width) {
      const int n = columns_of(s.F, j / panel_width);
      pack_panel({d + b * s.steps * s.F + j, s.F, 1}, t0, t1 - t0, n, panel);
      for (int64_t k = in.k0, next; k < in.k1; k = next) {
        next = std::min(k + s.elements(), in.k1);
        const int64_t row = std::max(i0, k * s.C), M = std::min(i1, next * s.C) - row;
        if (M <= 0) continue;
        const View inputs{in.x + (k - in.k0) * s.dilation * s.C, 1, s.stride * s.C};
        const Left left =
            left_side(M, t1 - t0, inputs.from(row - k * s.C, 0), scratch(3, left_size(M, t1 - t0)));
        panel_product(0, M, t1 - t0, left, panel, dw + row * s.F + j, s.F, n, true, nullptr);
      }
    }
  });
}

// dx of the inputs phase, phase + stride, ...: a convolution of d, back to front, with the elements
// of the kernel that meet them.
inline void phase_dx(const Conv1D& s, const float* d, const float* w, int64_t phase, float* dx) {
  int64_t count = 0, last = 0, apart = 0;  // of these elements, and how far they are apart
  for (int64_t k = 0; k < s.K; ++k)
    if ((phase + s.before - k * s.dilation) % s.stride == 0) {
      if (count++) apart = k - last;
      last = k;
    }
  Conv1D back{s.B, s.steps, s.F, count, s.C, (s.T - 1 - phase) / s.stride + 1, 1, 1, 0};
  if (count > 1) back.dilation = apart * s.dilation / s.stride;
  back.before = (last * s.dilation - phase - s.before) / s.stride;
  float* packed = scratch(1, back.packed_size());
  parallel_each(panels(s.C), 4.0 * count * s.F * panel_width, [&](auto p) {
    const int64_t j = p * panel_width;
    const int n = columns_of(s.C, p);
    for (int64_t k = 0; k < count; ++k)
      pack_panel({w + ((last - k * apart) * s.C + j) * s.F, 1, s.F}, 0, s.F, n,
                 packed + back.packed_at(j, k, n));
  });
  convolution(back, d, packed, nullptr, dx + phase * s.C, s.T * s.C, s.stride * s.C);
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
  if (dw)
    parallel(K * C, tile_rows, 2.0 * rows * F,
             [&](auto i0, auto i1) { part_dw(s, x, d, i0, i1, dw); });
  if (dx)
    for (int64_t phase = 0; phase < std::min(stride, T); ++phase) phase_dx(s, d, w, phase, dx);
}

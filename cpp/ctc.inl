// Connectionist temporal classification: the loss of each sequence, and its slope.
//
// States are the labels with a blank around each: S = 2·labels + 1 of them. Probabilities of paths
// are kept as logarithms. After every step the largest is subtracted from all of them: their digits
// then lie where they decide, however long the sequence is. The posterior of a step needs no more,
// because its probabilities add up to 1; the loss adds up, in double precision, what was
// subtracted.

// The logarithm of what cannot happen: so far below all others that it stays there, and a number
// with which one can calculate, unlike minus infinity.
constexpr float impossible = -1e30f;

// ln x for 1 <= x <= 3, as 2·artanh(s) = 2·(s + s³/3 + ...) of s = (x - 1) / (x + 1), after x is
// halved above 1.5: |s| <= 0.2, where the next term would be below a tenth of a unit in the last
// place.
LSTM_INLINE vec log_up_to_3(vec x) {
  const ivec above = x > 1.5f;
  const vec m = select(above, 0.5f * x, x);
  const vec s = (m - 1.0f) / (m + 1.0f), q = s * s;
  vec p = broadcast(2.0f / 11);
  p = p * q + 2.0f / 9;
  p = p * q + 2.0f / 7;
  p = p * q + 2.0f / 5;
  p = p * q + 2.0f / 3;
  return (p * q * s + 2.0f * s) + select(above, broadcast(0.693147180559945f), vec{});
}

// ln(e^a + e^b + e^c).
LSTM_INLINE vec log_sum(vec a, vec b, vec c) {
  const vec top = max(max(a, b), c);
  return top + log_up_to_3(exp(a - top) + exp(b - top) + exp(c - top));
}

// The paths of one sequence. A row has a number for each state, room for whole vectors, and two
// states before the first and behind the last; none of these can be reached.
struct CTCPaths {
  static constexpr int64_t margin = 2;

  int64_t T, C, blank;
  const float* z;            // (T, C)
  const int64_t* labels;     // (S / 2)
  const std::uint8_t* mask;  // (T), or null
  int64_t S;                 // number of states
  float* memory;             // (T + 5) rows

  static int64_t pitch(int64_t S) { return 2 * margin + (S + lanes - 1) / lanes * lanes; }

  bool real(int64_t t) const { return !mask || mask[t]; }
  float* row(int64_t k) const { return memory + k * pitch(S) + margin; }
  float* alpha(int64_t t) const { return row(t); }  // of the first t steps
  float* beta() const { return row(T + 1); }
  float* skips() const { return row(T + 2); }  // 0 where a state may follow the one two before
  float* emitted() const { return row(T + 3); }
  float* work() const { return row(T + 4); }

  void start() const {
    std::fill(memory, memory + (T + 5) * pitch(S), impossible);
    alpha(0)[0] = 0;  // (C4)
    for (int64_t s = 1; s < S; s += 2)
      if (s == 1 || labels[s / 2] != labels[s / 2 - 1]) skips()[s] = 0;
    beta()[S - 1] = 0;  // (C7)
    if (S > 1) beta()[S - 2] = 0;
  }

  void emit(const float* log_p) const {
    float* e = emitted();
    for (int64_t s = 0; s < S; s += 2) e[s] = log_p[blank];
    for (int64_t s = 1; s < S; s += 2) e[s] = log_p[labels[s / 2]];
  }

  // Writes of(s), for all states, to a row, and subtracts the largest of all, which it returns.
  template <class Of>
  LSTM_INLINE float relative(float* out, Of of) const {
    // NaN comes through: it is not the smaller one.
    vec best = broadcast(impossible);
    for (int64_t s = 0; s < S; s += lanes) {
      const vec v = max(broadcast(impossible), of(s));
      store(out + s, v);
      best = max(v, best);
    }
    const float top = largest(best);
    for (int64_t s = 0; s < S; s += lanes) store(out + s, load(out + s) - top);
    return top;
  }

  // Returns the loss; log_p (T, C) becomes ln softmax of the steps that are real.
  float forward(float* log_p) const {
    double subtracted = 0;
    for (int64_t t = 0; t < T; ++t) {
      const float *p = alpha(t), *skip = skips(), *e = emitted();
      if (!real(t)) {
        std::memcpy(alpha(t + 1), p, S * sizeof(float));  // (C10)
        continue;
      }
      log_softmax(C, z + t * C, log_p + t * C);  // (C1)
      emit(log_p + t * C);
      // (C5)
      subtracted += relative(alpha(t + 1), [=](int64_t s) LSTM_INLINE_LAMBDA {
        const vec skipping = load(p + s - 2) + load(skip + s);
        return log_sum(load(p + s), load(p + s - 1), skipping) + load(e + s);
      });
    }
    // (C6)
    const double a = alpha(T)[S - 1], b = alpha(T)[S - 2], top = a > b ? a : b;
    if (top < impossible / 2) return __builtin_inff();
    return float(-subtracted - top - std::log(std::exp(a - top) + std::exp(b - top)));
  }

  // log_p becomes the gradient of the loss.
  void backward(float* log_p) const {
    float *b = beta(), *w = work();
    const float *skip = skips(), *e = emitted();
    for (int64_t t = T - 1; t >= 0; --t) {
      float* dz = log_p + t * C;
      if (!real(t)) {
        std::fill(dz, dz + C, 0.0f);  // (C10)
        continue;
      }
      emit(dz);
      const float* a = alpha(t + 1);
      relative(w, [=](int64_t s) LSTM_INLINE_LAMBDA { return load(a + s) + load(b + s); });
      vec total = {};
      for (int64_t s = 0; s < S; s += lanes) {
        const vec g = exp(load(w + s));
        store(w + s, g);
        total += g;
      }
      const float share = 1.0f / sum(total);  // (C8): the probabilities of a step add up to 1
      for_each_vec(C, [&](auto k, auto get, auto put)
                          LSTM_INLINE_LAMBDA { put(dz + k, exp(get(dz + k))); });
      // (C9)
      for (int64_t s = 0; s < S; s += 2) dz[blank] -= w[s] * share;
      for (int64_t s = 1; s < S; s += 2) dz[labels[s / 2]] -= w[s] * share;
      for (int64_t s = 0; s < S; s += lanes) store(w + s, load(b + s) + load(e + s));
      // (C7)
      relative(b, [=](int64_t s) LSTM_INLINE_LAMBDA {
        const vec skipping = load(w + s + 2) + load(skip + s + 2);
        return log_sum(load(w + s), load(w + s + 1), skipping);
      });
    }
  }
};

inline void ctc_forward(int64_t B, int64_t T, int64_t C, int64_t L, const float* z,
                        const int64_t* labels, int64_t blank, const std::uint8_t* mask,
                        float* loss, float* slope) {
  const double states = 2.0 * double(L) + 1;
  parallel_each(B, double(T) * (120 * states + 40.0 * C), [&](auto b) {
    const int64_t* of_b = labels + b * L;
    const int64_t S = 2 * (std::find(of_b, of_b + L, blank) - of_b) + 1;
    float* memory = scratch(0, (T + 5) * CTCPaths::pitch(S));
    const std::uint8_t* real = mask ? mask + b * T : nullptr;
    const CTCPaths paths{T, C, blank, z + b * T * C, of_b, real, S, memory};
    float* dz = slope + b * T * C;
    paths.start();
    loss[b] = paths.forward(dz);
    if (loss[b] == __builtin_inff())
      std::fill(dz, dz + T * C, 0.0f);
    else
      paths.backward(dz);
  });
}

inline void ctc_backward(int64_t B, int64_t T, int64_t C, const float* dloss, const float* slope,
                         float* dz) {
  parallel_each(B * T, double(C), [&](auto row) {
    const float factor = dloss[row / T];
    for_each_vec(C, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(dz + row * C + k, get(slope + row * C + k) * factor);
    });
  });
}

// The LSTM; equations (L1)-(L7) and (B1)-(B6) of docs/theory/gates.md and backward.md.

// What is kept of a step: i, f, g and o, in the places of their dz; coupled, i, g, o and f.
template <Activation G, Activation S>
struct LSTMCell {
  static constexpr bool remembers = true, two_biases = false;
  static constexpr unsigned options = lstm::coupled;
  static constexpr int kept = 4;

  const bool coupled;
  const int blocks = coupled ? 3 : 4;
  const Blocks dz[1] = {{0, 0, 0, blocks}};

  explicit LSTMCell(const RecurrentShape& s) : coupled(s.options & lstm::coupled) {}

  struct Places {
    int64_t f, g, o;
  };

  // Where f, g and o stand behind i.
  Places places(int64_t H) const {
    return coupled ? Places{3 * H, H, 2 * H} : Places{H, 2 * H, 3 * H};
  }

  void forward(int64_t H, float* z, const float* q, StateOf<const float> before,
               StateOf<float> after) const {
    const Places at = places(H);
    for_each_vec(H, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec i = apply<S>(get(z + k) + get(q + k));  // (L1), (L2)
      const vec f =
          coupled ? 1.0f - i : apply<S>(get(z + at.f + k) + get(q + at.f + k));  // (L3), (L12)
      const vec g = apply<G>(get(z + at.g + k) + get(q + at.g + k));  // (L4)
      const vec o = apply<S>(get(z + at.o + k) + get(q + at.o + k));  // (L5)
      const vec c = f * get(before.c + k) + i * g;  // (L6)
      put(after.c + k, c);
      put(after.h + k, o * apply<G>(c));  // (L7)
      put(z + k, i);
      put(z + at.f + k, f);
      put(z + at.g + k, g);
      put(z + at.o + k, o);
    });
  }

  LSTM_INLINE void backward(int64_t H, int64_t n, StateOf<const float> after,
                            StateOf<const float> before, const float* dy, StateOf<float> dstate,
                            float* dz) const {
    const Places at = places(H);
    for_each_vec(n, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec i = get(dz + k), f = get(dz + at.f + k);
      const vec g = get(dz + at.g + k), o = get(dz + at.o + k);
      const vec a = apply<G>(get(after.c + k));
      const vec dh = dy ? get(dstate.h + k) + get(dy + k) : get(dstate.h + k);  // (B1)
      const vec dc = get(dstate.c + k) + dh * o * slope<G>(a);  // (B3)
      const vec c = get(before.c + k);
      put(dz + k, dc * (coupled ? g - c : g) * slope<S>(i));  // (B4), (B5), (B17)
      put(dz + at.f + k, dc * c * slope<S>(f));
      put(dz + at.g + k, dc * i * slope<G>(g));
      put(dz + at.o + k, dh * a * slope<S>(o));  // (B2)
      put(dstate.h + k, vec{});
      put(dstate.c + k, dc * f);  // (B6)
    });
  }
};

// The LSTM with sequences in the lanes, for layers so narrow that their units would not fill
// vectors; equations (L1)-(L8), (L10), (B1)-(B8), (B12) and (B14). lstm_fast.inl computes the same.
//
// A thread owns some blocks for the whole sequence. What is kept of a block lies as it was
// computed, in the lanes: i, f, g and o of all steps, then c.

// Whether to put them there. Along the lanes lie B sequences in blocks, or H units in vectors: what
// fills them better is chosen. Where both fill them alike, blocks are easier on the cache, but
// there are fewer of them than sequences for threads to divide. Products in lanes are of float32.
constexpr bool has_lanes = in_slot == 1;
inline bool best_in_lanes(int64_t B, int64_t H) {
  if (!has_lanes) return false;
  const int64_t sequences = blocks_of(B) * block_width * H;
  const int64_t units = B * ((H + lanes - 1) / lanes * lanes);
  const bool enough = B >= 64 || (B >= block_width && H <= block_width);
  return H <= 64 && (enough ? sequences <= units : 7 * sequences <= 6 * units);
}

// The activations of a layer, and their slopes: those that nearly all have, or any two, which are
// looked up at each use. More of them would take minutes to compile.
struct UsualActivations {
  LSTM_INLINE vec input(vec x) const { return apply<Activation::tanh>(x); }
  LSTM_INLINE vec recurrent(vec x) const { return apply<Activation::sigmoid>(x); }
  LSTM_INLINE vec slope_of_input(vec y) const { return slope<Activation::tanh>(y); }
  LSTM_INLINE vec slope_of_recurrent(vec y) const { return slope<Activation::sigmoid>(y); }
};
struct AnyActivations {
  Activation of_input, of_recurrent;

  template <class F>
  static vec found(Activation activation, F f) {
    vec y;
    with_activation(activation, [&](auto a) { y = f(a); });
    return y;
  }
  static vec applied(Activation activation, vec x) {
    return found(activation, [=](auto a) { return apply<decltype(a)::value>(x); });
  }
  static vec sloped(Activation activation, vec y) {
    return found(activation, [=](auto a) { return slope<decltype(a)::value>(y); });
  }
  vec input(vec x) const { return applied(of_input, x); }
  vec recurrent(vec x) const { return applied(of_recurrent, x); }
  vec slope_of_input(vec y) const { return sloped(of_input, y); }
  vec slope_of_recurrent(vec y) const { return sloped(of_recurrent, y); }
};
template <class F>
void with_usual_or_any(const RecurrentShape& s, F f) {
  if (s.activation == Activation::tanh && s.recurrent_activation == Activation::sigmoid)
    f(UsualActivations{});
  else
    f(AnyActivations{s.activation, s.recurrent_activation});
}

// The numbers that are kept of a block.
struct KeptBlocks {
  Blocked gates, c;

  KeptBlocks(const RecurrentShape& s, float* kept, int64_t b)
      : gates{kept + b * s.T * 5 * s.H, s.T * 5 * s.H * block_width}, c(gates + s.T * 4 * s.H) {}
};

// Memory of a thread, handed out piece by piece, each for N blocks.
template <int N>
struct Pieces {
  float* p;

  LSTM_INLINE Blocked take(int64_t n) {
    const Blocked piece{p, n * block_width};
    p += N * piece.apart;
    return piece;
  }
};

template <int N>
LSTM_INLINE void copy_blocks(int64_t n, Blocked from, Blocked to) {
  for (int k = 0; k < N; ++k)
    std::memcpy(to.p + k * to.apart, from.p + k * from.apart, n * block_width * sizeof(float));
}

// A state (B, H), or zeros, in the lanes.
template <int N>
LSTM_INLINE void read_state(const RecurrentShape& s, const float* state, int64_t b, Blocked to) {
  if (state) return Sequences{s.B, 1, b, 0, 1}.read<N>(state, s.H, to);
  for (int k = 0; k < N; ++k)
    std::memset(to.p + k * to.apart, 0, s.H * block_width * sizeof(float));
}

template <int N>
LSTM_INLINE void multiply_blocks(int64_t n, Blocked x, Blocked factor, Blocked out) {
  for (int64_t k = 0; k < n; ++k)
    for (int v = 0; v < N * block_vecs; ++v)
      store((out + k).at(v), load((x + k).at(v)) * load((factor + k).at(v)));
}

// Which lanes of the blocks from b on hold a sequence that has a step.
template <int V>
LSTM_INLINE void real_lanes(const RecurrentShape& s, int64_t b, int64_t step, ivec (&real)[V]) {
  const int64_t end = end_at(s, b, std::min(b + V * lanes, s.B), step);
  for (int v = 0; v < V; ++v)
    for (int k = 0; k < lanes; ++k) real[v][k] = b + v * lanes + k < end ? -1 : 0;
}

// Steps whose inputs and outputs are moved to and from the lanes at once.
LSTM_INLINE int64_t steps_in_lanes(const RecurrentShape& s) {
  return std::clamp<int64_t>(1024 / (s.D + s.H + 1), 1, s.T);
}

// r and w as [unit][k][gate].
inline void pack_units(int64_t K, int64_t H, const float* kernel, float* packed) {
  for (int64_t u = 0; u < H; ++u)
    for (int64_t k = 0; k < K; ++k)
      for (int gate = 0; gate < 4; ++gate) *packed++ = kernel[(k * 4 + gate) * H + u];
}

// What a step of N blocks reads and writes.
struct BlockStep {
  Blocked x, before, after, seen_before, seen_after, c;
  bool masked;
};

template <int N, class A>
LSTM_INLINE void blocks_step(const A& phi, const RecurrentShape& s, const float* packed_w,
                             const float* packed_r, const RecurrentForward& io, const BlockStep& at,
                             Blocked factor, const KeptBlocks& kept, int64_t t,
                             const ivec (&real)[N * block_vecs]) {
  constexpr int V = N * block_vecs;
  const int64_t D = s.D, H = s.H;
  for (int64_t u = 0; u < H; ++u) {
    vec z[4][V] = {}, hr[4][V] = {};
    if (io.tokens) {
      for (int gate = 0; gate < 4; ++gate)
        for (int v = 0; v < V; ++v) z[gate][v] = load((at.x + gate * H + u).at(v));
    } else {
      tile_of_blocks<4, V>(D, {packed_w + u * D * 4, 1, 4}, at.x, z);
    }
    tile_of_blocks<4, V>(H, {packed_r + u * H * 4, 1, 4}, at.seen_before, hr);
    for (int gate = 0; gate < 4; ++gate) {
      const vec bias = broadcast(io.b ? io.b[gate * H + u] : 0);
      for (int v = 0; v < V; ++v) z[gate][v] = hr[gate][v] + (z[gate][v] + bias);
    }
    for (int v = 0; v < V; ++v) {
      const vec c_before = load((at.c + u).at(v));
      const vec i = phi.recurrent(z[0][v]), f = phi.recurrent(z[1][v]);  // (L2), (L3)
      const vec g = phi.input(z[2][v]), o = phi.recurrent(z[3][v]);  // (L4), (L5)
      vec c = f * c_before + i * g;  // (L6)
      vec h = o * phi.input(c);  // (L7)
      if (at.masked) {  // (L8)
        c = select(real[v], c, c_before);
        h = select(real[v], h, load((at.before + u).at(v)));
      }
      store((at.c + u).at(v), c);
      store((at.after + u).at(v), h);
      if (factor.p)  // (L10)
        store((at.seen_after + u).at(v), h * load((factor + u).at(v)));
      if (!io.gates) continue;
      const Blocked gates = kept.gates + t * 4 * H + u;
      store(gates.at(v), i);
      store((gates + H).at(v), f);
      store((gates + 2 * H).at(v), g);
      store((gates + 3 * H).at(v), o);
      store((kept.c + t * H + u).at(v), c);
    }
  }
}

template <int N, class A>
void blocks_forward(const A& phi, const RecurrentShape& s, const float* packed_w,
                    const float* packed_r, const RecurrentForward& io, int64_t b) {
  const int64_t T = s.T, H = s.H, chunk = steps_in_lanes(s), inputs = io.tokens ? 4 * H : s.D;
  const int64_t longest = length_of(s, b);
  const int64_t states = (chunk + 1) * H;
  Pieces<N> memory{scratch(0, N * block_width * (chunk * inputs + 2 * states + 2 * H))};
  const Blocked x = memory.take(chunk * inputs), c = memory.take(H), h = memory.take(states);
  const Blocked factor = io.recurrent_mask ? memory.take(H) : Blocked{};
  const Blocked seen = io.recurrent_mask ? memory.take(states) : h;
  const KeptBlocks kept(s, io.gates, b);
  const bool masked = s.lengths || b + N * block_width > s.B;
  ivec real[N * block_vecs] = {};

  // By time, as the outputs: before the first of them, or in reverse behind the last.
  const auto place = [&](int64_t steps, int64_t step) {
    return (s.reverse ? steps - step : step) * H;
  };
  for (int64_t step0 = 0; step0 < longest; step0 += chunk) {
    const int64_t steps = std::min(chunk, longest - step0), last = place(chunk, chunk);
    const int64_t first = place(steps, 0);
    const Sequences sequences{s.B, T, b, s.reverse ? T - step0 - steps : step0, steps};
    if (step0 == 0) {
      read_state<N>(s, io.c0, b, c);
      read_state<N>(s, io.h0, b, h + first);
      if (factor.p) {
        Sequences{s.B, 1, b, 0, 1}.read<N>(io.recurrent_mask, H, factor);
        multiply_blocks<N>(H, h + first, factor, seen + first);
      }
    } else {
      copy_blocks<N>(H, h + last, h + first);
      if (factor.p) copy_blocks<N>(H, seen + last, seen + first);
    }
    if (!io.tokens) sequences.read<N>(io.x, s.D, x);
    for (int64_t k = 0; k < steps; ++k) {
      const int64_t t = time_of(s, step0 + k), before = place(steps, k),
                    after = place(steps, k + 1);
      const Blocked input = x + (t - sequences.tmin) * inputs;
      if (io.tokens)
        sequences.each<N>([&](auto n, auto count, auto row) {
          to_lanes(
              count, 4 * H, [&](auto m) { return io.w + io.tokens[(row + m) * T + t] * 4 * H; },
              input.p + n * input.apart);
        });
      if (masked) real_lanes(s, b, step0 + k, real);
      blocks_step<N>(phi, s, packed_w, packed_r, io,
                     {input, h + before, h + after, seen + before, seen + after, c, masked}, factor,
                     kept, t, real);
    }
    sequences.write<N>(h + (s.reverse ? 0 : H), H, io.y);
    if (factor.p) sequences.write<N>(seen + (s.reverse ? H : 0), H, io.masked_h);
  }
  Sequences{s.B, 1, b, 0, 1}.write<N>(c, H, io.c);
}

// Call f(N, b) for the blocks [begin, end), several at a time: N of them from sequence b on.
template <class F>
LSTM_INLINE void for_blocks(int64_t begin, int64_t end, F f) {
  for (; begin + most_blocks <= end; begin += most_blocks)
    f(std::integral_constant<int, most_blocks>(), begin * block_width);
  if (begin < end) f(std::integral_constant<int, 1>(), begin * block_width);
}

inline void lanes_lstm_forward(const RecurrentShape& s, const RecurrentForward& io) {
  const int64_t D = io.tokens ? 0 : s.D, H = s.H;
  if (s.B == 0 || s.T == 0 || H == 0) return;
  float* packed_w = scratch(1, (D + H) * 4 * H);
  float* packed_r = packed_w + D * 4 * H;
  pack_units(D, H, io.w, packed_w);
  pack_units(H, H, io.r, packed_r);
  with_usual_or_any(s, [&](auto phi) {
    parallel_sequences(s, block_width, sequence_cost(s, s.D, 5), [&](auto begin, auto end) {
      for_blocks(begin, end, [&](auto n, auto b) {
        blocks_forward<decltype(n)::value>(phi, s, packed_w, packed_r, io, b);
      });
    });
  });
}

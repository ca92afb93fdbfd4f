// The fast path of the LSTM; equations (L1)-(L8), (L10), (B1)-(B12), (B14) and (B15) of
// docs/theory/gates.md and backward.md. recurrent.inl with lstm.inl computes the same, plainly.
//
// A thread owns a slice of the batch for the whole sequence, so there is no barrier between steps.
// The kernels are packed so that a register tile holds the four gates of the same units, and the
// cell is updated where the tile leaves it. Large arrays are gone through once in each direction:
// x·w is computed a few steps ahead of the recurrence, dz·wᵀ a few steps behind it, while z is in
// the cache.

constexpr int group_width = 4 * lanes;  // the gates i, f, g, o of `lanes` units

LSTM_INLINE int64_t groups_of(int64_t H) { return (H + lanes - 1) / lanes; }

// Number of units in a group: `lanes`, or fewer in the last.
LSTM_INLINE int units_of(int64_t H, int64_t group) {
  return int(H - group * lanes < lanes ? H - group * lanes : lanes);
}

// Where the weights of row k of K for a gate stand in the panel of a unit group: as many gates side
// by side as a register tile holds.
LSTM_INLINE float* gate_slot(float* panel, int64_t K, int64_t k, int gate) {
  return panel +
         ((gate / tile_vecs * slots(K) + k / in_slot) * tile_vecs + gate % tile_vecs) * lanes;
}

// z[m][gate] = Σ_k a(m, k)·panel[k][gate], for the units of one group. A function of its own, so
// that no constant of the code around it takes a register that the tile needs.
template <int M>
__attribute__((noinline)) void gate_tile(int64_t K, Left a, const float* panel, vec (*z)[4]) {
  for (int first = 0; first < 4; first += tile_vecs) {
    vec acc[M][tile_vecs] = {};
    tile<M, tile_vecs>(K, a, panel + first * slots(K) * lanes, acc);
    for (int m = 0; m < M; ++m)
      for (int v = 0; v < tile_vecs; ++v) z[m][first + v] = acc[m][v];
  }
}

// The same for some rows, at most tile_rows; few: whether these are few in all.
LSTM_INLINE void gate_products(int64_t rows, int64_t K, Left a, const float* panel, vec (*z)[4],
                               [[maybe_unused]] bool few) {
#if defined(LSTM_AMX)
  if (!few) return amx_product<4>(int(rows), K, a, panel, reinterpret_cast<float*>(z));
#endif
  with_rows(rows, [&](auto height)
                      LSTM_INLINE_LAMBDA { gate_tile<decltype(height)::value>(K, a, panel, z); });
}

// The n columns of one group of a kernel (K, 4H) as its panel.
inline void pack_group(int64_t K, int64_t H, const float* kernel, float* panel, int n) {
  for (int64_t k = 0; k < K; k += in_slot)
    for (int gate = 0; gate < 4; ++gate) {
      vec rows[in_slot] = {};
      for (int i = 0; i < in_slot && k + i < K; ++i)
        rows[i] = load_part(kernel + ((k + i) * 4 + gate) * H, n);
      store(gate_slot(panel, K, k, gate), slots_of(rows));
    }
}

// A kernel (D, F), where F is 4H, as the panels of unit groups, which are padded with zeros.
static_assert(64 % group_width == 0);
inline void pack_gates(int64_t D, int64_t F, const float* kernel, float* packed) {
  const int64_t H = F / 4;
  parallel_each(groups_of(H), 4.0 * D * group_width, [&](auto group) {
    pack_group(D, H, kernel + group * lanes, packed + group * slots(D) * group_width,
               units_of(H, group));
  });
}

// Floating-point operations of a sequence with products of D inputs and of the state.
LSTM_INLINE double sequence_cost(const RecurrentShape& s, int64_t D, double activations) {
  constexpr double activation = 40;  // takes as long as so many
  return double(s.T * s.H) * (8.0 * (D + s.H) + activations * activation);
}

// z of some sequences in so many steps fits into the cache.
LSTM_INLINE int64_t steps_at_once(const RecurrentShape& s, int64_t sequences) {
  const int64_t steps = cached / (sequences * groups_of(s.H) * group_width);
  return std::clamp<int64_t>(steps, 1, s.T);
}

// Rows that a product can go through as one matrix: row k is at `first + k * stride` in the arrays
// (B·T, ·), and at `z + k * z_stride` in the z of some steps, ordered by step and sequence.
struct Run {
  int64_t first, stride, z, z_stride, count;
};

// The rows of the sequences [b0, b1) and steps [step0, step1), in as few runs as possible.
template <class F>
LSTM_INLINE void for_each_run(const RecurrentShape& s, int64_t b0, int64_t b1, int64_t step0,
                              int64_t step1, F f) {
  const int64_t sequences = b1 - b0, steps = step1 - step0;
  if (steps < sequences) {
    for (int64_t step = step0; step < step1; ++step)
      if (const int64_t count = end_at(s, b0, b1, step) - b0)
        f(Run{b0 * s.T + time_of(s, step), s.T, (step - step0) * sequences, 1, count});
  } else {
    for (int64_t b = b0; b < end_at(s, b0, b1, step0); ++b)
      f(Run{b * s.T + time_of(s, step0), s.reverse ? -1 : 1, b - b0, sequences,
            std::min(length_of(s, b), step1) - step0});
  }
}

// z = x·w + b of some units in the steps [step0, step1), by step, sequence, unit group and gate.
inline void input_products(const RecurrentShape& s, const float* packed, const RecurrentForward& io,
                           int64_t b0, int64_t b1, Part groups, int64_t step0, int64_t step1,
                           float* z) {
  const int64_t D = s.D, H = s.H, width = groups_of(H) * group_width;
  const int64_t pitch = left_row(D);
  float* memory = scratch(3, (b1 - b0) * (step1 - step0) * pitch);
  const auto vectors = [&](Run run) { return View{io.x + run.first * D, run.stride * D, 1}; };
  if constexpr (in_slot > 1)
    for_each_run(s, b0, b1, step0, step1, [&](Run run) {
      for (int64_t k = 0; k < run.count; ++k)
        left_side(1, D, vectors(run).from(k, 0), memory + (run.z + k * run.z_stride) * pitch);
    });
  const auto left_of = [&](Run run) LSTM_INLINE_LAMBDA {
    if constexpr (in_slot > 1) return Left{memory + run.z * pitch, run.z_stride * pitch, 1};
    return left_side(run.count, D, vectors(run), memory);
  };
  const bool few = s.B * s.T <= few_rows;
  for (int64_t group = groups.begin; group < groups.end; ++group) {
    const float* panel = packed + group * slots(D) * group_width;
    vec bias[4] = {};
    for (int gate = 0; io.b && gate < 4; ++gate)
      bias[gate] = load_part(io.b + gate * H + group * lanes, units_of(H, group));
    for_each_run(s, b0, b1, step0, step1, [&](Run run) LSTM_INLINE_LAMBDA {
      for (int64_t k = 0; k < run.count; k += tile_rows) {
        const int64_t rows = std::min<int64_t>(run.count - k, tile_rows);
        vec acc[tile_rows][4];
        gate_products(rows, D, left_of(run).from(k), panel, acc, few);
        for (int64_t m = 0; m < rows; ++m) {
          float* out = z + (run.z + (k + m) * run.z_stride) * width + group * group_width;
          for (int gate = 0; gate < 4; ++gate) store(out + gate * lanes, acc[m][gate] + bias[gate]);
        }
      }
    });
  }
}

// w + b as the rows of z that tokens stand for.
inline void pack_table(int64_t D, int64_t F, const float* w, const float* b, float* table) {
  const int64_t H = F / 4, width = groups_of(H) * group_width;
  parallel_each(D, 4.0 * width, [&](auto token) {
    for (int64_t group = 0; group < groups_of(H); ++group)
      for (int gate = 0; gate < 4; ++gate) {
        const int64_t at = gate * H + group * lanes;
        const int n = units_of(H, group);
        const vec bias = b ? load_part(b + at, n) : vec{};
        store(table + token * width + group * group_width + gate * lanes,
              load_part(w + token * 4 * H + at, n) + bias);
      }
  });
}

// One step of some units of the sequences [b0, b1); `z_of(b)` gives their rows of z, without h·r.
template <Activation G, Activation S, class RowOf>
LSTM_INLINE void step_forward(const RecurrentShape& s, const float* packed,
                              const RecurrentForward& io, int64_t b0, int64_t b1, Part groups,
                              int64_t step, RowOf z_of) {
  const int64_t T = s.T, H = s.H, t = time_of(s, step), before = time_of(s, step - 1);
  const bool kept = io.gates != nullptr;
  float* next = io.masked_h && step + 1 < T ? io.masked_h + time_of(s, step + 1) * H : nullptr;
  View h{io.h0, H, 1}, c{io.c0, H, 1};
  if (step) h = {io.y + before * H, T * H, 1};
  if (step) c = kept ? View{io.c + before * H, T * H, 1} : View{io.c, H, 1};
  const View seen = io.masked_h && h.p ? View{io.masked_h + t * H, T * H, 1} : h;
  const Left left =
      seen.p ? left_side(b1 - b0, H, seen.from(b0, 0), scratch(3, left_size(b1 - b0, H))) : Left{};
  for (int64_t group = groups.begin; group < groups.end; ++group) {
    const float* panel = packed + group * slots(H) * group_width;
    const int64_t u = group * lanes;
    const int n = units_of(H, group);
    const auto get = [n](const float* p)
                         LSTM_INLINE_LAMBDA { return n == lanes ? load(p) : load_part(p, n); };
    const auto put = [n](float* p, vec v)
                         LSTM_INLINE_LAMBDA { n == lanes ? store(p, v) : store_part(p, v, n); };
    for (int64_t b = b0; b < b1; b += tile_rows) {
      const int rows = int(b1 - b < tile_rows ? b1 - b : tile_rows);
      for (int m = 0; kept && m < rows; ++m) {
        // What the cell will be written to, while the product keeps the core busy.
        const int64_t at = (b + m) * T + t;
        for (int gate = 0; gate < 4; ++gate)
          __builtin_prefetch(io.gates + (at * 4 + gate) * H + u, 1);
        __builtin_prefetch(io.c + at * H + u, 1);
        __builtin_prefetch(io.y + at * H + u, 1);
        if (next) __builtin_prefetch(next + (b + m) * T * H + u, 1);
      }
      vec hr[tile_rows][4] = {};
      if (seen.p) gate_products(rows, H, left.from(b - b0), panel, hr, s.B <= few_rows);
      for (int m = 0; m < rows; ++m) {
        const int64_t at = (b + m) * T + t;
        const float* z = z_of(b + m) + group * group_width;
        const vec c_before = c.p ? get(c.p + (b + m) * c.rows + u) : vec{};
        const vec i = apply<S>(hr[m][0] + load(z));  // (L1), (L2)
        const vec f = apply<S>(hr[m][1] + load(z + lanes));  // (L3)
        const vec g = apply<G>(hr[m][2] + load(z + 2 * lanes));  // (L4)
        const vec o = apply<S>(hr[m][3] + load(z + 3 * lanes));  // (L5)
        const vec c_new = f * c_before + i * g;  // (L6)
        const vec h_new = o * apply<G>(c_new);  // (L7)
        put(io.c + (kept ? at : b + m) * H + u, c_new);
        put(io.y + at * H + u, h_new);
        if (next)  // (L10)
          put(next + (b + m) * T * H + u, h_new * get(io.recurrent_mask + (b + m) * H + u));
        if (!kept) continue;
        float* gates = io.gates + at * 4 * H + u;
        put(gates, i);
        put(gates + H, f);
        put(gates + 2 * H, g);
        put(gates + 3 * H, o);
      }
    }
  }
}

// Some units of the sequences [b0, b1), the steps from `first` on, up to the one after which
// `go_on` says no; returns the next. `packed_w` is a table for tokens, panels otherwise.
template <Activation G, Activation S, class GoOn>
int64_t sequences_forward(const RecurrentShape& s, const float* packed_w, const float* packed_r,
                          const RecurrentForward& io, int64_t b0, int64_t b1, Part groups,
                          int64_t first, GoOn go_on) {
  const int64_t width = groups_of(s.H) * group_width;
  const int64_t sequences = b1 - b0, chunk = steps_at_once(s, sequences);
  float* z = io.tokens ? nullptr : scratch(0, chunk * sequences * width);
  const int64_t longest = length_of(s, b0);
  for (int64_t step0 = first; step0 < longest; step0 += chunk) {
    const int64_t step1 = std::min(step0 + chunk, longest);
    if (!io.tokens) input_products(s, packed_w, io, b0, b1, groups, step0, step1, z);
    for (int64_t step = step0; step < step1; ++step) {
      const auto z_of = [&](auto b) LSTM_INLINE_LAMBDA {
        if (io.tokens) return packed_w + io.tokens[b * s.T + time_of(s, step)] * width;
        return static_cast<const float*>(z + ((step - step0) * sequences + b - b0) * width);
      };
      step_forward<G, S>(s, packed_r, io, b0, end_at(s, b0, b1, step), groups, step, z_of);
      if (!go_on()) return step + 1;
    }
  }
  return longest;
}

// Threads divide the sequences or, where these are far too few and the layer is large enough, the
// units: then they wait for each other after every step. On busy cores the first goes on alone. A
// single step needs no such waiting.
template <Activation G, Activation S>
void divided_forward(const RecurrentShape& s, const float* packed_w, const float* packed_r,
                     const RecurrentForward& io) {
  const int64_t groups = groups_of(s.H);
  const auto all_steps = [&](int64_t b0, int64_t b1, Part part) {
    sequences_forward<G, S>(s, packed_w, packed_r, io, b0, b1, part, 0, [] { return true; });
  };
  const bool few = s.B && 2 * s.B <= std::min<int64_t>(groups, team_size()) && s.H >= 96;
  if (few && s.T == 1) {
    parallel(groups, 1, sequence_cost(s, s.D, 5) * s.B / groups,
             [&](auto begin, auto end) { all_steps(0, s.B, {begin, end}); });
    return;
  }
  if (few) {
    together(groups, [&](int member, int members, auto& barrier) {
      const auto meet = [&] {
        barrier.wait();
        return !barrier.kept_waiting();
      };
      const int64_t step = sequences_forward<G, S>(s, packed_w, packed_r, io, 0, s.B,
                                                   part_of(groups, 1, member, members), 0, meet);
      if (member == 0)
        sequences_forward<G, S>(s, packed_w, packed_r, io, 0, s.B, {0, groups}, step,
                                [] { return true; });
    });
    return;
  }
  parallel_sequences(s, 1, sequence_cost(s, s.D, 5), [&](auto b0, auto b1) {
    for_each_slice(b0, b1, groups * group_width,
                   [&](auto b, auto end) { all_steps(b, end, {0, groups}); });
  });
}

inline void fast_lstm_forward(const RecurrentShape& s, const RecurrentForward& io) {
  if (s.H == 0 || s.T == 0) return;
  with_activations(s, [&](auto g, auto r) {
    constexpr Activation G = decltype(g)::value, S = decltype(r)::value;
    // For a single step of few sequences, packing would cost more than the step.
    const bool prepared = io.packed_w && io.packed_r;
    if (!prepared && s.T == 1 && s.B <= few_rows) return framed_forward(LSTMCell<G, S>(s), s, io);
    if (io.recurrent_mask) mask_first_states(s, with_states(s, io), 0, s.B);
    if (prepared) return divided_forward<G, S>(s, io.packed_w, io.packed_r, io);
    const int64_t width = groups_of(s.H) * group_width;
    const int64_t rows = io.tokens ? s.D : slots(s.D);
    float* packed_w = scratch(1, (rows + slots(s.H)) * width);
    float* packed_r = packed_w + rows * width;
    if (io.tokens)
      pack_table(s.D, 4 * s.H, io.w, io.b, packed_w);
    else
      pack_gates(s.D, 4 * s.H, io.w, packed_w);
    pack_gates(s.H, 4 * s.H, io.r, packed_r);
    divided_forward<G, S>(s, packed_w, packed_r, io);
  });
}

// dz of some units in one step of the sequences [b0, b1), in the place of their gates; dc becomes
// that of the step before.
template <Activation G, Activation S>
LSTM_INLINE void units_backward(const RecurrentShape& s, const RecurrentBackward& io, int64_t b0,
                                int64_t b1, Part units, int64_t step) {
  // A cell without options, which the compiler knows.
  cells_backward(LSTMCell<G, S>(RecurrentShape{}), s, io, b0, b1, units, step);
}

// dh of some units, whole panels of rᵀ, becomes that of the step before: from dz of all units.
inline void states_backward(const RecurrentShape& s, const float* packed,
                            const RecurrentBackward& io, int64_t b0, int64_t b1, Part units,
                            int64_t step) {
  const int64_t T = s.T, H = s.H, t = time_of(s, step), n = units.end - units.begin;
  float* dh = io.dh + b0 * H + units.begin;
  const View dz{io.gates + (b0 * T + t) * 4 * H, T * 4 * H, 1};
  packed_product(b1 - b0, n, 4 * H, dz, packed + units.begin * slots(4 * H), dh, H, false,
                 nullptr);  // (B7)
  for (int64_t b = b0; io.recurrent_mask && b < b1; ++b, dh += H)  // (B14)
    scaled(n, dh, io.recurrent_mask + b * H + units.begin, dh);
}

// dx of the sequences [b0, b1) in the steps [step0, step1).
inline void inputs_backward(const RecurrentShape& s, const float* packed,
                            const RecurrentBackward& io, int64_t b0, int64_t b1, int64_t step0,
                            int64_t step1) {
  for_each_run(s, b0, b1, step0, step1, [&](Run run) {  // (B12)
    packed_product(run.count, s.D, 4 * s.H,
                   {io.gates + run.first * 4 * s.H, run.stride * 4 * s.H, 1}, packed,
                   io.dx + run.first * s.D, run.stride * s.D, false, nullptr);
  });
}

template <Activation G, Activation S>
void sequences_backward(const RecurrentShape& s, const float* packed_w, const float* packed_r,
                        const RecurrentBackward& io, int64_t b0, int64_t b1) {
  const int64_t chunk = steps_at_once(s, b1 - b0);
  for (int64_t step1 = length_of(s, b0); step1 > 0; step1 -= chunk) {
    const int64_t step0 = step1 > chunk ? step1 - chunk : 0;
    for (int64_t step = step1; step-- > step0;) {
      const int64_t end = end_at(s, b0, b1, step);
      units_backward<G, S>(s, io, b0, end, {0, s.H}, step);
      states_backward(s, packed_r, io, b0, end, {0, s.H}, step);
    }
    if (io.dx) inputs_backward(s, packed_w, io, b0, b1, step0, step1);
  }
}

// Threads divide the sequences or, where these are far too few and the layer is large enough, the
// units: then they wait for each other in every step, until dz of all units is there, and divide
// the steps for dx. On busy cores the first goes on alone.
template <Activation G, Activation S>
void divided_backward(const RecurrentShape& s, const float* packed_w, const float* packed_r,
                      const RecurrentBackward& io) {
  const int64_t B = s.B, T = s.T, D = io.dx ? s.D : 0, H = s.H;
  if (B && 2 * B <= std::min<int64_t>(panels(H), team_size()) && H >= 96) {
    together(panels(H), [&](int member, int members, auto& barrier) {
      Part units = part_of(H, panel_width, member, members);
      bool alone = false;
      for (int64_t step = T; step-- > 0;) {
        const int64_t end = end_at(s, 0, B, step);
        units_backward<G, S>(s, io, 0, end, units, step);
        if (!alone) {
          barrier.wait();
          alone = barrier.kept_waiting();
          if (alone && member) return;
          if (alone) units = {0, H};
        }
        states_backward(s, packed_r, io, 0, end, units, step);
      }
    });
    if (!io.dx) return;
    parallel(T, tile_rows, 8.0 * B * D * H, [&](auto step0, auto step1) {
      const int64_t chunk = steps_at_once(s, B);
      for (; step0 < step1; step0 += chunk)
        inputs_backward(s, packed_w, io, 0, B, step0, std::min(step0 + chunk, step1));
    });
    return;
  }
  parallel_sequences(s, 1, sequence_cost(s, D, 1), [&](auto b0, auto b1) {
    sequences_backward<G, S>(s, packed_w, packed_r, io, b0, b1);
  });
}

inline void fast_lstm_backward(const RecurrentShape& s, const RecurrentBackward& given) {
  const int64_t D = given.dx ? s.D : 0, H = s.H;
  if (H == 0 || s.T == 0) return;
  const RecurrentBackward io = with_states(s, given);
  float* packed_r = scratch(1, packed_size(4 * H, H) + packed_size(4 * H, D));
  float* packed_w = packed_r + packed_size(4 * H, H);
  pack_panels(4 * H, H, {io.r, 1, 4 * H}, packed_r);
  pack_panels(4 * H, D, {io.w, 1, 4 * H}, packed_w);
  with_activations(s, [&](auto g, auto r) {
    divided_backward<decltype(g)::value, decltype(r)::value>(s, packed_w, packed_r, io);
  });
  if (!io.dw && !io.dr && !io.db) return;
  with_real_rows(s, s.lengths ? io : given, 4 * H, [&](const auto& shape, const auto& rows) {
    weight_gradients(shape, rows, {0, 0, 0, 4}, 4 * H, 4 * H, false);
  });
}

// The way back of lstm_lanes.inl: dz, and while it is in the cache, all that follows from it.
//
// Each block has sums of dw, dr and db of its own, which are added in the order of the blocks: the
// same bits for any number of threads.

// Floats of dz that are kept in the cache at once.
constexpr int64_t cached_dz = 1 << 16;

// Gradients of the state on the way back, and what the steps need.
struct BackStep {
  Blocked gates, c, c_before, dy, dh, dc, dz;
  bool masked;
};

// dz of one step of N blocks; dh becomes that of this step, with dy, where it stays.
template <int N, class A>
LSTM_INLINE void blocks_back(const A& phi, const RecurrentShape& s, const BackStep& at,
                             const ivec (&real)[N * block_vecs]) {
  const int64_t H = s.H;
  for (int64_t u = 0; u < H; ++u)
    for (int v = 0; v < N * block_vecs; ++v) {
      const float* gates = (at.gates + u).at(v);
      float* dz = (at.dz + u).at(v);
      const int64_t gate = H * block_width;
      const vec i = load(gates), f = load(gates + gate);
      const vec g = load(gates + 2 * gate), o = load(gates + 3 * gate);
      const vec a = phi.input(load((at.c + u).at(v)));
      vec dh = load((at.dh + u).at(v));
      if (at.dy.p) dh += load((at.dy + u).at(v));  // (B1)
      const vec dc_before = load((at.dc + u).at(v));
      const vec dc = dc_before + dh * o * phi.slope_of_input(a);  // (B3)
      vec di = dc * g * phi.slope_of_recurrent(i);  // (B4), (B5)
      vec df = dc * load((at.c_before + u).at(v)) * phi.slope_of_recurrent(f);
      vec dg = dc * i * phi.slope_of_input(g);
      vec d_o = dh * a * phi.slope_of_recurrent(o);  // (B2)
      vec dc_next = dc * f;  // (B6)
      if (at.masked) {  // (B8)
        di = select(real[v], di, vec{});
        df = select(real[v], df, vec{});
        dg = select(real[v], dg, vec{});
        d_o = select(real[v], d_o, vec{});
        dc_next = select(real[v], dc_next, dc_before);
        store((at.dh + u).at(v), dh);
      }
      store(dz, di);
      store(dz + gate, df);
      store(dz + 2 * gate, dg);
      store(dz + 3 * gate, d_o);
      store((at.dc + u).at(v), dc_next);
    }
}

// f(row, products) for all rows of `kernel` (n, 4H): dz·rowᵀ, as vectors.
template <int N, class F>
LSTM_INLINE void products_back(int64_t n, int64_t H, const float* kernel, Blocked dz, F f) {
  constexpr int V = N * block_vecs, most = lanes == 4 ? 3 : register_rows;
  for (int64_t k = 0; k < n; k += most)
    with_rows(std::min<int64_t>(n - k, most), [&](auto height) LSTM_INLINE_LAMBDA {
      constexpr int M = decltype(height)::value;
      vec acc[M][V] = {};
      tile_of_blocks<M, V>(4 * H, {kernel + k * 4 * H, 4 * H, 1}, dz, acc);
      for (int m = 0; m < M; ++m) f(k + m, acc[m]);
    });
}

// Sums of the weight gradients of a block: db (4H), dr (H, 4H), dw (D, 4H), of those that are
// wanted.
struct BlockSums {
  float *db, *dr, *dw;

  BlockSums(const RecurrentShape& s, const RecurrentBackward& io, float* p)
      : db(io.db ? p : nullptr),
        dr(io.dr ? p + 4 * s.H : nullptr),
        dw(io.dw && !io.tokens ? p + 4 * s.H * (1 + s.H) : nullptr) {}
};

LSTM_INLINE int64_t sums_size(const RecurrentShape& s, const RecurrentBackward& io) {
  return 4 * s.H * (1 + s.H + (io.tokens ? 0 : s.D));
}

// Rows of a matrix in pieces of the same length: those of a piece follow on each other, the next
// piece is `apart` from it.
struct Pieced {
  const float* p;
  int64_t columns, apart;
};

// c (M, n) += Σ over all rows of aᵀ·panel, with the columns of c in V vectors.
template <int V>
inline void pieces_product_of(int64_t M, int64_t pieces, int64_t rows, Pieced a, Pieced panel,
                              float* c, int64_t ldc, int n) {
  for (int64_t i = 0; i < M; i += register_rows)
    with_rows(M - i, [&](auto height) LSTM_INLINE_LAMBDA {
      constexpr int m = decltype(height)::value;
      vec acc[m][V] = {};
      for (int64_t k = 0; k < pieces; ++k)
        tile<m, V>(rows, {a.p + k * a.apart + i, 1, a.columns}, panel.p + k * panel.apart, acc);
      for (int r = 0; r < m; ++r)
        for (int v = 0; v < V; ++v) {
          float* out = c + (i + r) * ldc + v * lanes;
          if (const int left = n - v * lanes; left >= lanes)
            store(out, load(out) + acc[r][v]);
          else
            store_part(out, load_part(out, left) + acc[r][v], left);
        }
    });
}

inline void pieces_product(int64_t M, int64_t pieces, int64_t rows, Pieced a, Pieced panel,
                           float* c, int64_t ldc, int n) {
  if (rows <= 0) return;
  const auto product = [&](auto vecs) {
    pieces_product_of<decltype(vecs)::value>(M, pieces, rows, a, panel, c, ldc, n);
  };
  switch ((n + lanes - 1) / lanes) {
    case 1: return product(std::integral_constant<int, 1>());
    case 2: return product(std::integral_constant<int, 2>());
#if LSTM_LANES == 16
    case 3: return product(std::integral_constant<int, 3>());
    default: return product(std::integral_constant<int, 4>());
#endif
  }
}

// What some steps of one block, whose dz is in the lanes by time, add to its sums.
inline void add_block(const RecurrentShape& s, const RecurrentBackward& io,
                      const Sequences& sequences, const float* dz, const BlockSums& sums,
                      float* panel) {
  const int64_t T = s.T, D = s.D, H = s.H, N = 4 * H, steps = sequences.steps, b = sequences.b;
  const int64_t count = std::min(block_width, s.B - b), first = time_of(s, 0) - sequences.tmin;
  const int64_t row = b * T + sequences.tmin;
  const bool begins = first >= 0 && first < steps;
  for (int64_t j = 0; j < N; j += panel_width) {
    const int n = columns_of(N, j / panel_width);
    const int64_t width = padded(n), apart = steps * width;
    for (int64_t t = 0; t < steps; ++t)
      from_lanes(count, n, dz + (t * N + j) * block_width,
                 [=](auto k) { return panel + (k * steps + t) * width; });
    if (sums.db) add_rows(count * steps, n, panel, width, sums.db + j);
    if (sums.dw)
      pieces_product(D, count, steps, {io.x + row * D, D, T * D}, {panel, width, apart},
                     sums.dw + j, N, n);
    if (!sums.dr) continue;
    float* dr = sums.dr + j;
    if (io.masked_h) {  // (B15)
      pieces_product(H, count, steps, {io.masked_h + row * H, H, T * H}, {panel, width, apart}, dr,
                     N, n);
      continue;
    }
    // The state before a step is the output of the step before, that before the first is h0.
    const int64_t low = begins && !s.reverse, rows = steps - begins;
    pieces_product(H, count, rows, {io.y + (row + low + (s.reverse ? 1 : -1)) * H, H, T * H},
                   {panel + low * width, width, apart}, dr, N, n);
    if (begins && io.h0)
      pieces_product(H, count, 1, {io.h0 + b * H, H, H}, {panel + first * width, width, apart}, dr,
                     N, n);
  }
}

template <int N, class A>
void blocks_backward(const A& phi, const RecurrentShape& s, const RecurrentBackward& io, int64_t b,
                     float* block_sums) {
  constexpr int V = N * block_vecs;
  const int64_t T = s.T, D = s.D, H = s.H;
  // Whatever blocks a thread has beside it, a block is added up in the same chunks.
  const int64_t chunk = std::clamp<int64_t>(cached_dz / (most_blocks * block_width * 4 * H), 1, T);
  const bool learns = io.dw || io.dr || io.db;
  Pieces<N> memory{
      scratch(0, block_width * (N * (chunk * (D + H + 4 * H) + 4 * H) + chunk * panel_width))};
  const Blocked dh = memory.take(H), dc = memory.take(H), c0 = memory.take(H);
  const Blocked factor = io.recurrent_mask ? memory.take(H) : Blocked{};
  const Blocked dy = io.dy ? memory.take(chunk * H) : Blocked{};
  const Blocked dx = io.dx ? memory.take(chunk * D) : Blocked{};
  const Blocked near = memory.take(chunk * 4 * H);
  const KeptBlocks kept(s, io.gates, b);
  const bool masked = s.lengths || b + N * block_width > s.B;
  const Sequences single{s.B, 1, b, 0, 1};
  single.read<N>(io.dh, H, dh);
  single.read<N>(io.dc, H, dc);
  read_state<N>(s, io.c0, b, c0);
  if (factor.p) single.read<N>(io.recurrent_mask, H, factor);
  ivec real[V] = {};

  for (int64_t step1 = length_of(s, b), step0; step1 > 0; step1 = step0) {
    step0 = (step1 - 1) / chunk * chunk;
    const int64_t steps = step1 - step0;
    const Sequences sequences{s.B, T, b, s.reverse ? T - step1 : step0, steps};
    // Tokens need all of dz once more.
    const Blocked dzs = io.tokens ? kept.gates + sequences.tmin * 4 * H : near;
    if (io.dy) sequences.read<N>(io.dy, H, dy);
    for (int64_t step = step1; step-- > step0;) {
      const int64_t t = time_of(s, step), place = t - sequences.tmin;
      const Blocked dz = dzs + place * 4 * H;
      const Blocked before = step ? kept.c + time_of(s, step - 1) * H : c0;
      if (masked) real_lanes(s, b, step, real);
      blocks_back<N>(phi, s,
                     {kept.gates + t * 4 * H, kept.c + t * H, before, io.dy ? dy + place * H : dy,
                      dh, dc, dz, masked},
                     real);
      products_back<N>(H, H, io.r, dz, [&](auto u, const vec(&sums)[V]) LSTM_INLINE_LAMBDA {
        for (int v = 0; v < V; ++v) {
          vec d = sums[v];  // (B7)
          if (factor.p) d *= load((factor + u).at(v));  // (B14)
          if (masked) d = select(real[v], d, load((dh + u).at(v)));
          store((dh + u).at(v), d);
        }
      });
      if (io.dx)  // (B12)
        products_back<N>(D, H, io.w, dz, [&](auto d, const vec(&sums)[V]) LSTM_INLINE_LAMBDA {
          for (int v = 0; v < V; ++v) store((dx + place * D + d).at(v), sums[v]);
        });
    }
    if (io.dx) sequences.write<N>(dx, D, io.dx);
    for (int k = 0; learns && k < N; ++k) {
      // What lies behind the end of all sequences of a block, nobody has written.
      const int64_t first = b + k * block_width;
      const int64_t own = std::min(steps, length_of(s, first) - step0);
      if (own > 0)
        add_block(s, io, {s.B, T, first, sequences.tmin, own}, dzs.p + k * dzs.apart,
                  BlockSums(s, io, block_sums + first / block_width * sums_size(s, io)), memory.p);
    }
  }
  single.write<N>(dh, H, io.dh);
  single.write<N>(dc, H, io.dc);
}

// dw gets the rows of dz at its tokens.
inline void add_token_rows(const RecurrentShape& s, const RecurrentBackward& io) {
  parallel(4 * s.H, block_width, double(s.B * s.T), [&](auto begin, auto end) {
    const int64_t n = end - begin;
    float* rows = scratch(0, block_width * n);
    for (int64_t b = 0; b < s.B; b += block_width) {
      const KeptBlocks kept(s, io.gates, b);
      const int64_t count = std::min(block_width, s.B - b);
      for (int64_t t = 0; t < length_of(s, b); ++t) {
        from_lanes(count, n, (kept.gates + t * 4 * s.H + begin).p,
                   [&](auto row) { return rows + row * n; });
        for (int64_t row = 0; row < count; ++row)
          add_rows(1, n, rows + row * n, n,
                   io.dw + io.tokens[(b + row) * s.T + t] * 4 * s.H + begin);
      }
    }
  });
}

// (B9)-(B11)
inline void lanes_lstm_backward(const RecurrentShape& s, const RecurrentBackward& io) {
  if (s.B == 0 || s.T == 0 || s.H == 0) return;
  const int64_t blocks = blocks_of(s.B), size = sums_size(s, io);
  const bool learns = io.dw || io.dr || io.db;
  float* sums = learns ? scratch(1, blocks * size) : nullptr;
  if (learns) std::memset(sums, 0, blocks * size * sizeof(float));
  with_usual_or_any(s, [&](auto phi) {
    parallel_sequences(s, block_width, sequence_cost(s, learns ? 2 * s.D + s.H : s.D, 1),
                       [&](auto begin, auto end) {
                         for_blocks(begin, end, [&](auto n, auto b) {
                           blocks_backward<decltype(n)::value>(phi, s, io, b, sums);
                         });
                       });
  });
  if (!learns) return;
  const BlockSums first(s, io, sums);
  if (first.db) add_rows(blocks, 4 * s.H, first.db, size, io.db);
  if (first.dr) add_rows(blocks, 4 * s.H * s.H, first.dr, size, io.dr);
  if (first.dw) add_rows(blocks, 4 * s.H * s.D, first.dw, size, io.dw);
  if (io.tokens && io.dw) add_token_rows(s, io);
}

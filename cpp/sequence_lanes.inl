// Sequences in the lanes of a vector: 16 of them side by side are a block, whatever a vector holds.
//
// Number k of a block stands, for its 16 sequences, at p[16·k]. Several blocks at once have their
// numbers `apart` from each other. Lanes without a sequence hold zeros.

constexpr int64_t block_width = 16;
constexpr int block_vecs = int(block_width) / lanes;
// Blocks side by side, so that enough sums are under way at once.
constexpr int most_blocks = lanes == 16 ? 2 : 1;

LSTM_INLINE int64_t blocks_of(int64_t B) { return (B + block_width - 1) / block_width; }

// Numbers of blocks that are `apart` from each other.
struct Blocked {
  float* p;
  int64_t apart;

  LSTM_INLINE Blocked operator+(int64_t k) const { return {p + k * block_width, apart}; }
  LSTM_INLINE float* at(int v) const { return p + v / block_vecs * apart + v % block_vecs * lanes; }
};

// out (n numbers of a block) = n numbers of each of `count` sequences, where `row(k)` points to
// those of sequence k.
template <class Row>
LSTM_INLINE void to_lanes(int64_t count, int64_t n, Row row, float* out) {
  for (int64_t b = 0; b < block_width; b += lanes)
    transposed(
        count - b, n, [&](auto k) LSTM_INLINE_LAMBDA { return row(b + k); }, out + b, block_width);
}

// The way back.
template <class Row>
LSTM_INLINE void from_lanes(int64_t count, int64_t n, const float* in, Row row) {
  for (int part = 0; part < block_vecs; ++part)
    for (int64_t j = 0; j < n; j += lanes) {
      const int columns = int(n - j < lanes ? n - j : lanes);
      const float* from = in + j * block_width + part * lanes;
      vec rows[lanes];
      for (int k = 0; k < lanes; ++k) rows[k] = k < columns ? load(from + k * block_width) : vec{};
      transpose_square(rows);
      for (int k = 0; k < lanes && part * lanes + k < count; ++k) {
        float* to = row(part * lanes + k) + j;
        columns == lanes ? store(to, rows[k]) : store_part(to, rows[k], columns);
      }
    }
}

// What some steps of the sequences from b on are: as to_lanes and from_lanes take them.
struct Sequences {
  int64_t B, T, b, tmin, steps;

  // The blocks one after the other: f(of which block, count, first sequence).
  template <int N, class F>
  LSTM_INLINE void each(F f) const {
    for (int k = 0; k < N; ++k) {
      const int64_t first = b + k * block_width, left = B - first;
      f(k, left < block_width ? left : block_width, first);
    }
  }
  // From (B, T, n) to lanes, by time; and back.
  template <int N>
  void read(const float* x, int64_t n, Blocked to) const {
    each<N>([&](auto k, auto count, auto first) LSTM_INLINE_LAMBDA {
      const float* from = x + (first * T + tmin) * n;
      to_lanes(count, steps * n, [=](auto row) { return from + row * T * n; }, to.p + k * to.apart);
    });
  }
  template <int N>
  void write(Blocked from, int64_t n, float* x) const {
    each<N>([&](auto k, auto count, auto first) LSTM_INLINE_LAMBDA {
      float* to = x + (first * T + tmin) * n;
      from_lanes(count, steps * n, from.p + k * from.apart,
                 [=](auto row) { return to + row * T * n; });
    });
  }
};

// acc[m][v] += Σ_k a(m, k)·x[k][v] over K numbers of the blocks.
template <int M, int V>
LSTM_INLINE void tile_of_blocks(int64_t K, View a, Blocked x, vec (&acc)[M][V]) {
  for (int64_t k = 0; k < K; ++k) {
    vec b[V];
    for (int v = 0; v < V; ++v) b[v] = load((x + k).at(v));
    for (int m = 0; m < M; ++m) {
      const vec factor = broadcast(a.p[m * a.rows + k * a.columns]);
      for (int v = 0; v < V; ++v) acc[m][v] += factor * b[v];
    }
  }
}

// Products of bfloat16 in the tiles of AMX: 16 rows of A, with up to 64 columns of B.
//
// A tile register holds 16 rows of 64 bytes. One instruction multiplies 16 rows of A, of 32 factors
// each, by 32 rows of B, which a panel of bfloat16.inl has as 16 rows of pairs, and adds that to 16
// rows of 16 sums. How many sums of products are added up before the next is said by the place of a
// factor alone, so results do not depend on how rows are divided among threads.

// The shapes of the tile registers, as the processor reads them.
struct TileShapes {
  std::uint8_t palette = 1, start = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {};  // in a row
  std::uint8_t rows[16] = {};

  void set(int tile, std::int64_t row_count, std::int64_t row_bytes) {
    rows[tile] = std::uint8_t(row_count);
    bytes[tile] = std::uint16_t(row_bytes);
  }
};

// sums (rows, V·16) = the rows of A, at most 16, by a panel of V vectors and K rows.
template <int V>
__attribute__((noinline)) void amx_product(int rows, int64_t K, Left a, const float* panel,
                                           float* sums) {
  constexpr int pairs = 16;  // of factors in a row of a tile
  const int64_t whole = slots(K) / pairs, rest = slots(K) % pairs, pitch = V * sizeof(vec);
  TileShapes shapes;
  for (int v = 0; v < V; ++v) shapes.set(v, rows, sizeof(vec));
  shapes.set(4, rows, sizeof(vec));  // of A
  shapes.set(5, pairs, sizeof(vec));  // of B
  if (rest) {
    shapes.set(6, rows, rest * 4);  // of A
    shapes.set(7, rest, sizeof(vec));  // of B
  }
  // What GCC knows of these instructions leaves out most of the memory that they read.
  asm volatile("" : : "r"(&shapes) : "memory");
  _tile_loadconfig(&shapes);
  _tile_zero(0);
  if constexpr (V > 1) _tile_zero(1);
  if constexpr (V > 2) _tile_zero(2);
  if constexpr (V > 3) _tile_zero(3);
  const float* left = a.p;
  for (int64_t k = 0; k < whole; ++k) {
    _tile_loadd(4, left, a.rows * 4);
    _tile_loadd(5, panel, pitch);
    _tile_dpbf16ps(0, 4, 5);
    if constexpr (V > 1) {
      _tile_loadd(5, panel + lanes, pitch);
      _tile_dpbf16ps(1, 4, 5);
    }
    if constexpr (V > 2) {
      _tile_loadd(5, panel + 2 * lanes, pitch);
      _tile_dpbf16ps(2, 4, 5);
    }
    if constexpr (V > 3) {
      _tile_loadd(5, panel + 3 * lanes, pitch);
      _tile_dpbf16ps(3, 4, 5);
    }
    left += pairs;
    panel += pairs * V * lanes;
  }
  if (rest) {
    _tile_loadd(6, left, a.rows * 4);
    _tile_loadd(7, panel, pitch);
    _tile_dpbf16ps(0, 6, 7);
    if constexpr (V > 1) {
      _tile_loadd(7, panel + lanes, pitch);
      _tile_dpbf16ps(1, 6, 7);
    }
    if constexpr (V > 2) {
      _tile_loadd(7, panel + 2 * lanes, pitch);
      _tile_dpbf16ps(2, 6, 7);
    }
    if constexpr (V > 3) {
      _tile_loadd(7, panel + 3 * lanes, pitch);
      _tile_dpbf16ps(3, 6, 7);
    }
  }
  _tile_stored(0, sums, pitch);
  if constexpr (V > 1) _tile_stored(1, sums + lanes, pitch);
  if constexpr (V > 2) _tile_stored(2, sums + 2 * lanes, pitch);
  if constexpr (V > 3) _tile_stored(3, sums + 3 * lanes, pitch);
  _tile_release();
}

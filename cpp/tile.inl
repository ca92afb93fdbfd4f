// The register tile of all matrix products, and what it reads: a panel of B, and a `Left`.
//
// Both are made of slots of 32 bits. How many factors a slot holds is said by one of two files:
// - float32.inl: one. A is read where it is.
// - bfloat16.inl: two, those of rows k and k + 1 of B, and of columns k and k + 1 of A. amx.inl has
//   larger tiles for them, in registers of their own.

#if LSTM_LANES == 16
constexpr int register_rows = 6, tile_vecs = 4;
#else
constexpr int register_rows = 6, tile_vecs = 2;
#endif
#if defined(LSTM_AMX)
constexpr int tile_rows = 16;
#else
constexpr int tile_rows = register_rows;
#endif
constexpr int panel_width = tile_vecs * lanes;
constexpr int64_t depth = 256;  // of a packed block of B: a panel of it stays in L1

// A matrix in memory: element (i, j) is at p[i·rows + j·columns].
struct View {
  const float* p;
  int64_t rows, columns;

  LSTM_INLINE View from(int64_t i, int64_t j) const {
    return {p + i * rows + j * columns, rows, columns};
  }
};

// The left side of a product as the tile reads it: slot k of row i is at p[i·rows + k·columns].
struct Left {
  const float* p;
  int64_t rows, columns;

  LSTM_INLINE Left from(int64_t i) const { return {p + i * rows, rows, columns}; }
};

// Floats in a row of a panel of n columns: whole vectors.
LSTM_INLINE int64_t padded(int n) { return (n + lanes - 1) / lanes * lanes; }

LSTM_INLINE int64_t panels(int64_t n) { return (n + panel_width - 1) / panel_width; }

#if defined(LSTM_BFLOAT16)
#include "bfloat16.inl"
#else
#include "float32.inl"
#endif

// Slots for K factors.
LSTM_INLINE int64_t slots(int64_t K) { return (K + in_slot - 1) / in_slot; }

#if defined(LSTM_AMX)
#include "amx.inl"
#endif

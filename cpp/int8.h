// The kernels for int8 weights: inference only. The rules of `kernels.h` hold here, too.
//
// A weight is the product of an int8 number in [-127, 127] and a float32 scale, one for each
// output. What multiplies it, a row x of D numbers, becomes int8 in the same way, with a scale of
// its own: (Q1)-(Q3) of docs/theory/quantization.md. Sums are exact, and all that follows is
// compiled without fused multiply-adds: the results have the same bits on every instruction set.
//
// Weights (D, F) lie in panels of `int8_columns` outputs: of each `int8_depth` inputs those for the
// first output, then those for the second, and so on. What is missing to whole panels is zero. The
// vectors of V tokens are the weights (E, V), with a scale for each token.
#pragma once

#include <cstdint>

#include "kernels.h"

namespace lstm {

constexpr int int8_columns = 16, int8_depth = 4;
constexpr int64_t int8_most_inputs = int64_t(1) << 17;  // whose sums fit into 32 bits

struct Int8Weights {
  const std::int8_t* values;  // (F16, D4)
  const float* scale;  // (F)
};

// As in RecurrentForward, whose w is the table (D, N) of tokens, or null; r is null. Without
// `gates` nothing is kept of a step, and c (B, H) is the last cell.
struct Int8Recurrent : RecurrentForward {
  Int8Weights int8_w;  // (D, N), or null where tokens are read
  Int8Weights int8_r;  // (H, N)
};

struct Int8GenerationLayer {
  int64_t D, H;
  Int8Weights w, r;  // (D, 4H), (H, 4H)
  const float* b;  // (4H), or null
  float *h, *c;  // (B, H): the state before, then after; updated in place
};

struct Int8Generation : Choice {
  int64_t B, N, V, W, E;
  const int64_t* tokens;  // (B), the last token of each text
  Int8Weights embedding;  // (E, V)
  const Int8GenerationLayer* layers;
  int depth;  // number of layers, at least 1
  Int8Weights w;  // (H, V)
  const float* b;  // (V) or null
  const int64_t* recent;  // (B, W), the last tokens of each text, -1 where there is none
  const double* u;  // (B, N) uniforms
  int64_t* drawn;  // (B, N)
};

struct Int8Kernels {
  // y (n, F) = φ(x (n, D)·w (D, F) + b (F) or null).
  void (*linear)(int64_t n, int64_t D, int64_t F, const float* x, Int8Weights w, const float* b,
                 Activation, float* y);
  // y (n, E) = the vectors of tokens.
  void (*embedding)(int64_t n, int64_t E, const int64_t* tokens, Int8Weights w, float* y);
  void (*recurrent)(const RecurrentShape&, const Int8Recurrent&);
  void (*generate)(const Int8Generation&);
};

// Those compiled for an instruction set; null where this build has none. That of AVX-512 has VNNI.
const Int8Kernels* kernels_int8_baseline();
const Int8Kernels* kernels_int8_avx2();
const Int8Kernels* kernels_int8_avx512();

// Those that go with the other kernels of an instruction set, or with less on a machine that lacks
// VNNI: this changes no bit.
const Int8Kernels* int8_kernels_of(const Kernels*);

}  // namespace lstm

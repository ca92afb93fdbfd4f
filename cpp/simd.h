// The vector type of one instruction set, on GCC and Clang vector extensions.
//
// Included only by kernels_isa.cpp, which is compiled once for each instruction set; everything
// here lives in the namespace of that set. `lanes` floats make a `vec`. Loads and stores need no
// alignment beyond that of float. Intrinsics only for parts of a vector, which the extensions do
// not have. Deliberately absent: types other than float.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LSTM_LANES 16
#elif defined(__AVX2__)
#define LSTM_LANES 8
#else
#define LSTM_LANES 4
#endif

namespace lstm::LSTM_ISA {

using std::int64_t;

constexpr int lanes = LSTM_LANES;

using vec = float __attribute__((vector_size(LSTM_LANES * 4)));
using ivec = std::int32_t __attribute__((vector_size(LSTM_LANES * 4)));

#define LSTM_INLINE inline __attribute__((always_inline))
#define LSTM_INLINE_LAMBDA __attribute__((always_inline))

LSTM_INLINE vec load(const float* p) {
  vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

LSTM_INLINE void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }

// The first n <= lanes floats, of which no other is touched; the other lanes are 0.
#if defined(__AVX512F__)
LSTM_INLINE vec load_part(const float* p, int n) {
  return (vec)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
}
LSTM_INLINE void store_part(float* p, vec v, int n) {
  _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
}
#elif defined(__AVX2__)
LSTM_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
LSTM_INLINE vec load_part(const float* p, int n) {
  return (vec)_mm256_maskload_ps(p, first_lanes(n));
}
LSTM_INLINE void store_part(float* p, vec v, int n) {
  _mm256_maskstore_ps(p, first_lanes(n), (__m256)v);
}
#else
LSTM_INLINE vec load_part(const float* p, int n) {
  vec v = {};
  std::memcpy(&v, p, n * sizeof(float));
  return v;
}
LSTM_INLINE void store_part(float* p, vec v, int n) { std::memcpy(p, &v, n * sizeof(float)); }
#endif

// x - 0 is x even for -0, so that this is one instruction.
LSTM_INLINE vec broadcast(float x) { return x - vec{}; }

LSTM_INLINE vec select(ivec mask, vec yes, vec no) { return mask ? yes : no; }

LSTM_INLINE vec min(vec a, vec b) { return select(a < b, a, b); }
LSTM_INLINE vec max(vec a, vec b) { return select(a > b, a, b); }
LSTM_INLINE vec abs(vec a) { return (vec)((ivec)a & 0x7fffffff); }
LSTM_INLINE vec with_sign_of(vec sign, vec a) {
  return (vec)(((ivec)a & 0x7fffffff) | ((ivec)sign & ~0x7fffffff));
}

// In an order that does not depend on anything but `lanes`.
LSTM_INLINE float sum(vec v) {
  float total = 0;
  for (int k = 0; k < lanes; ++k) total += v[k];
  return total;
}

LSTM_INLINE float largest(vec v) {
  float best = v[0];
  for (int k = 1; k < lanes; ++k) best = v[k] > best ? v[k] : best;
  return best;
}

// Apply `f(index, vector)` over [0, n) in whole vectors, and once for what is left: f loads and
// stores through the two functions it is given.
template <class F>
LSTM_INLINE void for_each_vec(int64_t n, F f) {
  int64_t k = 0;
  for (; k + lanes <= n; k += lanes)
    f(
        k, [](const float* p) LSTM_INLINE_LAMBDA { return load(p); },
        [](float* p, vec v) LSTM_INLINE_LAMBDA { store(p, v); });
  if (int rest = int(n - k); rest)
    f(
        k, [rest](const float* p) LSTM_INLINE_LAMBDA { return load_part(p, rest); },
        [rest](float* p, vec v) LSTM_INLINE_LAMBDA { store_part(p, v, rest); });
}

}  // namespace lstm::LSTM_ISA

// exp, tanh and sigmoid of float vectors.
//
// Valid for every float: infinities give the limits, NaN gives NaN, a denormal counts as zero and
// is never a result. Largest error over all floats, on each x86 instruction set: exp 1.1 ULP,
// tanh 1.4 ULP, sigmoid 2.5 ULP. exp and tanh never fall as x rises; a sigmoid may, by its error.
#pragma once

#include "simd.h"

namespace LSTM_ISA {

// 2^n for integers n in [-126, 127].
LSTM_INLINE vec power_of_two(ivec n) { return (vec)((n + 127) << 23); }

// exp(r) - 1 - r for |r| <= ln(2) / 2, divided by r²: a minimax polynomial of degree 4.
LSTM_INLINE vec exp_tail(vec r) {
  vec p = broadcast(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p;
}

// x as n·ln(2) + r, with the product exact in two parts (Cody & Waite).
LSTM_INLINE vec reduced(vec x, ivec& n) {
  const vec shift = broadcast(12582912.0f);  // 1.5·2^23: adding it rounds to an integer
  const vec rounded = (x * 1.44269504088896341f + shift) - shift;
  n = __builtin_convertvector(rounded, ivec);
  return (x - rounded * 0.693359375f) + rounded * 2.12194440e-4f;
}

LSTM_INLINE vec exp(vec x) {
  // The first and last x whose exp is a normal number.
  const vec low = broadcast(-87.336540f), high = broadcast(88.722830f);
  const vec inside = min(max(x, low), high);
  ivec n;
  const vec r = reduced(inside, n);
  const vec y = (exp_tail(r) * r * r + r) + 1.0f;
  // In two steps, because 2^128 is not a float.
  const ivec half = n >> 1;
  vec result = y * power_of_two(half) * power_of_two(n - half);
  result = select(x < low, vec{}, result);
  result = select(x > high, broadcast(__builtin_inff()), result);
  return select(x == x, result, x);
}

LSTM_INLINE vec sigmoid(vec x) {
  // exp of a negative number never overflows, and small results keep their relative precision.
  const vec e = exp(-abs(x));
  return select(x < 0.0f, e, broadcast(1)) / (1.0f + e);
}

LSTM_INLINE vec tanh(vec x) {
  const vec a = abs(x);
  const vec s = x * x;
  // tanh(x) = x + x³·p(x²) near 0, where 1 - 2 / (exp(2x) + 1) would lose digits.
  vec p = broadcast(-5.70498872745e-3f);
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  const vec near = x + x * s * p;
  const vec far = 1.0f - 2.0f / (exp(2.0f * min(a, broadcast(10.0f))) + 1.0f);
  const vec signed_far = select(x < 0.0f, -far, far);
  return select(x == x, select(a < 0.625f, near, signed_far), x);
}

}  // namespace LSTM_ISA

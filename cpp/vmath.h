// exp, tanh and sigmoid of float vectors.
//
// Valid for every float: infinities give the limits, NaN gives NaN, a denormal counts as zero and
// is never a result. Largest error over all floats, on each x86 instruction set: exp 1.1 ULP,
// tanh 2.6 ULP, sigmoid 2.5 ULP. exp never falls as x rises; tanh and sigmoid may, by their error.
#pragma once

#include "simd.h"

namespace lstm::LSTM_ISA {

// 2^n for integers n in [-126, 127], of which only the last nine bits matter.
LSTM_INLINE vec power_of_two(ivec n) { return (vec)((n + 127) << 23); }

// exp(r) - 1 for |r| <= ln(2) / 2: a minimax polynomial with an error of 3e-9.
LSTM_INLINE vec exp_minus_1(vec r) {
  vec p = broadcast(1.3814540005e-3f);
  p = p * r + 8.3687452457e-3f;
  p = p * r + 4.1668390796e-2f;
  p = p * r + 1.6666520398e-1f;
  p = p * r + 4.9999993432e-1f;
  return p * r * r + r;
}

constexpr float shift = 12582912.0f;  // 1.5·2^23: adding it rounds to an integer

// r of x = n·ln(2) + r, with the product exact in two parts (Cody & Waite); |x| < 2^22. n as the
// bits of n + shift: the last of them are its own.
LSTM_INLINE vec reduced(vec x, ivec& n) {
  const vec shifted = x * 1.44269504088896341f + shift, rounded = shifted - shift;
  n = (ivec)shifted;
  return (x - rounded * 0.693359375f) + rounded * 2.12194440e-4f;
}

// exp is a normal number from `low` on, and up to `high`.
constexpr float low = -87.336540f, high = 88.722830f;

LSTM_INLINE vec exp(vec x) {
  ivec n;
  const vec r = reduced(min(broadcast(high), max(broadcast(low), x)), n);
  // In two steps, because 2^128 is not a float.
  const ivec whole = n - (ivec)broadcast(shift), half = whole >> 1;
  vec result = (exp_minus_1(r) + 1.0f) * power_of_two(half) * power_of_two(whole - half);
  result = select(x < low, vec{}, result);
  return select(x > high, broadcast(__builtin_inff()), result);
}

LSTM_INLINE vec sigmoid(vec x) {
  // Beyond the ends it is 1, and a denormal.
  ivec n;
  const vec r = reduced(-min(broadcast(87), max(broadcast(-88.37f), x)), n);
  return 1.0f / (1.0f + (exp_minus_1(r) + 1.0f) * power_of_two(n));
}

LSTM_INLINE vec tanh(vec x) {
  // With m = exp(-2|x|) - 1, without the loss of digits near 0, |tanh(x)| = -m / (2 + m). Beyond 10
  // it is 1.
  ivec n;
  const vec r = reduced(max(broadcast(-20), -2.0f * abs(x)), n);
  const vec scale = power_of_two(n);
  const vec m = exp_minus_1(r) * scale + (scale - 1.0f);
  return with_sign_of(x, m / (2.0f + m));
}

}  // namespace lstm::LSTM_ISA

// What every binding shares: types of arrays, checks, and calls without the GIL.
//
// Inputs are read-only and contiguous (converted if they are not); tokens and outputs must be just
// what is asked for. No pointer is used before all shapes and tokens are checked.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <thread>

#include "kernels.h"

namespace bindings {

namespace nb = nanobind;
using namespace nb::literals;

using std::int64_t;
using In = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Tokens = nb::ndarray<const int64_t, nb::c_contig, nb::device::cpu>;
using TokensOut = nb::ndarray<int64_t, nb::c_contig, nb::device::cpu>;
using Uniforms = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
using Mask = nb::ndarray<const bool, nb::c_contig, nb::device::cpu>;
template <class A>
using Maybe = std::optional<A>;

// Those of the instruction set in use.
extern const lstm::Kernels* kernels;

[[noreturn]] inline void fail(const char* name, const std::string& expected,
                              const std::string& got) {
  throw std::invalid_argument(std::string(name) + ": expected " + expected + ", got " + got);
}

// What holds for every array: its numbers stand where the machine can read them, and its sizes can
// be multiplied (those of an empty array could be anything).
template <class A>
void expect_usable(const char* name, const A& array) {
  if (array.size() && reinterpret_cast<std::uintptr_t>(array.data()) % alignof(typename A::Scalar))
    fail(name, "aligned memory", "memory at an odd address");
  for (std::size_t k = 0; k < array.ndim(); ++k)
    if (int64_t(array.shape(k)) >= int64_t(1) << 40) fail(name, "a shorter axis", "a huge one");
}

template <class A>
void expect(const char* name, const A& array, std::initializer_list<int64_t> shape) {
  expect_usable(name, array);
  bool fits = array.ndim() == shape.size();
  std::string expected, got;
  std::size_t axis = 0;
  for (int64_t size : shape) {
    fits = fits && int64_t(array.shape(axis)) == size;
    expected += (axis++ ? ", " : "") + std::to_string(size);
  }
  if (fits) return;
  for (std::size_t k = 0; k < array.ndim(); ++k)
    got += (k ? ", " : "") + std::to_string(array.shape(k));
  fail(name, "shape (" + expected + ")", "(" + got + ")");
}

template <class A>
void expect(const char* name, const Maybe<A>& array, std::initializer_list<int64_t> shape) {
  if (array) expect(name, *array, shape);
}

template <class A>
int64_t size(const char* name, const A& array, std::size_t axes, std::size_t axis) {
  expect_usable(name, array);
  if (array.ndim() != axes)
    fail(name, std::to_string(axes) + " axes", std::to_string(array.ndim()));
  return int64_t(array.shape(axis));
}

template <class A>
auto pointer(const Maybe<A>& array) -> decltype(array->data()) {
  return array ? array->data() : nullptr;
}

// Tokens in [least, V); -1 for the least where one may be missing.
inline void expect_tokens(const char* name, const Tokens& tokens, int64_t V, int64_t least = 0) {
  for (std::size_t k = 0; k < tokens.size(); ++k)
    if (tokens.data()[k] < least || tokens.data()[k] >= V)
      fail(name, "integers in [" + std::to_string(least) + ", " + std::to_string(V) + ")",
           std::to_string(tokens.data()[k]));
}

inline lstm::Activation activation_of(int value, bool elementwise) {
  if (value < 0 || value > (elementwise ? 4 : 5))
    fail("activation", "a code", std::to_string(value));
  return lstm::Activation(value);
}

// Take the GIL again. In a daemon thread, while the interpreter exits, Python ends the thread by an
// unwinding that must not cross the binding: such a thread waits here for the end of the process.
inline void lock(PyThreadState* state) {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

// Run a kernel without the GIL, which is back even if there was no memory for it.
template <class F>
auto unlocked(F f) {
  const struct Unlocked {
    PyThreadState* state = PyEval_SaveThread();
    ~Unlocked() { lock(state); }
  } guard;
  return f();
}

// How an argument is passed: None allowed, nothing converted, or both.
inline auto none(const char* name) { return nb::arg(name).none(); }
inline auto exact(const char* name) { return nb::arg(name).noconvert(); }
inline auto maybe_exact(const char* name) { return nb::arg(name).noconvert().none(); }

// Each adds its functions to the module.
void add_layers(nb::module_& m);
void add_losses_and_optimizers(nb::module_& m);

}  // namespace bindings

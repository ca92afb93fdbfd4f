// The Python module `lstm.backends._kernels`: checks every array, releases the GIL, calls a kernel.
//
// Inputs are read-only and contiguous (converted if they are not); tokens and outputs must be just
// what is asked for. No pointer is used before all shapes and tokens are checked.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <thread>

#include "kernels.h"
#include "memory.h"
#include "thread_pool.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using std::int64_t;
using In = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Tokens = nb::ndarray<const int64_t, nb::c_contig, nb::device::cpu>;
using TokensOut = nb::ndarray<int64_t, nb::c_contig, nb::device::cpu>;
using Uniforms = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
using Mask = nb::ndarray<const bool, nb::c_contig, nb::device::cpu>;
template <class A>
using Maybe = std::optional<A>;

const lstm::Kernels* kernels = lstm::best_kernels();

[[noreturn]] void fail(const char* name, const std::string& expected, const std::string& got) {
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

void expect_tokens(const char* name, const Tokens& tokens, int64_t V) {
  for (std::size_t k = 0; k < tokens.size(); ++k)
    if (tokens.data()[k] < 0 || tokens.data()[k] >= V)
      fail(name, "integers in [0, " + std::to_string(V) + ")", std::to_string(tokens.data()[k]));
}

lstm::Activation activation_of(int value, bool elementwise) {
  if (value < 0 || value > (elementwise ? 4 : 5))
    fail("activation", "a code", std::to_string(value));
  return lstm::Activation(value);
}

// Take the GIL again. In a daemon thread, while the interpreter exits, Python ends the thread by an
// unwinding that must not cross the binding: such a thread waits here for the end of the process.
void lock(PyThreadState* state) {
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

// An array whose memory comes from the store and goes back to it.
nb::ndarray<nb::numpy, float> empty(const std::vector<std::size_t>& shape) {
  std::size_t count = 1;
  for (const std::size_t size : shape) {
    if (size && count > (std::size_t(1) << 48) / size) throw std::bad_alloc();
    count *= size;
  }
  lstm::Block* block = lstm::take_block(count * sizeof(float));
  if (!block) throw std::bad_alloc();
  const nb::capsule owner(
      block, [](void* p) noexcept { lstm::return_block(static_cast<lstm::Block*>(p)); });
  return {block->memory, shape.size(), shape.data(), owner};
}

// The input of an LSTM, vectors (B, T, D) or tokens (B, T), and the shapes that follow from it.
template <class IO>
lstm::LSTMShape lstm_shape(const Maybe<In>& x, const Maybe<Tokens>& tokens, const In& w,
                           const In& r, const Maybe<In>& h0, const Maybe<In>& c0,
                           const Maybe<Mask>& mask, bool reverse, int activation,
                           int recurrent_activation, IO& io) {
  if (x.has_value() == tokens.has_value()) fail("x", "either vectors or tokens", "both or none");
  const int64_t D = size("w", w, 2, 0), H = size("r", r, 2, 0);
  const int64_t B = x ? size("x", *x, 3, 0) : size("tokens", *tokens, 2, 0);
  const int64_t T = int64_t(x ? x->shape(1) : tokens->shape(1));
  expect("x", x, {B, T, D});
  if (tokens) expect_tokens("tokens", *tokens, D);
  expect("w", w, {D, 4 * H});
  expect("r", r, {H, 4 * H});
  expect("h0", h0, {B, H});
  expect("c0", c0, {B, H});
  expect("mask", mask, {B, T});
  io.x = pointer(x);
  io.tokens = pointer(tokens);
  io.w = w.data();
  io.r = r.data();
  io.h0 = pointer(h0);
  io.c0 = pointer(c0);
  io.mask = reinterpret_cast<const std::uint8_t*>(pointer(mask));
  return {B,
          T,
          D,
          H,
          reverse,
          activation_of(activation, true),
          activation_of(recurrent_activation, true)};
}

void lstm_forward(Maybe<In> x, Maybe<Tokens> tokens, In w, In r, Maybe<In> b, Maybe<In> h0,
                  Maybe<In> c0, Maybe<Mask> mask, bool reverse, int activation,
                  int recurrent_activation, Maybe<Out> gates, Out c, Out y) {
  lstm::LSTMForward io{};
  const auto s =
      lstm_shape(x, tokens, w, r, h0, c0, mask, reverse, activation, recurrent_activation, io);
  expect("b", b, {4 * s.H});
  expect("gates", gates, {s.B, s.T, 4 * s.H});
  if (gates)
    expect("c", c, {s.B, s.T, s.H});
  else
    expect("c", c, {s.B, s.H});
  expect("y", y, {s.B, s.T, s.H});
  io.b = pointer(b);
  io.gates = pointer(gates);
  io.c = c.data();
  io.y = y.data();
  unlocked([&] { kernels->lstm_forward(s, io); });
}

void lstm_backward(Maybe<In> x, Maybe<Tokens> tokens, In w, In r, Maybe<In> h0, Maybe<In> c0,
                   Maybe<Mask> mask, bool reverse, int activation, int recurrent_activation,
                   Out gates, In c, In y, Maybe<In> dy, Out dh, Out dc, Maybe<Out> dw,
                   Maybe<Out> dr, Maybe<Out> db, Maybe<Out> dx) {
  lstm::LSTMBackward io{};
  const auto s =
      lstm_shape(x, tokens, w, r, h0, c0, mask, reverse, activation, recurrent_activation, io);
  expect("gates", gates, {s.B, s.T, 4 * s.H});
  expect("c", c, {s.B, s.T, s.H});
  expect("y", y, {s.B, s.T, s.H});
  expect("dy", dy, {s.B, s.T, s.H});
  expect("dh", dh, {s.B, s.H});
  expect("dc", dc, {s.B, s.H});
  expect("dw", dw, {s.D, 4 * s.H});
  expect("dr", dr, {s.H, 4 * s.H});
  expect("db", db, {4 * s.H});
  expect("dx", dx, {s.B, s.T, s.D});
  if (dx && tokens) fail("dx", "None for tokens", "an array");
  io.gates = gates.data();
  io.c = c.data();
  io.y = y.data();
  io.dy = pointer(dy);
  io.dh = dh.data();
  io.dc = dc.data();
  io.dw = pointer(dw);
  io.dr = pointer(dr);
  io.db = pointer(db);
  io.dx = pointer(dx);
  unlocked([&] { kernels->lstm_backward(s, io); });
}

void linear_forward(In x, In w, Maybe<In> b, int activation, Out y) {
  const int64_t n = size("x", x, 2, 0), D = x.shape(1), F = size("w", w, 2, 1);
  expect("w", w, {D, F});
  expect("b", b, {F});
  expect("y", y, {n, F});
  const auto kind = activation_of(activation, false);
  unlocked(
      [&] { kernels->linear_forward(n, D, F, x.data(), w.data(), pointer(b), kind, y.data()); });
}

void linear_backward(In dy, In x, In w, In y, int activation, Maybe<Out> dz, Maybe<Out> dw,
                     Maybe<Out> db, Maybe<Out> dx) {
  const int64_t n = size("x", x, 2, 0), D = x.shape(1), F = size("w", w, 2, 1);
  expect("dy", dy, {n, F});
  expect("w", w, {D, F});
  expect("y", y, {n, F});
  expect("dz", dz, {n, F});
  expect("dw", dw, {D, F});
  expect("db", db, {F});
  expect("dx", dx, {n, D});
  const auto kind = activation_of(activation, false);
  if (!dz && kind != lstm::Activation::linear) fail("dz", "work space", "None");
  unlocked([&] {
    kernels->linear_backward(n, D, F, dy.data(), x.data(), w.data(), y.data(), kind, pointer(dz),
                             pointer(dw), pointer(db), pointer(dx));
  });
}

lstm::Conv1D conv_shape(const In& x, const In& w, int64_t steps, int64_t stride, int64_t dilation,
                        int64_t before) {
  const int64_t B = size("x", x, 3, 0), T = x.shape(1), C = x.shape(2);
  const int64_t K = size("w", w, 3, 0), F = w.shape(2);
  expect("w", w, {K, C, F});
  constexpr int64_t most = int64_t(1) << 31;
  if (stride < 1 || dilation < 1 || before < 0 || stride > most || dilation > most ||
      before > most || K > most)
    fail("stride, dilation, before", "positive numbers up to 2^31", "others");
  return {B, T, C, K, F, steps, stride, dilation, before};
}

void conv1d_forward(In x, In w, Maybe<In> b, int64_t stride, int64_t dilation, int64_t before,
                    int activation, Out y) {
  const auto s = conv_shape(x, w, size("y", y, 3, 1), stride, dilation, before);
  expect("b", b, {s.F});
  expect("y", y, {s.B, s.steps, s.F});
  const auto kind = activation_of(activation, false);
  unlocked([&] { kernels->conv1d_forward(s, x.data(), w.data(), pointer(b), kind, y.data()); });
}

void conv1d_backward(In dy, In x, In w, In y, int64_t stride, int64_t dilation, int64_t before,
                     int activation, Maybe<Out> dz, Maybe<Out> dw, Maybe<Out> db, Maybe<Out> dx) {
  const auto s = conv_shape(x, w, size("y", y, 3, 1), stride, dilation, before);
  expect("dy", dy, {s.B, s.steps, s.F});
  expect("y", y, {s.B, s.steps, s.F});
  expect("dz", dz, {s.B, s.steps, s.F});
  expect("dw", dw, {s.K, s.C, s.F});
  expect("db", db, {s.F});
  expect("dx", dx, {s.B, s.T, s.C});
  const auto kind = activation_of(activation, false);
  if (!dz && kind != lstm::Activation::linear) fail("dz", "work space", "None");
  unlocked([&] {
    kernels->conv1d_backward(s, dy.data(), x.data(), w.data(), y.data(), kind, pointer(dz),
                             pointer(dw), pointer(db), pointer(dx));
  });
}

void activation_forward(In x, int activation, Out y) {
  const int64_t rows = size("x", x, 2, 0), width = x.shape(1);
  expect("y", y, {rows, width});
  const auto kind = activation_of(activation, false);
  if (width) unlocked([&] { kernels->activation_forward(kind, rows, width, x.data(), y.data()); });
}

void activation_backward(In dy, In y, int activation, Out dx) {
  const int64_t rows = size("y", y, 2, 0), width = y.shape(1);
  expect("dy", dy, {rows, width});
  expect("dx", dx, {rows, width});
  const auto kind = activation_of(activation, false);
  if (width)
    unlocked(
        [&] { kernels->activation_backward(kind, rows, width, dy.data(), y.data(), dx.data()); });
}

void dropout(In x, In u, float rate, Out y) {
  const int64_t n = size("x", x, 1, 0);
  expect("u", u, {n});
  expect("y", y, {n});
  unlocked([&] { kernels->dropout(n, x.data(), u.data(), rate, y.data()); });
}

void embedding_forward(Tokens tokens, In w, Out y) {
  const int64_t n = size("tokens", tokens, 1, 0), V = size("w", w, 2, 0), E = w.shape(1);
  expect("y", y, {n, E});
  expect_tokens("tokens", tokens, V);
  unlocked([&] { kernels->embedding_forward(n, E, tokens.data(), w.data(), y.data()); });
}

void embedding_backward(In dy, Tokens tokens, Out dw) {
  const int64_t n = size("tokens", tokens, 1, 0), V = size("dw", dw, 2, 0), E = dw.shape(1);
  expect("dy", dy, {n, E});
  expect_tokens("tokens", tokens, V);
  unlocked([&] { kernels->embedding_backward(n, E, dy.data(), tokens.data(), dw.data()); });
}

// The target of a cross-entropy: classes (n) or rows (n, V), and the weight of each row.
void expect_targets(int64_t n, int64_t V, const Maybe<Tokens>& classes, const Maybe<In>& rows,
                    const Maybe<In>& weight) {
  if (classes.has_value() == rows.has_value()) fail("target", "either classes or rows", "both");
  if (V < 1) fail("z", "at least one class", "none");
  expect("classes", classes, {n});
  expect("rows", rows, {n, V});
  expect("weight", weight, {n});
  if (classes) expect_tokens("classes", *classes, V);
}

double softmax_cross_entropy_forward(In z, Maybe<Tokens> classes, Maybe<In> rows, Maybe<In> weight,
                                     Out log_p) {
  const int64_t n = size("z", z, 2, 0), V = z.shape(1);
  expect_targets(n, V, classes, rows, weight);
  expect("log_p", log_p, {n, V});
  return unlocked([&] {
    return kernels->softmax_cross_entropy_forward(n, V, z.data(), pointer(classes), pointer(rows),
                                                  pointer(weight), log_p.data());
  });
}

void softmax_cross_entropy_backward(In log_p, Maybe<Tokens> classes, Maybe<In> rows,
                                    Maybe<In> weight, Out dz) {
  const int64_t n = size("log_p", log_p, 2, 0), V = log_p.shape(1);
  expect_targets(n, V, classes, rows, weight);
  expect("dz", dz, {n, V});
  unlocked([&] {
    kernels->softmax_cross_entropy_backward(n, V, log_p.data(), pointer(classes), pointer(rows),
                                            pointer(weight), dz.data());
  });
}

double cross_entropy_forward(In p, Maybe<Tokens> classes, Maybe<In> rows, Maybe<In> weight) {
  const int64_t n = size("p", p, 2, 0), V = p.shape(1);
  expect_targets(n, V, classes, rows, weight);
  return unlocked([&] {
    return kernels->cross_entropy_forward(n, V, p.data(), pointer(classes), pointer(rows),
                                          pointer(weight));
  });
}

void cross_entropy_backward(In p, Maybe<Tokens> classes, Maybe<In> rows, Maybe<In> weight, Out dp) {
  const int64_t n = size("p", p, 2, 0), V = p.shape(1);
  expect_targets(n, V, classes, rows, weight);
  expect("dp", dp, {n, V});
  unlocked([&] {
    kernels->cross_entropy_backward(n, V, p.data(), pointer(classes), pointer(rows),
                                    pointer(weight), dp.data());
  });
}

double linear_cross_entropy(In x, In w, Maybe<In> b, Maybe<Tokens> classes, Maybe<In> rows,
                            Maybe<In> weight, Out z, Maybe<Out> dw, Maybe<Out> db, Maybe<Out> dx) {
  const int64_t n = size("x", x, 2, 0), D = x.shape(1), V = size("w", w, 2, 1);
  expect("w", w, {D, V});
  expect("b", b, {V});
  expect_targets(n, V, classes, rows, weight);
  const int64_t at_once = size("z", z, 2, 0);
  expect("z", z, {at_once, lstm::logits_pitch(V)});
  if (at_once < 1) fail("z", "at least one row", "none");
  expect("dw", dw, {D, V});
  expect("db", db, {V});
  expect("dx", dx, {n, D});
  const lstm::LinearCrossEntropy s{n,
                                   D,
                                   V,
                                   x.data(),
                                   w.data(),
                                   pointer(b),
                                   pointer(classes),
                                   pointer(rows),
                                   pointer(weight),
                                   at_once,
                                   z.data(),
                                   pointer(dw),
                                   pointer(db),
                                   pointer(dx)};
  return unlocked([&] { return kernels->linear_cross_entropy(s); });
}

double pointwise_loss(int loss, In y, In target, Maybe<In> weight, float delta, Out dy) {
  const int64_t n = size("y", y, 1, 0);
  expect("target", target, {n});
  expect("weight", weight, {n});
  expect("dy", dy, {n});
  if (loss < 0 || loss > 4) fail("loss", "a code", std::to_string(loss));
  return unlocked([&] {
    return kernels->pointwise_loss(lstm::PointwiseLoss(loss), n, y.data(), target.data(),
                                   pointer(weight), delta, dy.data());
  });
}

double clip_by_global_norm(Out g, double max_norm) {
  const int64_t n = size("g", g, 1, 0);
  return unlocked([&] {
    const double norm = std::sqrt(kernels->squared_norm(n, g.data()));
    if (norm > max_norm) kernels->scale(n, float(max_norm / norm), g.data());
    return norm;
  });
}

void sgd_step(Out p, In g, Out v, double lr, double momentum, bool nesterov) {
  const int64_t n = size("p", p, 1, 0);
  expect("g", g, {n});
  expect("v", v, {n});
  unlocked(
      [&] { kernels->sgd(n, p.data(), g.data(), v.data(), float(lr), float(momentum), nesterov); });
}

void rmsprop_step(Out p, In g, Out s, double lr, double rho, double eps) {
  const int64_t n = size("p", p, 1, 0);
  expect("g", g, {n});
  expect("s", s, {n});
  unlocked([&] {
    kernels->rmsprop(n, p.data(), g.data(), s.data(), float(lr), float(rho), float(eps));
  });
}

void adam_step(Out p, In g, Out m, Out v, int64_t step, double lr, double beta_1, double beta_2,
               double eps, double weight_decay) {
  const int64_t n = size("p", p, 1, 0);
  expect("g", g, {n});
  expect("m", m, {n});
  expect("v", v, {n});
  if (step < 1) fail("step", "at least 1", std::to_string(step));
  unlocked([&] {
    kernels->adam(n, p.data(), g.data(), m.data(), v.data(),
                  float(lr / (1 - std::pow(beta_1, double(step)))), float(beta_1), float(beta_2),
                  float(1 / std::sqrt(1 - std::pow(beta_2, double(step)))), float(eps),
                  float(1 - lr * weight_decay));
  });
}

void expect_choice(double temperature, int64_t top_k, double top_p) {
  if (!(temperature >= 0)) fail("temperature", "at least 0", std::to_string(temperature));
  if (top_k < 0) fail("top_k", "at least 0", std::to_string(top_k));
  if (!(top_p > 0)) fail("top_p", "above 0", std::to_string(top_p));
}

void sample(In z, Uniforms u, double temperature, int64_t top_k, double top_p, TokensOut out) {
  const int64_t B = size("z", z, 2, 0), V = z.shape(1);
  if (V < 1) fail("z", "at least one token", "none");
  expect("u", u, {B});
  expect("out", out, {B});
  expect_choice(temperature, top_k, top_p);
  unlocked(
      [&] { kernels->sample(B, V, z.data(), u.data(), temperature, top_k, top_p, out.data()); });
}

void generate(Tokens tokens, In embedding, std::vector<In> w, std::vector<In> r,
              std::vector<Maybe<In>> b, std::vector<Out> h, std::vector<Out> c, In w_out,
              Maybe<In> b_out, Uniforms u, double temperature, int64_t top_k, double top_p,
              TokensOut drawn) {
  const int64_t B = size("tokens", tokens, 1, 0), N = size("u", u, 2, 1);
  const int64_t V = size("embedding", embedding, 2, 0);
  const std::size_t depth = w.size();
  if (!depth || r.size() != depth || b.size() != depth || h.size() != depth || c.size() != depth)
    fail("layers", "as many of each array", "others");
  std::vector<lstm::GenerationLayer> layers;
  int64_t D = embedding.shape(1);
  for (std::size_t k = 0; k < depth; ++k) {
    const int64_t H = size("r", r[k], 2, 0);
    if (H < 1) fail("r", "at least one unit", "none");
    expect("w", w[k], {D, 4 * H});
    expect("r", r[k], {H, 4 * H});
    expect("b", b[k], {4 * H});
    expect("h", h[k], {B, H});
    expect("c", c[k], {B, H});
    layers.push_back({D, H, w[k].data(), r[k].data(), pointer(b[k]), h[k].data(), c[k].data()});
    D = H;
  }
  expect("w_out", w_out, {D, V});
  expect("b_out", b_out, {V});
  expect("u", u, {B, N});
  expect("drawn", drawn, {B, N});
  expect_tokens("tokens", tokens, V);
  expect_choice(temperature, top_k, top_p);
  if (B && V > (int64_t(1) << 40) / B) throw std::bad_alloc();  // for the logits
  const lstm::Generation s{B,
                           N,
                           V,
                           tokens.data(),
                           embedding.data(),
                           layers.data(),
                           int(depth),
                           w_out.data(),
                           pointer(b_out),
                           u.data(),
                           temperature,
                           top_k,
                           top_p,
                           drawn.data()};
  unlocked([&] { kernels->generate(s); });
}

void matmul(In a, In b, Out c) {
  const int64_t M = size("a", a, 2, 0), K = a.shape(1), N = size("b", b, 2, 1);
  expect("b", b, {K, N});
  expect("c", c, {M, N});
  unlocked([&] { kernels->matmul(M, N, K, a.data(), b.data(), c.data()); });
}

}  // namespace

NB_MODULE(_kernels, m) {
  m.def("instruction_set", [] { return std::string(kernels->name); });
  m.def("set_instruction_set", [](const std::string& name) {
    const lstm::Kernels* found = lstm::find_kernels(name.c_str());
    if (found) kernels = found;
    return found != nullptr;
  });
  m.def("num_threads", [] { return lstm::thread_count(); });
  m.def("set_num_threads", [](int count) {
    if (count < 1 || count > 4096) fail("count", "1 to 4096", std::to_string(count));
    lstm::set_thread_count(count);
  });
  const auto none = [](const char* name) { return nb::arg(name).none(); };
  const auto exact = [](const char* name) { return nb::arg(name).noconvert(); };
  const auto maybe_exact = [](const char* name) { return nb::arg(name).noconvert().none(); };
  m.def("empty", empty, "shape"_a);
  m.def("lstm_forward", lstm_forward, none("x"), maybe_exact("tokens"), "w"_a, "r"_a, none("b"),
        none("h0"), none("c0"), none("mask"), "reverse"_a, "activation"_a, "recurrent_activation"_a,
        maybe_exact("gates"), exact("c"), exact("y"));
  m.def("lstm_backward", lstm_backward, none("x"), maybe_exact("tokens"), "w"_a, "r"_a, none("h0"),
        none("c0"), none("mask"), "reverse"_a, "activation"_a, "recurrent_activation"_a,
        exact("gates"), "c"_a, "y"_a, none("dy"), exact("dh"), exact("dc"), maybe_exact("dw"),
        maybe_exact("dr"), maybe_exact("db"), maybe_exact("dx"));
  m.def("linear_forward", linear_forward, "x"_a, "w"_a, none("b"), "activation"_a, exact("y"));
  m.def("linear_backward", linear_backward, "dy"_a, "x"_a, "w"_a, "y"_a, "activation"_a,
        maybe_exact("dz"), maybe_exact("dw"), maybe_exact("db"), maybe_exact("dx"));
  m.def("conv1d_forward", conv1d_forward, "x"_a, "w"_a, none("b"), "stride"_a, "dilation"_a,
        "before"_a, "activation"_a, exact("y"));
  m.def("conv1d_backward", conv1d_backward, "dy"_a, "x"_a, "w"_a, "y"_a, "stride"_a, "dilation"_a,
        "before"_a, "activation"_a, maybe_exact("dz"), maybe_exact("dw"), maybe_exact("db"),
        maybe_exact("dx"));
  m.def("activation_forward", activation_forward, "x"_a, "activation"_a, exact("y"));
  m.def("activation_backward", activation_backward, "dy"_a, "y"_a, "activation"_a, exact("dx"));
  m.def("dropout", dropout, "x"_a, "u"_a, "rate"_a, exact("y"));
  m.def("embedding_forward", embedding_forward, exact("tokens"), "w"_a, exact("y"));
  m.def("embedding_backward", embedding_backward, "dy"_a, exact("tokens"), exact("dw"));
  m.def("softmax_cross_entropy_forward", softmax_cross_entropy_forward, "z"_a,
        maybe_exact("classes"), none("rows"), none("weight"), exact("log_p"));
  m.def("softmax_cross_entropy_backward", softmax_cross_entropy_backward, "log_p"_a,
        maybe_exact("classes"), none("rows"), none("weight"), exact("dz"));
  m.def("cross_entropy_forward", cross_entropy_forward, "p"_a, maybe_exact("classes"), none("rows"),
        none("weight"));
  m.def("cross_entropy_backward", cross_entropy_backward, "p"_a, maybe_exact("classes"),
        none("rows"), none("weight"), exact("dp"));
  m.def("linear_cross_entropy", linear_cross_entropy, "x"_a, "w"_a, none("b"),
        maybe_exact("classes"), none("rows"), none("weight"), exact("z"), maybe_exact("dw"),
        maybe_exact("db"), maybe_exact("dx"));
  m.def("pointwise_loss", pointwise_loss, "loss"_a, "y"_a, "target"_a, none("weight"), "delta"_a,
        exact("dy"));
  m.def("clip_by_global_norm", clip_by_global_norm, exact("g"), "max_norm"_a);
  m.def("sgd_step", sgd_step, exact("p"), "g"_a, exact("v"), "lr"_a, "momentum"_a, "nesterov"_a);
  m.def("rmsprop_step", rmsprop_step, exact("p"), "g"_a, exact("s"), "lr"_a, "rho"_a, "eps"_a);
  m.def("adam_step", adam_step, exact("p"), "g"_a, exact("m"), exact("v"), "step"_a, "lr"_a,
        "beta_1"_a, "beta_2"_a, "eps"_a, "weight_decay"_a);
  m.def("sample", sample, "z"_a, "u"_a, "temperature"_a, "top_k"_a, "top_p"_a, exact("out"));
  m.def("generate", generate, exact("tokens"), "embedding"_a, "w"_a, "r"_a, "b"_a, exact("h"),
        exact("c"), "w_out"_a, none("b_out"), "u"_a, "temperature"_a, "top_k"_a, "top_p"_a,
        exact("drawn"));
  m.def("matmul", matmul, "a"_a, "b"_a, exact("c"));
}

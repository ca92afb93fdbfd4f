// The layers in the Python module.

#include "bindings.h"

namespace bindings {
namespace {

using lstm::CellSizes;

// The sizes of a cell with these options, which it is checked to have.
CellSizes sizes_of(int cell, unsigned options) {
  if (cell < 0 || cell > 2) fail("cell", "a code", std::to_string(cell));
  lstm::RecurrentShape s{};
  s.cell = lstm::Cell(cell);
  s.options = options;
  const CellSizes sizes = kernels->cell_sizes(s);
  if (options & ~sizes.options) fail("options", "those of the cell", std::to_string(options));
  return sizes;
}

// An array is there just where it is wanted.
template <class A>
void expect_where(bool wanted, const char* name, const Maybe<A>& array,
                  std::initializer_list<int64_t> shape) {
  if (array.has_value() != wanted)
    fail(name, wanted ? "an array" : "None", wanted ? "None" : "an array");
  expect(name, array, shape);
}

template <class A>
void expect_bias(const char* name, const Maybe<A>& b, const CellSizes& n, int64_t H) {
  if (n.biases == 1)
    expect(name, b, {n.blocks * H});
  else
    expect(name, b, {n.biases, n.blocks * H});
}

// What both passes of a recurrent layer are given: its input, vectors (B, T, D) or tokens (B, T),
// its weights, first states and masks, and the shapes that follow.
template <class IO>
lstm::RecurrentShape recurrent_shape(int cell, unsigned options, const CellSizes& n,
                                     const Maybe<In>& x, const Maybe<Tokens>& tokens, const In& w,
                                     const In& r, const Maybe<In>& h0, const Maybe<In>& c0,
                                     const Maybe<Mask>& mask, const Maybe<In>& recurrent_mask,
                                     bool reverse, int activation, int recurrent_activation,
                                     IO& io) {
  if (x.has_value() == tokens.has_value()) fail("x", "either vectors or tokens", "both or none");
  const int64_t D = size("w", w, 2, 0), H = size("r", r, 2, 0);
  const int64_t B = x ? size("x", *x, 3, 0) : size("tokens", *tokens, 2, 0);
  const int64_t T = int64_t(x ? x->shape(1) : tokens->shape(1));
  expect("x", x, {B, T, D});
  if (tokens) expect_tokens("tokens", *tokens, D);
  expect("w", w, {D, n.blocks * H});
  expect("r", r, {H, n.blocks * H});
  expect("h0", h0, {B, H});
  expect("c0", c0, {B, H});
  if (c0 && !n.remembers) fail("c0", "None", "an array");
  expect("mask", mask, {B, T});
  expect("recurrent_mask", recurrent_mask, {B, H});
  io.x = pointer(x);
  io.tokens = pointer(tokens);
  io.w = w.data();
  io.r = r.data();
  io.h0 = pointer(h0);
  io.c0 = pointer(c0);
  io.mask = reinterpret_cast<const std::uint8_t*>(pointer(mask));
  io.recurrent_mask = pointer(recurrent_mask);
  return {B,
          T,
          D,
          H,
          lstm::Cell(cell),
          options,
          reverse,
          activation_of(activation, true),
          activation_of(recurrent_activation, true)};
}

void recurrent_forward(int cell, unsigned options, Maybe<In> x, Maybe<Tokens> tokens, In w, In r,
                       Maybe<In> b, Maybe<In> h0, Maybe<In> c0, Maybe<Mask> mask,
                       Maybe<In> recurrent_mask, bool reverse, int activation,
                       int recurrent_activation, Maybe<Out> gates, Maybe<Out> masked_h,
                       Maybe<Out> c, Out y, bool framed) {
  lstm::RecurrentForward io{};
  const auto n = sizes_of(cell, options);
  if (!framed && (cell || options)) fail("framed", "True, but for a plain LSTM", "False");
  const auto s = recurrent_shape(cell, options, n, x, tokens, w, r, h0, c0, mask, recurrent_mask,
                                 reverse, activation, recurrent_activation, io);
  expect_bias("b", b, n, s.H);
  if (framed || gates) expect_where(n.kept > 1, "gates", gates, {s.B, s.T, n.kept * s.H});
  if (gates || !n.remembers)
    expect_where(n.remembers, "c", c, {s.B, s.T, s.H});
  else
    expect_where(true, "c", c, {s.B, s.H});
  expect_where(recurrent_mask.has_value(), "masked_h", masked_h, {s.B, s.T, s.H});
  expect("y", y, {s.B, s.T, s.H});
  io.b = pointer(b);
  io.gates = pointer(gates);
  io.masked_h = pointer(masked_h);
  io.c = pointer(c);
  io.y = y.data();
  unlocked([&] { kernels->recurrent_forward(s, io, framed); });
}

void recurrent_backward(int cell, unsigned options, Maybe<In> x, Maybe<Tokens> tokens, In w, In r,
                        Maybe<In> h0, Maybe<In> c0, Maybe<Mask> mask, Maybe<In> recurrent_mask,
                        bool reverse, int activation, int recurrent_activation, Out gates,
                        Maybe<In> masked_h, Maybe<In> c, In y, Maybe<In> dy, Out dh, Maybe<Out> dc,
                        Maybe<Out> dw, Maybe<Out> dr, Maybe<Out> db, Maybe<Out> dx, bool framed) {
  lstm::RecurrentBackward io{};
  const auto n = sizes_of(cell, options);
  if (!framed && (cell || options)) fail("framed", "True, but for a plain LSTM", "False");
  const auto s = recurrent_shape(cell, options, n, x, tokens, w, r, h0, c0, mask, recurrent_mask,
                                 reverse, activation, recurrent_activation, io);
  expect("gates", gates, {s.B, s.T, n.kept * s.H});
  expect_where(recurrent_mask.has_value(), "masked_h", masked_h, {s.B, s.T, s.H});
  expect_where(n.remembers, "c", c, {s.B, s.T, s.H});
  expect("y", y, {s.B, s.T, s.H});
  expect("dy", dy, {s.B, s.T, s.H});
  expect("dh", dh, {s.B, s.H});
  expect_where(n.remembers, "dc", dc, {s.B, s.H});
  expect("dw", dw, {s.D, n.blocks * s.H});
  expect("dr", dr, {s.H, n.blocks * s.H});
  expect_bias("db", db, n, s.H);
  expect("dx", dx, {s.B, s.T, s.D});
  if (dx && tokens) fail("dx", "None for tokens", "an array");
  io.gates = gates.data();
  io.masked_h = pointer(masked_h);
  io.c = pointer(c);
  io.y = y.data();
  io.dy = pointer(dy);
  io.dh = dh.data();
  io.dc = pointer(dc);
  io.dw = pointer(dw);
  io.dr = pointer(dr);
  io.db = pointer(db);
  io.dx = pointer(dx);
  unlocked([&] { kernels->recurrent_backward(s, io, framed); });
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

void scale_features(In x, In factor, Out y) {
  const int64_t B = size("x", x, 3, 0), T = x.shape(1), C = x.shape(2);
  expect("factor", factor, {B, C});
  expect("y", y, {B, T, C});
  unlocked([&] { kernels->scale_features(B, T, C, x.data(), factor.data(), y.data()); });
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

}  // namespace

void add_layers(nb::module_& m) {
  m.def(
      "cell_sizes",
      [](int cell, unsigned options) {
        const CellSizes n = sizes_of(cell, options);
        return nb::make_tuple(n.blocks, n.kept, n.biases, n.remembers);
      },
      "cell"_a, "options"_a);
  m.def("recurrent_forward", recurrent_forward, "cell"_a, "options"_a, none("x"),
        maybe_exact("tokens"), "w"_a, "r"_a, none("b"), none("h0"), none("c0"), none("mask"),
        none("recurrent_mask"), "reverse"_a, "activation"_a, "recurrent_activation"_a,
        maybe_exact("gates"), maybe_exact("masked_h"), maybe_exact("c"), exact("y"), "framed"_a);
  m.def("recurrent_backward", recurrent_backward, "cell"_a, "options"_a, none("x"),
        maybe_exact("tokens"), "w"_a, "r"_a, none("h0"), none("c0"), none("mask"),
        none("recurrent_mask"), "reverse"_a, "activation"_a, "recurrent_activation"_a,
        exact("gates"), none("masked_h"), none("c"), "y"_a, none("dy"), exact("dh"),
        maybe_exact("dc"), maybe_exact("dw"), maybe_exact("dr"), maybe_exact("db"),
        maybe_exact("dx"), "framed"_a);
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
  m.def("scale_features", scale_features, "x"_a, "factor"_a, exact("y"));
  m.def("embedding_forward", embedding_forward, exact("tokens"), "w"_a, exact("y"));
  m.def("embedding_backward", embedding_backward, "dy"_a, exact("tokens"), exact("dw"));
}

}  // namespace bindings

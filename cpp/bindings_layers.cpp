// The layers in the Python module.

#include "bindings.h"

namespace bindings {
namespace {

// The input of a recurrent layer, vectors (B, T, D) or tokens (B, T), and the shapes that follow
// from it. Its kernels have as many columns for each unit as it has gates.
template <class IO>
lstm::RecurrentShape recurrent_shape(int gates, const Maybe<In>& x, const Maybe<Tokens>& tokens,
                                     const In& w, const In& r, const Maybe<In>& h0,
                                     const Maybe<Mask>& mask, const Maybe<In>& recurrent_mask,
                                     bool reverse, int activation, int recurrent_activation,
                                     IO& io) {
  if (x.has_value() == tokens.has_value()) fail("x", "either vectors or tokens", "both or none");
  const int64_t D = size("w", w, 2, 0), H = size("r", r, 2, 0);
  const int64_t B = x ? size("x", *x, 3, 0) : size("tokens", *tokens, 2, 0);
  const int64_t T = int64_t(x ? x->shape(1) : tokens->shape(1));
  expect("x", x, {B, T, D});
  if (tokens) expect_tokens("tokens", *tokens, D);
  expect("w", w, {D, gates * H});
  expect("r", r, {H, gates * H});
  expect("h0", h0, {B, H});
  expect("mask", mask, {B, T});
  expect("recurrent_mask", recurrent_mask, {B, H});
  io.x = pointer(x);
  io.tokens = pointer(tokens);
  io.w = w.data();
  io.r = r.data();
  io.h0 = pointer(h0);
  io.mask = reinterpret_cast<const std::uint8_t*>(pointer(mask));
  io.recurrent_mask = pointer(recurrent_mask);
  return {B,
          T,
          D,
          H,
          reverse,
          activation_of(activation, true),
          activation_of(recurrent_activation, true)};
}

// What the steps multiply r with is kept where a mask makes it differ from the outputs.
template <class A>
void expect_masked_h(const lstm::RecurrentShape& s, const Maybe<In>& recurrent_mask,
                     const Maybe<A>& masked_h) {
  expect("masked_h", masked_h, {s.B, s.T, s.H});
  if (recurrent_mask.has_value() != masked_h.has_value())
    fail("masked_h", recurrent_mask ? "an array" : "None", masked_h ? "an array" : "None");
}

void lstm_forward(Maybe<In> x, Maybe<Tokens> tokens, In w, In r, Maybe<In> b, Maybe<In> h0,
                  Maybe<In> c0, Maybe<Mask> mask, Maybe<In> recurrent_mask, bool reverse,
                  int activation, int recurrent_activation, Maybe<Out> gates, Maybe<Out> masked_h,
                  Out c, Out y) {
  lstm::LSTMForward io{};
  const auto s = recurrent_shape(4, x, tokens, w, r, h0, mask, recurrent_mask, reverse, activation,
                                 recurrent_activation, io);
  expect("c0", c0, {s.B, s.H});
  expect("b", b, {4 * s.H});
  expect("gates", gates, {s.B, s.T, 4 * s.H});
  if (gates)
    expect("c", c, {s.B, s.T, s.H});
  else
    expect("c", c, {s.B, s.H});
  expect("y", y, {s.B, s.T, s.H});
  expect_masked_h(s, recurrent_mask, masked_h);
  io.c0 = pointer(c0);
  io.b = pointer(b);
  io.gates = pointer(gates);
  io.masked_h = pointer(masked_h);
  io.c = c.data();
  io.y = y.data();
  unlocked([&] { kernels->lstm_forward(s, io); });
}

void lstm_backward(Maybe<In> x, Maybe<Tokens> tokens, In w, In r, Maybe<In> h0, Maybe<In> c0,
                   Maybe<Mask> mask, Maybe<In> recurrent_mask, bool reverse, int activation,
                   int recurrent_activation, Out gates, Maybe<In> masked_h, In c, In y,
                   Maybe<In> dy, Out dh, Out dc, Maybe<Out> dw, Maybe<Out> dr, Maybe<Out> db,
                   Maybe<Out> dx) {
  lstm::LSTMBackward io{};
  const auto s = recurrent_shape(4, x, tokens, w, r, h0, mask, recurrent_mask, reverse, activation,
                                 recurrent_activation, io);
  expect("c0", c0, {s.B, s.H});
  expect("gates", gates, {s.B, s.T, 4 * s.H});
  expect("c", c, {s.B, s.T, s.H});
  expect("y", y, {s.B, s.T, s.H});
  expect_masked_h(s, recurrent_mask, masked_h);
  expect("dy", dy, {s.B, s.T, s.H});
  expect("dh", dh, {s.B, s.H});
  expect("dc", dc, {s.B, s.H});
  expect("dw", dw, {s.D, 4 * s.H});
  expect("dr", dr, {s.H, 4 * s.H});
  expect("db", db, {4 * s.H});
  expect("dx", dx, {s.B, s.T, s.D});
  if (dx && tokens) fail("dx", "None for tokens", "an array");
  io.c0 = pointer(c0);
  io.gates = gates.data();
  io.masked_h = pointer(masked_h);
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

// What the passes of SimpleRNN and GRU share: the outputs of the forward pass.
void expect_outputs(const lstm::RecurrentShape& s, const Maybe<In>& recurrent_mask,
                    const Maybe<Out>& masked_h, const Out& y, lstm::RecurrentForward& io) {
  expect_masked_h(s, recurrent_mask, masked_h);
  expect("y", y, {s.B, s.T, s.H});
  io.masked_h = pointer(masked_h);
  io.y = y.data();
}

// The same of the backward pass; the bias is checked where its shape is known.
void expect_gradients(const lstm::RecurrentShape& s, int gates, const Maybe<In>& recurrent_mask,
                      const Maybe<In>& masked_h, const In& y, const Maybe<In>& dy, const Out& dh,
                      const Maybe<Out>& dw, const Maybe<Out>& dr, const Maybe<Out>& db,
                      const Maybe<Out>& dx, lstm::RecurrentBackward& io) {
  expect_masked_h(s, recurrent_mask, masked_h);
  expect("y", y, {s.B, s.T, s.H});
  expect("dy", dy, {s.B, s.T, s.H});
  expect("dh", dh, {s.B, s.H});
  expect("dw", dw, {s.D, gates * s.H});
  expect("dr", dr, {s.H, gates * s.H});
  expect("dx", dx, {s.B, s.T, s.D});
  if (dx && io.tokens) fail("dx", "None for tokens", "an array");
  io.masked_h = pointer(masked_h);
  io.y = y.data();
  io.dy = pointer(dy);
  io.dh = dh.data();
  io.dw = pointer(dw);
  io.dr = pointer(dr);
  io.db = pointer(db);
  io.dx = pointer(dx);
}

void rnn_forward(Maybe<In> x, Maybe<Tokens> tokens, In w, In r, Maybe<In> b, In h0,
                 Maybe<Mask> mask, Maybe<In> recurrent_mask, bool reverse, int activation,
                 Maybe<Out> masked_h, Out y) {
  lstm::RecurrentForward io{};
  const auto s =
      recurrent_shape(1, x, tokens, w, r, h0, mask, recurrent_mask, reverse, activation, 0, io);
  expect("b", b, {s.H});
  expect_outputs(s, recurrent_mask, masked_h, y, io);
  io.b = pointer(b);
  unlocked([&] { kernels->rnn_forward(s, io); });
}

void rnn_backward(Maybe<In> x, Maybe<Tokens> tokens, In w, In r, In h0, Maybe<Mask> mask,
                  Maybe<In> recurrent_mask, bool reverse, int activation, Maybe<In> masked_h, In y,
                  Maybe<In> dy, Out dh, Out dz, Maybe<Out> dw, Maybe<Out> dr, Maybe<Out> db,
                  Maybe<Out> dx) {
  lstm::RecurrentBackward io{};
  const auto s =
      recurrent_shape(1, x, tokens, w, r, h0, mask, recurrent_mask, reverse, activation, 0, io);
  expect("dz", dz, {s.B, s.T, s.H});
  expect("db", db, {s.H});
  expect_gradients(s, 1, recurrent_mask, masked_h, y, dy, dh, dw, dr, db, dx, io);
  io.dz = dz.data();
  unlocked([&] { kernels->rnn_backward(s, io); });
}

void gru_forward(Maybe<In> x, Maybe<Tokens> tokens, In w, In r, Maybe<In> b, In h0,
                 Maybe<Mask> mask, Maybe<In> recurrent_mask, bool reverse, int activation,
                 int recurrent_activation, Out gates, Maybe<Out> masked_h, Out y) {
  lstm::RecurrentForward io{};
  const auto s = recurrent_shape(3, x, tokens, w, r, h0, mask, recurrent_mask, reverse, activation,
                                 recurrent_activation, io);
  expect("b", b, {2, 3 * s.H});
  expect("gates", gates, {s.B, s.T, 4 * s.H});
  expect_outputs(s, recurrent_mask, masked_h, y, io);
  io.b = pointer(b);
  io.gates = gates.data();
  unlocked([&] { kernels->gru_forward(s, io); });
}

void gru_backward(Maybe<In> x, Maybe<Tokens> tokens, In w, In r, In h0, Maybe<Mask> mask,
                  Maybe<In> recurrent_mask, bool reverse, int activation, int recurrent_activation,
                  Out gates, Maybe<In> masked_h, In y, Maybe<In> dy, Out dh, Maybe<Out> dw,
                  Maybe<Out> dr, Maybe<Out> db, Maybe<Out> dx) {
  lstm::RecurrentBackward io{};
  const auto s = recurrent_shape(3, x, tokens, w, r, h0, mask, recurrent_mask, reverse, activation,
                                 recurrent_activation, io);
  expect("gates", gates, {s.B, s.T, 4 * s.H});
  expect("db", db, {2, 3 * s.H});
  expect_gradients(s, 3, recurrent_mask, masked_h, y, dy, dh, dw, dr, db, dx, io);
  io.dz = gates.data();
  unlocked([&] { kernels->gru_backward(s, io); });
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
  m.def("lstm_forward", lstm_forward, none("x"), maybe_exact("tokens"), "w"_a, "r"_a, none("b"),
        none("h0"), none("c0"), none("mask"), none("recurrent_mask"), "reverse"_a, "activation"_a,
        "recurrent_activation"_a, maybe_exact("gates"), maybe_exact("masked_h"), exact("c"),
        exact("y"));
  m.def("lstm_backward", lstm_backward, none("x"), maybe_exact("tokens"), "w"_a, "r"_a, none("h0"),
        none("c0"), none("mask"), none("recurrent_mask"), "reverse"_a, "activation"_a,
        "recurrent_activation"_a, exact("gates"), none("masked_h"), "c"_a, "y"_a, none("dy"),
        exact("dh"), exact("dc"), maybe_exact("dw"), maybe_exact("dr"), maybe_exact("db"),
        maybe_exact("dx"));
  m.def("rnn_forward", rnn_forward, none("x"), maybe_exact("tokens"), "w"_a, "r"_a, none("b"),
        "h0"_a, none("mask"), none("recurrent_mask"), "reverse"_a, "activation"_a,
        maybe_exact("masked_h"), exact("y"));
  m.def("rnn_backward", rnn_backward, none("x"), maybe_exact("tokens"), "w"_a, "r"_a, "h0"_a,
        none("mask"), none("recurrent_mask"), "reverse"_a, "activation"_a, none("masked_h"), "y"_a,
        none("dy"), exact("dh"), exact("dz"), maybe_exact("dw"), maybe_exact("dr"),
        maybe_exact("db"), maybe_exact("dx"));
  m.def("gru_forward", gru_forward, none("x"), maybe_exact("tokens"), "w"_a, "r"_a, none("b"),
        "h0"_a, none("mask"), none("recurrent_mask"), "reverse"_a, "activation"_a,
        "recurrent_activation"_a, exact("gates"), maybe_exact("masked_h"), exact("y"));
  m.def("gru_backward", gru_backward, none("x"), maybe_exact("tokens"), "w"_a, "r"_a, "h0"_a,
        none("mask"), none("recurrent_mask"), "reverse"_a, "activation"_a, "recurrent_activation"_a,
        exact("gates"), none("masked_h"), "y"_a, none("dy"), exact("dh"), maybe_exact("dw"),
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
  m.def("scale_features", scale_features, "x"_a, "factor"_a, exact("y"));
  m.def("embedding_forward", embedding_forward, exact("tokens"), "w"_a, exact("y"));
  m.def("embedding_backward", embedding_backward, "dy"_a, exact("tokens"), exact("dw"));
}

}  // namespace bindings

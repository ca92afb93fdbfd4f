// Losses and optimizers in the Python module.

#include <cmath>

#include "bindings.h"

namespace bindings {
namespace {

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

void rmsprop_step(Out p, In g, Out s, Maybe<Out> m, Maybe<Out> v, double lr, double rho,
                  double momentum, double eps) {
  const int64_t n = size("p", p, 1, 0);
  expect("g", g, {n});
  expect("s", s, {n});
  expect("m", m, {n});
  expect("v", v, {n});
  unlocked([&] {
    kernels->rmsprop(n, p.data(), g.data(), s.data(), pointer(m), pointer(v), float(lr), rho,
                     float(momentum), float(eps));
  });
}

void adam_step(Out p, In g, Out m, Out s, int64_t step, double lr, double beta_1, double beta_2,
               double eps, double weight_decay) {
  const int64_t n = size("p", p, 1, 0);
  expect("g", g, {n});
  expect("m", m, {n});
  expect("s", s, {n});
  if (step < 1) fail("step", "at least 1", std::to_string(step));
  const double unbiased =
      std::sqrt(1 - std::pow(beta_2, double(step))) / (1 - std::pow(beta_1, double(step)));
  unlocked([&] {
    kernels->adam(n, p.data(), g.data(), m.data(), s.data(), float(lr * unbiased), beta_1, beta_2,
                  float(eps), float(1 - lr * weight_decay));
  });
}

}  // namespace

void add_losses_and_optimizers(nb::module_& m) {
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
  m.def("rmsprop_step", rmsprop_step, exact("p"), "g"_a, exact("s"), maybe_exact("m"),
        maybe_exact("v"), "lr"_a, "rho"_a, "momentum"_a, "eps"_a);
  m.def("adam_step", adam_step, exact("p"), "g"_a, exact("m"), exact("s"), "step"_a, "lr"_a,
        "beta_1"_a, "beta_2"_a, "eps"_a, "weight_decay"_a);
}

}  // namespace bindings

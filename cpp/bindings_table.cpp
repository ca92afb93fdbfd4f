// The table: each operation in a line, as `bindings_operation.h` says. Checks, how arguments are
// passed, the types that Python knows and the cases of the tests follow from it.

#include "bindings.h"

namespace bindings {
namespace {

using lstm::Kernels;

struct Generation : lstm::Generation {
  int64_t E, H;  // sizes of the vectors, and of the last layer
  Layers<lstm::GenerationLayer> list;
};

const Operation* one_layer;

}  // namespace

// Each layer reads what the one below it gives, the first one vectors of E numbers.
template <>
Layers<lstm::GenerationLayer> checked_layers(int64_t B, int64_t E, int64_t H,
                                             const nb::list& given) {
  Layers<lstm::GenerationLayer> layers;
  for (const nb::handle item : given) {
    const auto call = layers.calls.emplace_back(new Call(*one_layer));
    const nb::tuple arrays(item);
    if (arrays.size() != 5) fail("layers", "five arrays for each", std::to_string(arrays.size()));
    for (std::size_t k = 0; k < 5; ++k) call->take(k, nb::handle(arrays[k]).ptr());
    call->check();
    const auto data = [&](std::size_t k) { return static_cast<float*>(call->data(k)); };
    if (call->size(0) != B || call->size(1) != E)
      fail("layers", std::to_string(B) + " states and " + std::to_string(E) + " inputs", "others");
    layers.each.push_back({B, E, call->size(2), data(0), data(1), data(2), data(3), data(4)});
    E = call->size(2);
  }
  if (layers.each.empty() || E != H) fail("layers", std::to_string(H) + " units at last", "others");
  return layers;
}

namespace {

// The passes of a cell with its options, which the shape says, on one path. Where no backward pass
// `follows`, nothing is kept of a step.
void add_recurrent(Table& table, const std::string& name, const lstm::RecurrentShape& shape,
                   lstm::RecurrentPath path, bool follows) {
  struct Forward : lstm::RecurrentShape, lstm::RecurrentForward {};
  struct Backward : lstm::RecurrentShape, lstm::RecurrentBackward {};
  using F = Forward;
  using B = Backward;
  const auto& kernels = table.kernels;
  const lstm::CellSizes n = kernels->cell_sizes(shape);
  const std::string N = times_H(n.blocks),
                    bias = n.biases == 2 ? "b?[2 " + N + "]" : "b?[" + N + "]";
  const bool lanes = path == lstm::RecurrentPath::lanes;
  const std::string dz = lanes ? "[B16 T 5H]" : "[B T " + times_H(n.kept) + "]";
  const std::string gates = follows && n.kept > 1 ? dz : "";
  const std::string c = !n.remembers ? "" : follows && !lanes ? "[B T H]" : "[B H]";
  const std::string inputs =
      "B T D H: x?[B T D], 0<=tokens<D?!x[B T], w[D " + N + "], r[H " + N + "], ";
  const auto packed = [&](const char* rows) {
    return lanes ? std::string() : "?[" + (rows + (" " + N)) + "64]";
  };
  const std::string panels = "packed_w" + packed("D") + ", packed_r" + packed("H") + ", ";
  const std::string steps =
      "h0?[B H], c0" + std::string(n.remembers ? "?[B H]" : "") +
      ", 0<=lengths<=T?[B], recurrent_mask?[B H], reverse, activation<5, recurrent_activation<5, "
      "gates";
  const std::string states = ", masked_h?recurrent_mask[B T H], c" + c + ", y[B T H]";
  table.add(name + "_forward", inputs + panels + bias + ", " + steps + gates + states,
            of_fields<F>(
                [=, &kernels](F& f) {
                  f.cell = shape.cell;
                  f.options = shape.options;
                  kernels->recurrent_forward(f, f, path);
                },
                &F::B, &F::T, &F::D, &F::H, &F::x, &F::tokens, &F::w, &F::r, &F::packed_w,
                &F::packed_r, &F::b, &F::h0, &F::c0, &F::lengths, &F::recurrent_mask, &F::reverse,
                &F::activation, &F::recurrent_activation, &F::gates, &F::masked_h, &F::c, &F::y));
  if (!follows) return;
  table.add(
      name + "_backward",
      inputs + steps + dz + states + ", dy?[B T H], dh[B H], dc" + (n.remembers ? "[B H]" : "") +
          ", dw?[D " + N + "], dr?[H " + N + "], d" + bias + ", dx?[B T D]",
      of_fields<B>(
          [=, &kernels](B& b) {
            b.cell = shape.cell;
            b.options = shape.options;
            kernels->recurrent_backward(b, b, path);
          },
          &B::B, &B::T, &B::D, &B::H, &B::x, &B::tokens, &B::w, &B::r, &B::h0, &B::c0, &B::lengths,
          &B::recurrent_mask, &B::reverse, &B::activation, &B::recurrent_activation, &B::gates,
          &B::masked_h, &B::c, &B::y, &B::dy, &B::dh, &B::dc, &B::dw, &B::dr, &B::db, &B::dx));
}

// Those of the plain LSTM, and the frame with every cell and all of its options, as `framed_lstm`
// and `framed_lstm_1`.
void add_recurrent(Table& table) {
  lstm::RecurrentShape shape{};
  using Path = lstm::RecurrentPath;
  add_recurrent(table, "lstm", shape, Path::fast, true);
  if (table.kernels->best_in_lanes(16, 1))  // that path exists
    add_recurrent(table, "lanes_lstm", shape, Path::lanes, true);
  add_recurrent(table, "inference_lstm", shape, Path::fast, false);
  for (int cell = 0; cell < lstm::cells; ++cell) {
    const std::string name = std::string("framed_") + lstm::cell_names[cell];
    shape = {};
    shape.cell = lstm::Cell(cell);
    const unsigned all = table.kernels->cell_sizes(shape).options;
    for (unsigned& some = shape.options; some <= all; ++some)
      if (!(some & ~all))
        add_recurrent(table, name + (some ? "_" + std::to_string(some) : ""), shape, Path::framed,
                      true);
  }
}

}  // namespace

void fill(Table& table) {
  const auto& kernels = table.kernels;
  table.add("matmul", "G M N K: x[G M K], y[G K N], z[G M N]", &Kernels::matmul);
  table.add("matmul_x_transposed", "G M N K: x[G K M], y[G K N], z[G M N]",
            &Kernels::matmul_x_transposed);
  table.add("matmul_y_transposed", "G M N K: x[G M K], y[G N K], z[G M N]",
            &Kernels::matmul_y_transposed);
  table.add("elementwise_forward", "n: function, x[...], y?[...], number, z[...]",
            &Kernels::elementwise_forward);
  table.add("elementwise_backward",
            "n: function, dz[...], x[...], y?[...], number, z[...], dx?[...], dy?[...]",
            &Kernels::elementwise_backward);
  table.add("sum", "A N C: x[A N C], y[A C]", &Kernels::sum);
  table.add("max", "A 1<=N C: x[A N C], y[A C]", &Kernels::max);
  table.add("cumulative_sum", "A N C: x[A N C], reverse, y[A N C]", &Kernels::cumulative_sum);
  table.add("numbers", "n: tokens[...], y[...]", &Kernels::numbers);
  table.add("one_hot", "n V: tokens[...], y[... V]", &Kernels::one_hot);
  table.add("fill", "n: value, y[...]", &Kernels::fill);
  table.add("add", "n: x[...], y[...]", &Kernels::add);
  table.add("multiply", "n: a[...], b[...], y[...]", &Kernels::multiply);
  table.add("scale", "n: x[...], factor, y[...]", &Kernels::scale);
  table.add("gather", "A N C M: x[A N C], 0<=index<N[M], y[A M C]", &Kernels::gather);
  table.add("scatter", "A N C M: x[A M C], 0<=index<N[M], y[A N C]", &Kernels::scatter);
  table.add("scatter_add", "A N C M: x[A M C], 0<=index<N[M], y[A N C]", &Kernels::scatter_add);
  table.add("transpose", "A N M C: x[A N M C], y[A M N C]", &Kernels::transpose);
  table.add("activation_forward", "n D: x[... D], activation, y[... D]",
            &Kernels::activation_forward);
  table.add("activation_backward", "n D: dy[... D], y[... D], activation, dx[... D]",
            &Kernels::activation_backward);
  table.add("dropout", "n: x?[...], seed, draw, 0<=rate<1, y[...]", &Kernels::dropout);
  table.add("uniform", "n: seed, draw, y[...]", &Kernels::uniform);
  table.add("scale_features", "B T C: x[B T C], factor[B C], y[B T C]", &Kernels::scale_features);
  table.add("embedding_forward", "n E: 0<=tokens<V[...], w[V E], y[... E]",
            &Kernels::embedding_forward);
  table.add("embedding_backward", "n E: dy[... E], 0<=tokens<V[...], dw[V E]",
            &Kernels::embedding_backward);
  table.add("pack_panels", "D F: w[D F], packed[D F64]", &Kernels::pack_panels);
  table.add("pack_gates", "D F: w[D F], packed[D F64]", &Kernels::pack_gates);
  table.add("pack_table", "D F: w[D F], b?[F], packed[D F64]", &Kernels::pack_table);
  table.add("linear_forward",
            "n D F: x[... D], w[D F], packed?[D F64], b?[F], activation, y[... F]",
            &Kernels::linear_forward);
  table.add("linear_backward",
            "n D F: dy[... F], x[... D], w[D F], y[... F], activation, dz?activation[... F],"
            " dw?[D F], db?[F], dx?[... D]",
            &Kernels::linear_backward);
  table.add("conv1d_forward",
            "B T C K<=1e9 F S: x[B T C], w[K C F], b?[F], 1<=stride<=1e9, 1<=dilation<=1e9,"
            " 0<=before<=1e9, activation, y[B S F]",
            &Kernels::conv1d_forward);
  table.add("conv1d_backward",
            "B T C K<=1e9 F S: dy[B S F], x[B T C], w[K C F], y[B S F], 1<=stride<=1e9,"
            " 1<=dilation<=1e9, 0<=before<=1e9, activation, dz?activation[B S F], dw?[K C F],"
            " db?[F], dx?[B T C]",
            &Kernels::conv1d_backward);
  add_recurrent(table);

  table.add("softmax_cross_entropy_forward",
            "n 1<=V: z[... V], 0<=classes<V?[...], rows?!classes[... V], weight?[...],"
            " log_p[... V]",
            &Kernels::softmax_cross_entropy_forward);
  table.add("softmax_cross_entropy_backward",
            "n 1<=V: log_p[... V], 0<=classes<V?[...], rows?!classes[... V], weight?[...],"
            " dz[... V]",
            &Kernels::softmax_cross_entropy_backward);
  table.add("cross_entropy_forward",
            "n 1<=V: p[... V], 0<=classes<V?[...], rows?!classes[... V], weight?[...]",
            &Kernels::cross_entropy_forward);
  table.add("cross_entropy_backward",
            "n 1<=V: p[... V], 0<=classes<V?[...], rows?!classes[... V], weight?[...], dp[... V]",
            &Kernels::cross_entropy_backward);
  using L = lstm::LinearCrossEntropy;
  table.add("linear_cross_entropy",
            "n D 1<=V 1<=R: x[... D], w[D V], b?[V], 0<=classes<V?[...], rows?!classes[... V],"
            " weight?[...], z[R V16], dw?[D V], db?[V], dx?[... D]",
            of_fields<L>([&kernels](const L& s) { return kernels->linear_cross_entropy(s); }, &L::n,
                         &L::D, &L::V, &L::rows_at_once, &L::x, &L::w, &L::b, &L::classes, &L::rows,
                         &L::weight, &L::z, &L::dw, &L::db, &L::dx));
  table.add("pointwise_loss", "n: loss, y[...], target[...], weight?[...], delta, dy[...]",
            &Kernels::pointwise_loss);
  table.add("ctc_forward",
            "B T 1<=C L: z[B T C], 0<=labels<C[B L], 0<=blank<C, mask?[B T], loss[B],"
            " slope[B T C]",
            &Kernels::ctc_forward);
  table.add("ctc_backward", "B T C: dloss[B], slope[B T C], dz[B T C]", &Kernels::ctc_backward);
  table.add("weighted_total", "n: values[...], weight?[...]", &Kernels::weighted_total);

  table.add("mix", "n: y[...], keep, x[...], share", &Kernels::mix);
  table.add("clip_by_norm", "P M: g[P], 0<=ends<=P[M], max_norm", &Kernels::clip_by_norm);
  table.add("clip_by_value", "n: g[...], limit", &Kernels::clip_by_value);
  table.add("sgd_step", "n: p[...], g[...], v[...], lr, momentum, nesterov", &Kernels::sgd);
  table.add("rmsprop_step", "n: p[...], g[...], s[...], m?[...], v?[...], lr, rho, momentum, eps",
            &Kernels::rmsprop);
  table.add("adagrad_step", "n: p[...], g[...], s[...], lr, eps", &Kernels::adagrad);
  table.add("adadelta_step", "n: p[...], g[...], s[...], a[...], lr, rho, eps", &Kernels::adadelta);
  table.add("adam_step",
            "n: p[...], g[...], m[...], s[...], s_max?[...], 1<=step, lr, beta_1, beta_2, eps",
            &Kernels::adam);
  table.add("adamax_step", "n: p[...], g[...], m[...], u[...], 1<=step, lr, beta_1, beta_2, eps",
            &Kernels::adamax);
  table.add("nadam_step", "n: p[...], g[...], m[...], s[...], 1<=step, lr, beta_1, beta_2, eps",
            &Kernels::nadam);
  table.add("ftrl_step", "n: p[...], g[...], s[...], z[...], lr, power, l1, l2, shrinkage, beta",
            &Kernels::ftrl);
  table.add("lion_step", "n: p[...], g[...], m[...], lr, beta_1, beta_2", &Kernels::lion);

  const std::string choice =
      " 0<=temperature, 0<=top_k, 0<top_p, 0<=min_p<=1, 0<repetition_penalty,";
  table.add("sample", "B 1<=V W: z[B V], u[B], -1<=recent<V[B W]," + choice + " out[B]",
            &Kernels::sample);
  using G = Generation;
  table.add("generate",
            "B N 1<=V W E H: 0<=tokens<V[B], embedding[V E], layers, w_out[H V64], b_out?[V],"
            " -1<=recent<V[B W], u[B N]," +
                choice + " drawn[B N]",
            of_fields<G>(
                [&kernels](G& g) {
                  g.layers = g.list.each.data();
                  g.depth = int(g.list.each.size());
                  kernels->generate(g);
                },
                &G::B, &G::N, &G::V, &G::W, &G::E, &G::H, &G::tokens, &G::embedding, &G::list,
                &G::w, &G::b, &G::recent, &G::u, &G::temperature, &G::top_k, &G::top_p, &G::min_p,
                &G::repetition_penalty, &G::drawn));
  const Kind in = Passing<const float*>::kind(), out = Passing<float*>::kind();
  one_layer =
      &table.declare("generation_layer", "B D 1<=H: w[D 4H64], r[H 4H64], b?[4H], h[B H], c[B H]",
                     {in, in, in, out, out});
}

}  // namespace bindings

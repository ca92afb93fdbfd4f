// The operations with int8 weights, in lines like those of `bindings_table.cpp`. The numbers of
// weights and their scales are two arrays.

#include "bindings.h"
#include "int8.h"

namespace bindings {
namespace {

using lstm::Int8Weights;

struct Recurrent : lstm::RecurrentShape, lstm::Int8Recurrent {
  const std::int8_t *w_values, *r_values;
  const float *w_scale, *r_scale;
};

// The forward pass of a cell with its options. What is kept of a step `follows` to whoever looks at
// it, or nothing is.
void add_recurrent(Table& table, const std::string& name, const lstm::RecurrentShape& shape,
                   bool follows) {
  const auto& kernels = table.kernels;
  const lstm::CellSizes n = kernels->cell_sizes(shape);
  const std::string N = times_H(n.blocks);
  const std::string bias = n.biases == 2 ? "b?[2 " + N + "]" : "b?[" + N + "]";
  const std::string gates = follows && n.kept > 1 ? "[B T " + times_H(n.kept) + "]" : "";
  const std::string c = !n.remembers ? "" : gates.empty() ? "[B H]" : "[B T H]";
  using R = Recurrent;
  table.add(name,
            "B T D<=131072 H<=131072: x?[B T D], 0<=tokens<V?!x[B T], w?x[" + N +
                "16 D4], w_scale?x[" + N + "], table?!x[V " + N + "], r[" + N + "16 H4], r_scale[" +
                N + "], " + bias + ", h0?[B H], c0" + (n.remembers ? "?[B H]" : "") +
                ", 0<=lengths<=T?[B], recurrent_mask?[B H], reverse, activation<5, "
                "recurrent_activation<5, gates" +
                gates + ", masked_h?recurrent_mask[B T H], c" + c + ", y[B T H]",
            of_fields<R>(
                [=, &kernels](R& f) {
                  f.cell = shape.cell;
                  f.options = shape.options;
                  f.int8_w = {f.w_values, f.w_scale};
                  f.int8_r = {f.r_values, f.r_scale};
                  int8_kernels_of(kernels)->recurrent(f, f);
                },
                &R::B, &R::T, &R::D, &R::H, &R::x, &R::tokens, &R::w_values, &R::w_scale, &R::w,
                &R::r_values, &R::r_scale, &R::b, &R::h0, &R::c0, &R::lengths, &R::recurrent_mask,
                &R::reverse, &R::activation, &R::recurrent_activation, &R::gates, &R::masked_h,
                &R::c, &R::y));
}

// `int8_lstm_forward`, with options `int8_lstm_1_forward`, and those that keep nothing.
void add_recurrent(Table& table) {
  for (int cell = 0; cell < lstm::cells; ++cell) {
    lstm::RecurrentShape shape{};
    shape.cell = lstm::Cell(cell);
    const lstm::CellSizes n = table.kernels->cell_sizes(shape);
    for (unsigned& some = shape.options; some <= n.options; ++some) {
      if (some & ~n.options) continue;
      std::string name = lstm::cell_names[cell];
      if (some) name += "_" + std::to_string(some);
      add_recurrent(table, "int8_" + name + "_forward", shape, true);
      if (n.kept > 1) add_recurrent(table, "int8_inference_" + name + "_forward", shape, false);
    }
  }
}

struct Generation : lstm::Int8Generation {
  int64_t M;  // numbers in a row of the output layer
  Layers<lstm::Int8GenerationLayer> list;
  const std::int8_t *embedding_values, *w_values;
  const float *embedding_scale, *w_scale;
};

const Operation* one_layer;

int64_t whole(int64_t D) {
  return (D + lstm::int8_depth - 1) / lstm::int8_depth * lstm::int8_depth;
}

}  // namespace

// Each layer reads what the one below it gives, the first one vectors of E numbers, and the output
// layer rows of M.
template <>
Layers<lstm::Int8GenerationLayer> checked_layers(int64_t B, int64_t E, int64_t M,
                                                 const nb::list& given) {
  Layers<lstm::Int8GenerationLayer> layers;
  if (E != whole(E)) fail("embedding", std::to_string(whole(E)) + " columns", std::to_string(E));
  for (const nb::handle item : given) {
    const auto call = layers.calls.emplace_back(new Call(*one_layer));
    const nb::tuple arrays(item);
    if (arrays.size() != 7) fail("layers", "seven arrays for each", std::to_string(arrays.size()));
    for (std::size_t k = 0; k < 7; ++k) call->take(k, nb::handle(arrays[k]).ptr());
    call->check();
    const auto weights = [&](std::size_t k) {
      return Int8Weights{static_cast<std::int8_t*>(call->data(k)),
                         static_cast<float*>(call->data(k + 1))};
    };
    const auto data = [&](std::size_t k) { return static_cast<float*>(call->data(k)); };
    if (call->size(0) != B || call->size(2) != whole(E))
      fail("layers", std::to_string(B) + " states and " + std::to_string(E) + " inputs", "others");
    layers.each.push_back({E, call->size(1), weights(0), weights(2), data(4), data(5), data(6)});
    E = call->size(1);
  }
  if (layers.each.empty() || whole(E) != M)
    fail("layers", "about " + std::to_string(M) + " units at last", "others");
  return layers;
}

void fill_int8(Table& table) {
  const auto& kernels = table.kernels;
  table.add("int8_linear_forward",
            "n D<=131072 F: x[... D], w[F16 D4], w_scale[F], b?[F], activation, y[... F]",
            std::function([&kernels](int64_t n, int64_t D, int64_t F, const float* x,
                                     const std::int8_t* w, const float* scale, const float* b,
                                     lstm::Activation activation, float* y) {
              int8_kernels_of(kernels)->linear(n, D, F, x, {w, scale}, b, activation, y);
            }));
  table.add("int8_embedding_forward", "n E: 0<=tokens<V[...], w[V16 E4], w_scale[V], y[... E]",
            std::function([&kernels](int64_t n, int64_t E, const int64_t* tokens,
                                     const std::int8_t* w, const float* scale, float* y) {
              int8_kernels_of(kernels)->embedding(n, E, tokens, {w, scale}, y);
            }));
  add_recurrent(table);
  using G = Generation;
  table.add(
      "int8_generate",
      "B N 1<=V W E<=131072 M<=131072: 0<=tokens<V[B], embedding[V16 E], "
      "embedding_scale[V], layers, w_out[V16 M], w_scale[V], b_out?[V], "
      "-1<=recent<V[B W], u[B N], 0<=temperature, 0<=top_k, 0<top_p, 0<=min_p<=1, "
      "0<repetition_penalty, drawn[B N]",
      of_fields<G>(
          [&kernels](G& g) {
            g.embedding = {g.embedding_values, g.embedding_scale};
            g.w = {g.w_values, g.w_scale};
            g.layers = g.list.each.data();
            g.depth = int(g.list.each.size());
            int8_kernels_of(kernels)->generate(g);
          },
          &G::B, &G::N, &G::V, &G::W, &G::E, &G::M, &G::tokens, &G::embedding_values,
          &G::embedding_scale, &G::list, &G::w_values, &G::w_scale, &G::b, &G::recent, &G::u,
          &G::temperature, &G::top_k, &G::top_p, &G::min_p, &G::repetition_penalty, &G::drawn));
  const Kind in = Passing<const float*>::kind(), out = Passing<float*>::kind();
  const Kind numbers = Passing<const std::int8_t*>::kind();
  one_layer = &table.declare(
      "int8_generation_layer",
      "B 1<=H<=131072 K: w[4H16 K], w_scale[4H], r[4H16 H4], r_scale[4H], b?[4H], h[B H], c[B H]",
      {numbers, in, numbers, in, in, out, out});
}

}  // namespace bindings

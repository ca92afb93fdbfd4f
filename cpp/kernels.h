// The contract in C++: every operation with shapes, layout, aliasing and ownership.
//
// Rules for all:
// - float32, int64 tokens, row-major and contiguous; batch first. Letters as in
// lstm.backends.contract.
// - The caller owns every array and has checked shapes and ranges; nothing is read or written
//   outside them. Outputs do not overlap inputs unless it is said. "added to": +=; others: =.
// - A pointer that may be null says so.
// - A kernel throws nothing but std::bad_alloc, and neither logs nor exits; scratch memory belongs
//   to the calling thread and is kept.
// - The same bits for any number of threads.
#pragma once

#include <cstdint>

namespace lstm {

using std::int64_t;

enum class Activation : int { linear, relu, tanh, sigmoid, hard_sigmoid, softmax };
enum class PointwiseLoss : int {
  squared_error,
  absolute_error,
  huber,
  binary_cross_entropy,
  sigmoid_cross_entropy
};
// Functions of numbers x and y, or of x alone, from exp on.
enum class Function : int {
  add,
  subtract,
  multiply,
  divide,
  maximum,
  minimum,
  power,
  less,
  less_equal,
  equal,
  keep,
  leaky_relu,
  elu,
  exp,
  log,
  sqrt,
  square,
  reciprocal,
  abs,
  sign,
  floor,
  softplus,
  erf,
  sin,
  cos
};
constexpr Function last(Function) { return Function::cos; }
constexpr Activation last(Activation) { return Activation::softmax; }
constexpr PointwiseLoss last(PointwiseLoss) { return PointwiseLoss::sigmoid_cross_entropy; }

// LSTM: gates i, f, g, o. GRU: u, s, g. SimpleRNN: no gates. Their kernels have N = blocks·H
// columns, one block for each gate, a SimpleRNN one block.
enum class Cell : int { lstm, gru, rnn };
constexpr const char* cell_names[] = {"lstm", "gru", "rnn"};
constexpr int cells = 3;

// Options of a cell, a bit for each. Coupled: an LSTM without a block for f, which is 1 - i.
enum LSTMOptions : unsigned { coupled = 1 };
// Reset before: a GRU whose reset gate multiplies h before r^g does, which has one bias.
enum GRUOptions : unsigned { reset_before = 1 };

struct RecurrentShape {
  int64_t B, T, D, H;
  Cell cell;
  unsigned options;  // of the cell, a bit for each
  bool reverse;
  Activation activation, recurrent_activation;  // not softmax; a SimpleRNN has only the first
  // Steps of each sequence (B), perhaps none, or null where all have T. The caller has put the
  // longest first, and asks for no reverse. Nobody may read what lies behind the end of a sequence
  // in y, c, gates, masked_h and dx, nor the final c of a sequence without steps; x, dy and tokens
  // hold numbers there, which are multiplied by 0.
  const int64_t* lengths;
};

// How it is computed: on the fast path of a plain LSTM, on that with sequences in the lanes of
// vectors, or in the frame of all cells with all options.
enum class RecurrentPath : int { fast, lanes, framed };

// What the sizes of arrays depend on.
struct CellSizes {
  int blocks, kept, biases;  // kept: blocks of `gates`; biases: rows of b
  bool remembers;  // whether there is a state c
  unsigned options;  // those that the cell may have
};

struct RecurrentForward {
  const float* x;  // (B, T, D), or null
  const int64_t* tokens;  // (B, T) where x is null: rows of the identity of size D
  const float* w;  // (D, N)
  const float* r;  // (H, N)
  const float *packed_w, *packed_r;  // what `pack_gates`, `pack_table` or, in the frame,
                                     // `pack_panels` made of w and r; or null
  const float* b;  // (N), of a GRU with a reset after (2, N): the input's side, the recurrent side;
                   // or null
  const float* h0;  // (B, H), or null for zeros
  const float* c0;  // (B, H), or null for zeros; only of an LSTM
  const float* recurrent_mask;  // (B, H), what h is multiplied with before r, or null for ones
  float* gates;  // what is kept of each step: of an LSTM (B, T, 4H), i, f, g, o, or null where no
                 // backward pass follows; of a GRU (B, T, 4H), u, s, g and q of g, or s⊙h that is
                 // reset before; of a SimpleRNN null. In lanes, 5H numbers of each step of B16
                 // sequences, B up to a multiple of 16: i, f, g, o (T, 4H, 16) of 16 sequences,
                 // then their c (T, H, 16)
  float* masked_h;  // (B, T, H): what each step multiplied r with; null without recurrent_mask
  float* c;  // of an LSTM (B, T, H): the cell after each step; without gates, or in lanes, (B, H),
             // the last
  float* y;  // (B, T, H)
};

struct RecurrentBackward {
  const float* x;  // as in the forward pass, to `recurrent_mask`
  const int64_t* tokens;
  const float *w, *r, *h0, *c0;
  const float* recurrent_mask;
  float* gates;  // what its forward pass left; overwritten. Of a SimpleRNN (B, T, H): work space
  const float *masked_h, *c, *y;  // what the forward pass left
  const float* dy;  // (B, T, H), or null for zeros
  float* dh;  // (B, H): in the gradient of h_n, out that of h0
  float* dc;  // of an LSTM (B, H): in the gradient of c_n, out that of c0
  float* dw;  // (D, N), added to, or null
  float* dr;  // (H, N), added to, or null
  float* db;  // (N), of a GRU (2, N), added to, or null
  float* dx;  // (B, T, D), or null
};

// Every row of logits takes up a multiple of this many floats in the work space.
constexpr int64_t logits_alignment = 16;
constexpr int64_t logits_pitch(int64_t V) {
  return (V + logits_alignment - 1) / logits_alignment * logits_alignment;
}

struct LinearCrossEntropy {
  int64_t n, D, V;
  const float *x, *w, *b;  // (n, D), (D, V), (V) or null
  const int64_t* classes;  // (n), or null where the targets are rows
  const float* rows;  // (n, V), or null where they are classes
  const float* weight;  // (n), or null for the mean; rows of weight 0 are not read
  int64_t rows_at_once;  // rows of logits that are computed together, at least 1
  float* z;  // (rows_at_once, logits_pitch(V)), work space
  float* dw;  // (D, V), added to, or null
  float* db;  // (V), added to, or null
  float* dx;  // (n, D), or null
};

struct GenerationLayer {
  int64_t B, D, H;
  const float *w, *r;  // (D, 4H), (H, 4H), as `pack_gates` made them
  const float* b;  // (4H) or null
  float *h, *c;  // (B, H): the state before, then after; updated in place
};

// How a token is chosen, as lstm.backends.contract.sample says.
struct Choice {
  double temperature;
  int64_t top_k;
  double top_p, min_p, repetition_penalty;
};

struct Generation : Choice {
  int64_t B, N, V, W;
  const int64_t* tokens;  // (B), the last token of each text
  const float* embedding;  // (V, layers[0].D)
  const GenerationLayer* layers;
  int depth;  // number of layers, at least 1
  const float *w, *b;  // (H, V) as `pack_panels` made it, (V) or null: the output layer
  const int64_t* recent;  // (B, W), the last tokens of each text, -1 where there is none
  const double* u;  // (B, N) uniforms
  int64_t* drawn;  // (B, N)
};

// One instruction set's kernels.
struct Kernels {
  const char* name;

  // G products z (M, N) = x (M, K)·y (K, N); of xᵀ from x (K, M), of yᵀ from y (N, K).
  void (*matmul)(int64_t G, int64_t M, int64_t N, int64_t K, const float* x, const float* y,
                 float* z);
  void (*matmul_x_transposed)(int64_t G, int64_t M, int64_t N, int64_t K, const float* x,
                              const float* y, float* z);
  void (*matmul_y_transposed)(int64_t G, int64_t M, int64_t N, int64_t K, const float* x,
                              const float* y, float* z);

  // z = f(x, y) of n numbers, where y is null f(x, number); dx, dy may be null, z is what the
  // forward pass gave.
  void (*elementwise_forward)(int64_t n, Function, const float* x, const float* y, float number,
                              float* z);
  void (*elementwise_backward)(int64_t n, Function, const float* dz, const float* x, const float* y,
                               float number, const float* z, float* dx, float* dy);
  // Along the middle axis of x (A, N, C): the sum, the largest, y (A, C), with N >= 1 for the
  // largest; sums of all up to each, or from each on, y (A, N, C).
  void (*sum)(int64_t A, int64_t N, int64_t C, const float* x, float* y);
  void (*max)(int64_t A, int64_t N, int64_t C, const float* x, float* y);
  void (*cumulative_sum)(int64_t A, int64_t N, int64_t C, const float* x, bool reverse, float* y);
  // y (n) = tokens; y (n, V) = 1 at each token, if it is in [0, V), else 0.
  void (*numbers)(int64_t n, const int64_t* tokens, float* y);
  void (*one_hot)(int64_t n, int64_t V, const int64_t* tokens, float* y);

  // n numbers: y = value, y += x, y = a·b, y = x·factor; y of the last two may be an argument.
  void (*fill)(int64_t n, float value, float* y);
  void (*add)(int64_t n, const float* x, float* y);
  void (*multiply)(int64_t n, const float* a, const float* b, float* y);
  void (*scale)(int64_t n, const float* x, float factor, float* y);
  // Along the middle axis: y (A, M, C) = x (A, N, C)[:, index]; and its reverse, y[:, index] = x,
  // or
  // += x.
  void (*gather)(int64_t A, int64_t N, int64_t C, int64_t M, const float* x, const int64_t* index,
                 float* y);
  void (*scatter)(int64_t A, int64_t N, int64_t C, int64_t M, const float* x, const int64_t* index,
                  float* y);
  void (*scatter_add)(int64_t A, int64_t N, int64_t C, int64_t M, const float* x,
                      const int64_t* index, float* y);
  // y (A, M, N, C) from x (A, N, M, C).
  void (*transpose)(int64_t A, int64_t N, int64_t M, int64_t C, const float* x, float* y);

  // y = φ(x), dx = dy·φ'; rows of `width` for softmax. y may be x, dx may be dy.
  void (*activation_forward)(int64_t rows, int64_t width, const float* x, Activation, float* y);
  void (*activation_backward)(int64_t rows, int64_t width, const float* dy, const float* y,
                              Activation, float* dx);

  // y = x·[u >= rate] / (1 - rate), n entries; u follows from (seed, draw), x may be null for ones,
  // rate is in [0, 1).
  void (*dropout)(int64_t n, const float* x, std::uint64_t seed, std::uint64_t draw, double rate,
                  float* y);

  // n numbers in (0, 1), which follow from (seed, draw).
  void (*uniform)(int64_t n, std::uint64_t seed, std::uint64_t draw, float* y);

  // y (B, T, C) = x (B, T, C)·factor (B, C), the same at every step.
  void (*scale_features)(int64_t B, int64_t T, int64_t C, const float* x, const float* factor,
                         float* y);

  // y (n, E) = w[tokens]; dw (V, E) is added to.
  void (*embedding_forward)(int64_t n, int64_t E, const int64_t* tokens, const float* w, float* y);
  void (*embedding_backward)(int64_t n, int64_t E, const float* dy, const int64_t* tokens,
                             float* dw);

  // What kernels make of weights before they multiply, for those of the same table: of a matrix
  // (D, F) the panels, of the kernel of an LSTM (F is 4H) those of unit groups, or for tokens a
  // table with b (F) or null. There is room for D rows of F up to a multiple of 64.
  void (*pack_panels)(int64_t D, int64_t F, const float* w, float* packed);
  void (*pack_gates)(int64_t D, int64_t F, const float* w, float* packed);
  void (*pack_table)(int64_t D, int64_t F, const float* w, const float* b, float* packed);

  // y (n, F) = φ(x (n, D)·w (D, F) + b (F) or null); packed: of `pack_panels`, or null.
  void (*linear_forward)(int64_t n, int64_t D, int64_t F, const float* x, const float* w,
                         const float* packed, const float* b, Activation, float* y);
  // dz (n, F) is work space and may be dy where the activation is linear; dw, db are added to, they
  // and dx may be null.
  void (*linear_backward)(int64_t n, int64_t D, int64_t F, const float* dy, const float* x,
                          const float* w, const float* y, Activation, float* dz, float* dw,
                          float* db, float* dx);

  // y (B, steps, F) from x (B, T, C), w (K, C, F), b (F) or null; `before` zeros stand in front of
  // the sequence.
  void (*conv1d_forward)(int64_t B, int64_t T, int64_t C, int64_t K, int64_t F, int64_t steps,
                         const float* x, const float* w, const float* b, int64_t stride,
                         int64_t dilation, int64_t before, Activation, float* y);
  void (*conv1d_backward)(int64_t B, int64_t T, int64_t C, int64_t K, int64_t F, int64_t steps,
                          const float* dy, const float* x, const float* w, const float* y,
                          int64_t stride, int64_t dilation, int64_t before, Activation, float* dz,
                          float* dw, float* db, float* dx);

  CellSizes (*cell_sizes)(const RecurrentShape&);  // of its cell and options
  // Whether a plain LSTM of H units keeps what it needs of B sequences best in lanes: never where
  // factors are rounded.
  bool (*best_in_lanes)(int64_t B, int64_t H);
  // Outside the frame a plain LSTM without options; the backward pass on the path of the forward.
  void (*recurrent_forward)(const RecurrentShape&, const RecurrentForward&, RecurrentPath);
  void (*recurrent_backward)(const RecurrentShape&, const RecurrentBackward&, RecurrentPath);

  // Σ weight·loss over n rows of V logits; weight (n) or null for the mean. Targets are classes (n)
  // or rows (n, V), the other is null. log_p (n, V) gets the log-probabilities.
  double (*softmax_cross_entropy_forward)(int64_t n, int64_t V, const float* z,
                                          const int64_t* classes, const float* rows,
                                          const float* weight, float* log_p);
  // dz (n, V) may be log_p.
  void (*softmax_cross_entropy_backward)(int64_t n, int64_t V, const float* log_p,
                                         const int64_t* classes, const float* rows,
                                         const float* weight, float* dz);
  double (*cross_entropy_forward)(int64_t n, int64_t V, const float* p, const int64_t* classes,
                                  const float* rows, const float* weight);
  void (*cross_entropy_backward)(int64_t n, int64_t V, const float* p, const int64_t* classes,
                                 const float* rows, const float* weight, float* dp);
  // Σ weight·loss over n rows of the V logits x·w + b, and the gradients that are wanted.
  double (*linear_cross_entropy)(const LinearCrossEntropy&);
  // Σ weight·loss over n entries, and dy (n); weight (n) or null for the mean.
  double (*pointwise_loss)(int64_t n, PointwiseLoss, const float* y, const float* target,
                           const float* weight, float delta, float* dy);

  // Connectionist temporal classification of z (B, T, C) as labels (B, L), of each example up to
  // the first that is `blank`; mask (B, T), 0 where a step is skipped, or null. loss (B), infinite
  // where there are too few steps, and slope (B, T, C), its gradient, where it is infinite 0.
  void (*ctc_forward)(int64_t B, int64_t T, int64_t C, int64_t L, const float* z,
                      const int64_t* labels, int64_t blank, const std::uint8_t* mask, float* loss,
                      float* slope);
  // dz (B, T, C) = dloss (B)·slope.
  void (*ctc_backward)(int64_t B, int64_t T, int64_t C, const float* dloss, const float* slope,
                       float* dz);

  // Σ weight·value over n entries; weight (n) or null for the mean.
  double (*weighted_total)(int64_t n, const float* values, const float* weight);

  // Optimizers over n parameters; p and the slots are updated in place.
  // y = keep·y + share·x; x may be y.
  void (*mix)(int64_t n, float* y, double keep, const float* x, double share);
  // Each of the M parts of g that end at `ends`, one after the other, is scaled down to max_norm.
  // Returns the norm of all before.
  double (*clip_by_norm)(int64_t n, int64_t M, float* g, const int64_t* ends, double max_norm);
  void (*clip_by_value)(int64_t n, float* g, float limit);
  void (*sgd)(int64_t n, float* p, const float* g, float* v, float lr, float momentum,
              bool nesterov);
  // m and v may be null: not centered, no momentum. Memories near 1 are doubles: of 0.999f, what is
  // missing to 1 has only three digits left.
  void (*rmsprop)(int64_t n, float* p, const float* g, float* s, float* m, float* v, float lr,
                  double rho, float momentum, float eps);
  void (*adagrad)(int64_t n, float* p, const float* g, float* s, float lr, float eps);
  void (*adadelta)(int64_t n, float* p, const float* g, float* s, float* a, float lr, double rho,
                   float eps);
  // s_max may be null: no AMSGrad.
  void (*adam)(int64_t n, float* p, const float* g, float* m, float* s, float* s_max, int64_t step,
               double lr, double beta_1, double beta_2, float eps);
  void (*adamax)(int64_t n, float* p, const float* g, float* m, float* u, int64_t step, double lr,
                 double beta_1, double beta_2, float eps);
  void (*nadam)(int64_t n, float* p, const float* g, float* m, float* s, int64_t step, double lr,
                double beta_1, double beta_2, float eps);
  void (*ftrl)(int64_t n, float* p, const float* g, float* s, float* z, float lr, float power,
               float l1, float l2, float shrinkage, float beta);
  void (*lion)(int64_t n, float* p, const float* g, float* m, float lr, double beta_1,
               double beta_2);

  // One token for each of B rows of V logits, as lstm.backends.contract.sample says; u (B), recent
  // (B, W), of which -1 stands for none.
  void (*sample)(int64_t B, int64_t V, int64_t W, const float* z, const double* u,
                 const int64_t* recent, double temperature, int64_t top_k, double top_p,
                 double min_p, double repetition_penalty, int64_t* out);

  // B texts of N tokens each; the states end before the last token drawn.
  void (*generate)(const Generation&);
};

// The kernels compiled for one instruction set; null where this build has none.
const Kernels* kernels_baseline();
const Kernels* kernels_avx2();
const Kernels* kernels_avx512();
const Kernels* kernels_avx512_bf16();
const Kernels* kernels_amx();

// Those for the machine it runs on, and by name ("baseline", "avx2", "avx512"; null if the machine
// or the build lacks it).
const Kernels* best_kernels();
const Kernels* find_kernels(const char* name);

// Those that round both factors of every matrix product to bfloat16, also by name ("avx512_bf16",
// "amx"); null if the machine or the build lacks them.
const Kernels* bfloat16_kernels();
const Kernels* find_bfloat16_kernels(const char* name);

}  // namespace lstm

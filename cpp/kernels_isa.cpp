// All kernels for one instruction set: compiled once for each, with LSTM_ISA its name.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

#include "kernels.h"
#include "memory.h"
#include "thread_pool.h"
#include "vmath.h"

namespace lstm::LSTM_ISA {

// Each of these files is a part of the body of this namespace.
#include "transposed.inl"
#include "tile.inl"
#include "gemm.inl"
#include "activations.inl"
#include "layers.inl"
#include "arrays.inl"
#include "arithmetic.inl"
#include "losses.inl"
#include "ctc.inl"
#include "optimizers.inl"
#include "philox.inl"
#include "linear_cross_entropy.inl"
#include "recurrent.inl"
#include "lstm.inl"
#include "lstm_fast.inl"
#include "sequence_lanes.inl"
#include "lstm_lanes.inl"
#include "lstm_lanes_backward.inl"
#include "gru.inl"
#include "gru_reset_before.inl"
#include "rnn.inl"
#include "cells.inl"
#include "conv1d.inl"
#include "sampling.inl"
#include "generate.inl"

constexpr Kernels table = {
#define LSTM_NAME(isa) #isa
#define LSTM_NAME_OF(isa) LSTM_NAME(isa)
    LSTM_NAME_OF(LSTM_ISA),
    matmul,
    matmul_x_transposed,
    matmul_y_transposed,
    elementwise_forward,
    elementwise_backward,
    sum,
    max,
    cumulative_sum,
    numbers,
    one_hot,
    fill,
    add,
    multiply,
    scale,
    gather,
    scatter,
    scatter_add,
    transpose,
    activation_forward,
    activation_backward,
    dropout,
    uniform,
    scale_features,
    embedding_forward,
    embedding_backward,
    pack_panels,
    pack_gates,
    pack_table,
    linear_forward,
    linear_backward,
    conv1d_forward,
    conv1d_backward,
    cell_sizes,
    best_in_lanes,
    recurrent_forward,
    recurrent_backward,
    softmax_cross_entropy_forward,
    softmax_cross_entropy_backward,
    cross_entropy_forward,
    cross_entropy_backward,
    linear_cross_entropy,
    pointwise_loss,
    ctc_forward,
    ctc_backward,
    weighted_total,
    mix,
    clip_by_norm,
    clip_by_value,
    sgd,
    rmsprop,
    adagrad,
    adadelta,
    adam,
    adamax,
    nadam,
    ftrl,
    lion,
    sample,
    generate,
};

}  // namespace lstm::LSTM_ISA

#define LSTM_GETTER(isa) kernels_##isa
#define LSTM_GETTER_OF(isa) LSTM_GETTER(isa)

namespace lstm {
const Kernels* LSTM_GETTER_OF(LSTM_ISA)() { return &LSTM_ISA::table; }
}  // namespace lstm

// The int8 kernels for one instruction set. Like kernels_isa.cpp, but compiled without fused
// multiply-adds, so that all of them give the same bits, and in a namespace of its own: of a
// function that both contain, the linker must not keep one for both.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

#undef LSTM_ISA
#if defined(__AVX512VNNI__)
#define LSTM_ISA int8_avx512
#elif defined(__AVX2__)
#define LSTM_ISA int8_avx2
#else
#define LSTM_ISA int8_baseline
#endif

#include "int8.h"
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
#include "recurrent.inl"
#include "lstm.inl"
#include "gru.inl"
#include "gru_reset_before.inl"
#include "rnn.inl"
#include "sampling.inl"
#include "int8_product.inl"
#include "int8_layers.inl"
#include "int8_recurrent.inl"
#include "int8_generate.inl"

constexpr Int8Kernels table = {int8_linear, int8_embedding, int8_recurrent, int8_generate};

}  // namespace lstm::LSTM_ISA

#define LSTM_GETTER(isa) kernels_##isa
#define LSTM_GETTER_OF(isa) LSTM_GETTER(isa)

namespace lstm {
const Int8Kernels* LSTM_GETTER_OF(LSTM_ISA)() { return &LSTM_ISA::table; }
}  // namespace lstm

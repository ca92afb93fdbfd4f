// Chooses the int8 kernels that go with an instruction set.

#include <cstring>

#include "int8.h"

#if defined(LSTM_X86)
#include <cpuid.h>
#endif

namespace lstm {

#if defined(LSTM_AVX512)
namespace {

bool has_vnni() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1u << 11;
}

}  // namespace
#endif

const Int8Kernels* int8_kernels_of(const Kernels* kernels) {
#if defined(LSTM_AVX512)
  static const bool vnni = has_vnni();
  if (vnni && std::strstr(kernels->name, "avx512")) return kernels_int8_avx512();
#endif
#if defined(LSTM_X86)
  if (std::strcmp(kernels->name, "baseline")) return kernels_int8_avx2();
#endif
  return kernels_int8_baseline();
}

}  // namespace lstm

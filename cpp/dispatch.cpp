// Chooses the kernels for the machine that the program runs on.

#include <cstring>
#include <initializer_list>

#include "kernels.h"

#if defined(LSTM_X86)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace lstm {

#if defined(LSTM_X86)
namespace {

// The level of x86-64 that the processor and the system support: 3 has AVX2 and FMA, 4 has AVX-512.
// Asked by hand because the compilers' own function needs a library that clang-cl does not link.
int x86_level() {
  const auto has = [](unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; };
  unsigned a, b, c, d, basic, more, extended;
  if (!__get_cpuid(1, &a, &b, &basic, &d) || !__get_cpuid_count(7, 0, &a, &more, &c, &d) ||
      !__get_cpuid(0x80000001, &a, &b, &extended, &d))
    return 1;
  // FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT.
  if (!has(basic, 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29) ||
      !has(more, 1u << 3 | 1u << 5 | 1u << 8) || !has(extended, 1u << 5))
    return 1;
  // Which registers the system saves when it switches between programs.
  unsigned saved;
  __asm__("xgetbv" : "=a"(saved), "=d"(d) : "c"(0));
  if (!has(saved, 0x06)) return 1;
  // AVX-512 F, DQ, CD, BW, VL.
  const bool avx512 = has(more, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31);
  return avx512 && has(saved, 0xe6) ? 4 : 3;
}

bool has_avx512_bf16() {
  unsigned a, b, c, d;
  return x86_level() >= 4 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5);
}

// Tiles of bfloat16, for which Linux asks a process to ask: it saves 8 KiB more of each thread
// then.
bool has_amx() {
#if defined(__linux__)
  unsigned a, b, c, d, saved;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & 1u << 22) || !(d & 1u << 24)) return false;
  __asm__("xgetbv" : "=a"(saved), "=d"(d) : "c"(0));
  constexpr long permit = 0x1023, tiles = 18;  // ARCH_REQ_XCOMP_PERM, XTILEDATA
  return (saved & 3u << 17) == 3u << 17 && syscall(SYS_arch_prctl, permit, tiles) == 0;
#else
  return false;
#endif
}

}  // namespace
#else
const Kernels* kernels_avx2() { return nullptr; }
bool has_avx512_bf16() { return false; }
bool has_amx() { return false; }
#endif
#if !defined(LSTM_AVX512)
const Kernels* kernels_avx512() { return nullptr; }
#endif
#if !defined(LSTM_AVX512_BF16)
const Kernels* kernels_avx512_bf16() { return nullptr; }
#endif
#if !defined(LSTM_HAS_AMX)
const Kernels* kernels_amx() { return nullptr; }
#endif

const Kernels* find_kernels(const char* name) {
#if defined(LSTM_X86)
  static const int level = x86_level();
  if (!std::strcmp(name, "avx512")) return level >= 4 ? kernels_avx512() : nullptr;
  if (!std::strcmp(name, "avx2")) return level >= 3 ? kernels_avx2() : nullptr;
#endif
  return std::strcmp(name, "baseline") ? nullptr : kernels_baseline();
}

const Kernels* best_kernels() {
  for (const char* name : {"avx512", "avx2"})
    if (const Kernels* found = find_kernels(name)) return found;
  return kernels_baseline();
}

const Kernels* find_bfloat16_kernels(const char* name) {
  static const bool tiles = has_avx512_bf16() && kernels_amx() && has_amx();
  if (!std::strcmp(name, "amx")) return tiles ? kernels_amx() : nullptr;
  return !std::strcmp(name, "avx512_bf16") && has_avx512_bf16() ? kernels_avx512_bf16() : nullptr;
}

const Kernels* bfloat16_kernels() {
  const Kernels* found = find_bfloat16_kernels("amx");
  return found ? found : find_bfloat16_kernels("avx512_bf16");
}

}  // namespace lstm

// The instruction sets that the SIMD files are compiled for: on x86 plain C++ (every machine), AVX2 and AVX-512. What
// lies between is not worth its compile time. Include before any Highway header.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)

#include "hwy/targets.h"
#include "kernels/cpu/isa.h"

namespace starnest::cpu {

// Highway's targets that an instruction set allows. Its bits fall as targets rise.
inline int64_t highway_targets(Isa isa) {
#if HWY_ARCH_X86
  if (isa == Isa::portable) return ~int64_t{HWY_AVX2 | (HWY_AVX2 - 1)};
  if (isa == Isa::avx2) return ~int64_t{HWY_AVX3 | (HWY_AVX3 - 1)};
#endif
  (void)isa;
  return ~int64_t{0};
}

}  // namespace starnest::cpu

// In a file with HWY_EXPORT(op): the op as compiled for the best target that `isa` allows and the machine has.
#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0
#define STARNEST_OP_FOR(op, isa) ((void)(isa), HWY_DISPATCH_TABLE(op)[0])
#else
#define STARNEST_OP_FOR(op, isa) \
  HWY_DISPATCH_TABLE(op)[starnest::cpu::highway_index<HWY_CHOSEN_TARGET_MASK_TARGETS>(isa)]

namespace starnest::cpu {

template <int64_t compiled>
size_t highway_index(Isa isa) {
  hwy::ChosenTarget chosen;
  chosen.Update(hwy::SupportedTargets() & highway_targets(isa));
  return chosen.GetIndex();
}

}  // namespace starnest::cpu
#endif

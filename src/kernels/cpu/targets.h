// The instruction sets that the SIMD files are compiled for: on x86 plain C++ (every machine), AVX2 and AVX-512. What
// lies between is not worth its compile time. Include before any Highway header.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)

// Number formats of stored tensors, and the scalar codecs between them and F32.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starnest {

enum class DType { f32, bf16, f16, f8_e4m3, u8, i64 };

size_t size_of(DType dtype);            // bytes per element
std::string_view name_of(DType dtype);  // the safetensors name: "F32", "BF16", "F16", "F8_E4M3", "U8", "I64"
std::optional<DType> dtype_named(std::string_view name);

struct bf16 {
  uint16_t bits;
};

struct fp8 {  // E4M3
  uint8_t bits;
};

inline float to_f32(float x) { return x; }
inline float to_f32(bf16 x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

// Round to nearest, ties to even; NaN stays NaN.
inline bf16 to_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {uint16_t((bits >> 16) | 0x40u)};
  return {uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

float f16_to_f32(uint16_t bits);
uint16_t to_f16(float x);  // to the nearest, ties to even; beyond 65504 infinity; NaN stays NaN
// E4M3 (fn): bias 7, largest 448, no infinity, 0x7F and 0xFF are NaN, subnormal step 2^-9.
float e4m3_to_f32(uint8_t bits);
const std::array<float, 256>& e4m3_table();  // of all codes, for loops
// To the nearest, ties to even; beyond 448, infinities included, it is 448. NaN stays NaN.
uint8_t to_e4m3(float x);

// Element `index` of a floating-point buffer as F32. U8 and I64 are converted by value.
float load_f32(DType dtype, const std::byte* data, size_t index);
// The first `count` elements, as F32 into `out`, which need not be aligned.
void load_all_f32(DType dtype, const std::byte* data, size_t count, std::byte* out);

}  // namespace starnest

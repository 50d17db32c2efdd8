#include "kernels/cpu/activations.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/dtype.h"
#include "base/quantized.h"

namespace starnest::cpu {
namespace {

void pack_floats(const float* x, size_t columns, float factor, uint32_t* out, size_t stride) {
  for (size_t k = 0; k < columns; ++k, out += stride) *out = std::bit_cast<uint32_t>(x[k] * factor);
}

void pack_pairs(const float* x, size_t columns, float factor, uint32_t* out, size_t stride) {
  size_t k = 0;
  for (; k + 2 <= columns; k += 2, out += stride)
    *out = uint32_t{to_bf16(x[k] * factor).bits} | uint32_t{to_bf16(x[k + 1] * factor).bits} << 16;
  if (k < columns) *out = to_bf16(x[k] * factor).bits;
}

constexpr float kLargestInt8 = 127.0f;
constexpr float kZeroBlock = 0x1p-100f;  // below it a block counts as zero
// Added to a small number, it leaves the nearest integer (ties to even) in the low bits.
constexpr float kRounding = 0x1.8p23f;

float magnitude(const float* block) {
  float largest = 0;
  for (size_t k = 0; k < kNvfp4Block; ++k) largest = std::max(largest, std::fabs(block[k]));
  return largest;
}

bool all_finite(const float* block) {
  bool finite = true;
  for (size_t k = 0; k < kNvfp4Block; ++k) finite &= std::fabs(block[k]) <= std::numeric_limits<float>::max();
  return finite;
}

void pack_block(const float* block, float factor, uint32_t* out, size_t stride) {
  const float largest = magnitude(block);
  // NaN and infinities must not get lost: they become a scale of NaN.
  float scale = largest / kLargestInt8 * factor, steps = kLargestInt8 / largest;
  if (largest < kZeroBlock) scale = steps = 0;
  if (!all_finite(block)) {
    scale = std::numeric_limits<float>::quiet_NaN();
    steps = 0;
  }
  int32_t sum = 0;
  for (size_t word = 0; word < kNvfp4Block / 4; ++word) {
    uint32_t bytes = 0;
    for (size_t i = 0; i < 4; ++i) {
      const float x = steps == 0 ? 0.0f : block[word * 4 + i] * steps;
      const auto rounded = int8_t(std::bit_cast<uint32_t>(x + kRounding) & 0xffu);
      sum += rounded;
      bytes |= uint32_t(uint8_t(rounded)) << (8 * i);
    }
    out[word * stride] = bytes;
  }
  out[4 * stride] = std::bit_cast<uint32_t>(scale);
  out[5 * stride] = uint32_t(-12 * sum);
}

}  // namespace

size_t words_of(Activations reads, size_t columns) {
  switch (reads) {
    case Activations::f32:
      return columns;
    case Activations::bf16_pairs:
      return (columns + 1) / 2;
    case Activations::int8_blocks:
      return columns / kNvfp4Block * kBlockWords;
  }
  return 0;
}

void pack_token(const InputForm& form, const float* x, size_t columns, uint32_t* out, size_t stride) {
  switch (form.reads) {
    case Activations::f32:
      return pack_floats(x, columns, form.factor, out, stride);
    case Activations::bf16_pairs:
      return pack_pairs(x, columns, form.factor, out, stride);
    case Activations::int8_blocks:
      for (size_t k = 0; k < columns; k += kNvfp4Block, out += kBlockWords * stride)
        pack_block(x + k, form.factor, out, stride);
  }
}

}  // namespace starnest::cpu

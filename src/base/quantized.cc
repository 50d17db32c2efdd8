#include "base/quantized.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/dtype.h"

namespace starnest {
namespace {

constexpr float kLargestE2m1 = 6.0f, kLargestE4m3 = 448.0f;
constexpr float kRoomForFour = 256.0f;         // largest block scale where a block may also be scaled to 4
constexpr float kSmallestScale = 0x1p-9f;      // of a block
constexpr std::byte kScaleOfZeroMatrix{0x38};  // 1.0
constexpr uint8_t kLargestScaleCode = 0x7e;

constexpr std::array<float, 16> kE2m1{0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                      -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

float magnitude(std::span<const float> numbers) {
  float largest = 0;
  for (const float x : numbers) largest = std::max(largest, std::fabs(x));
  return largest;
}

// Code of the magnitude: how many of the bounds lie below it, an odd one also when it is met.
uint8_t e2m1_magnitude(float a) {
  return uint8_t((a > 0.25f) + (a >= 0.75f) + (a > 1.25f) + (a >= 1.75f) + (a > 2.5f) + (a >= 3.5f) + (a > 5.0f));
}

}  // namespace

uint8_t to_e2m1(float x) { return uint8_t(e2m1_magnitude(std::fabs(x)) | (x < 0 ? 8 : 0)); }
float e2m1_to_f32(uint8_t code) { return kE2m1[code & 15u]; }

Nvfp4Encoder::Nvfp4Encoder(float largest, ScaleRule rule)
    : rule_(rule),
      largest_(largest),
      tensor_scale_(largest / (kLargestE2m1 * (rule == ScaleRule::four_over_six ? kRoomForFour : kLargestE4m3))) {
  SN_CHECK(std::isfinite(largest) && largest >= 0, "the largest magnitude of a matrix is no finite number");
  if (largest < kZeroMatrix) tensor_scale_ = 1;
}

// As ModelOpt computes it where the maxima of blocks are given: not the expression of `max`, and not always its bits.
uint8_t Nvfp4Encoder::scale_from_largest(float largest_of_block) const {
  const float room = rule_ == ScaleRule::four_over_six ? kRoomForFour : kLargestE4m3;
  float scale = largest_of_block / kLargestE2m1;
  if (scale == 0) scale = 1;
  scale = scale * room / (largest_ / kLargestE2m1);
  return to_e4m3(std::clamp(scale, kSmallestScale, kLargestE4m3));
}

double Nvfp4Encoder::squared_error(std::span<const float, kNvfp4Block> block, uint8_t scale) const {
  const float step = e4m3_table()[scale] * tensor_scale_;
  double sum = 0;
  for (const float x : block) {
    const double error = double(std::fabs(x)) - double(kE2m1[e2m1_magnitude(std::fabs(x) / step)] * step);
    sum += error * error;
  }
  return sum;
}

uint8_t Nvfp4Encoder::scale_of(std::span<const float, kNvfp4Block> block) const {
  const float largest = magnitude(block);
  if (rule_ == ScaleRule::max) {
    float scale = largest / (kLargestE2m1 * tensor_scale_);
    if (scale == 0) scale = 1;
    return to_e4m3(std::clamp(scale, kSmallestScale, kLargestE4m3));
  }
  if (largest == 0 && rule_ == ScaleRule::mse) return 1;  // all are equally good, and the smallest wins
  const uint8_t first = scale_from_largest(largest);
  if (rule_ == ScaleRule::four_over_six) {
    const uint8_t to_four = scale_from_largest(largest * 1.5f);
    return squared_error(block, to_four) < squared_error(block, first) ? to_four : first;
  }
  const float exact = largest / kLargestE2m1 * kLargestE4m3 / (largest_ / kLargestE2m1);
  uint8_t best = first;
  double least = squared_error(block, first);
  for (uint8_t code = 1; code <= kLargestScaleCode; ++code) {
    const float scale = e4m3_table()[code];
    if (code == first || scale < 0.7f * exact || scale > 2.1f * exact) continue;
    const double error = squared_error(block, code);
    if (error > least || (error == least && code > best)) continue;
    best = code;
    least = error;
  }
  return best;
}

void Nvfp4Encoder::encode(std::span<const float> row, std::byte* codes, std::byte* scales) const {
  SN_CHECK(row.size() % kNvfp4Block == 0, "a row of NVFP4 is whole blocks");
  for (size_t at = 0; at < row.size(); at += kNvfp4Block, codes += kNvfp4Block / 2, ++scales) {
    const auto block = row.subspan(at).first<kNvfp4Block>();
    if (largest_ < kZeroMatrix) {
      *scales = kScaleOfZeroMatrix;
      std::fill_n(codes, kNvfp4Block / 2, std::byte{0});
      continue;
    }
    const uint8_t scale = scale_of(block);
    const float step = e4m3_table()[scale] * tensor_scale_;
    *scales = std::byte{scale};
    for (size_t j = 0; j < kNvfp4Block / 2; ++j)
      codes[j] = std::byte(to_e2m1(block[2 * j] / step) | to_e2m1(block[2 * j + 1] / step) << 4);
  }
}

void decode_nvfp4(const std::byte* codes, const std::byte* scales, float tensor_scale, std::span<float> out) {
  SN_CHECK(out.size() % kNvfp4Block == 0, "a row of NVFP4 is whole blocks");
  for (size_t at = 0; at < out.size(); at += kNvfp4Block, ++scales) {
    const float step = e4m3_table()[size_t(*scales)] * tensor_scale;
    for (size_t j = 0; j < kNvfp4Block; j += 2, ++codes) {
      out[at + j] = kE2m1[size_t(*codes) & 15u] * step;
      out[at + j + 1] = kE2m1[size_t(*codes) >> 4] * step;
    }
  }
}

Fp8Encoder::Fp8Encoder(float largest, Quotient quotient)
    : quotient_(quotient), tensor_scale_(largest < kZeroMatrix ? 1.0f : largest / kLargestE4m3) {
  SN_CHECK(std::isfinite(largest) && largest >= 0, "the largest magnitude of a matrix is no finite number");
}

void Fp8Encoder::encode(std::span<const float> row, std::byte* codes) const {
  for (size_t i = 0; i < row.size(); ++i) {
    const float exact = row[i] / tensor_scale_;
    codes[i] = std::byte{to_e4m3(quotient_ == Quotient::f32 ? exact : to_f32(to_bf16(exact)))};
  }
}

void decode_fp8(const std::byte* codes, float tensor_scale, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) out[i] = e4m3_table()[size_t(codes[i])] * tensor_scale;
}

}  // namespace starnest

#include "convert/ggml_encode.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "base/dtype.h"
#include "base/quantized.h"

namespace starnest {
namespace {

constexpr size_t kQ8Block = 32;
constexpr float kBeyondF16 = 65520;  // rounds to infinity

void put_u16(uint16_t bits, std::vector<std::byte>& out) {
  out.push_back(std::byte(bits & 0xff));
  out.push_back(std::byte(bits >> 8));
}

float largest_magnitude(std::span<const float> numbers) {
  float largest = 0;
  for (const float x : numbers) largest = std::max(largest, std::fabs(x));
  return largest;
}

void encode_q8_0(std::span<const float> block, std::vector<std::byte>& out) {
  const float scale = largest_magnitude(block) / 127.0f;
  const float inverse = std::isfinite(1.0f / scale) ? 1.0f / scale : 0.0f;  // a scale so small is 0 as F16
  put_u16(to_f16(scale), out);
  for (const float x : block) out.push_back(std::byte(int8_t(std::round(x * inverse))));  // halves away from zero
}

}  // namespace

bool fit_ggml(GgmlType type, std::span<const float> numbers) {
  if (type == GgmlType::f16)
    return std::all_of(numbers.begin(), numbers.end(),
                       [](float x) { return !std::isfinite(x) || std::fabs(x) < kBeyondF16; });
  if (type == GgmlType::q8_0)
    return std::all_of(numbers.begin(), numbers.end(),
                       [](float x) { return std::isfinite(x) && std::fabs(x) / 127.0f < kBeyondF16; });
  return true;
}

void encode_ggml(GgmlType type, std::span<const float> numbers, std::vector<std::byte>& out) {
  switch (type) {
    case GgmlType::f32: {
      const auto bytes = std::as_bytes(numbers);
      out.insert(out.end(), bytes.begin(), bytes.end());
      return;
    }
    case GgmlType::f16:
      for (const float x : numbers) put_u16(to_f16(x), out);
      return;
    case GgmlType::bf16:
      for (const float x : numbers) put_u16(to_bf16(x).bits, out);
      return;
    case GgmlType::q8_0:
      SN_CHECK(numbers.size() % kQ8Block == 0, "part of a block of Q8_0");
      for (size_t i = 0; i < numbers.size(); i += kQ8Block) encode_q8_0(numbers.subspan(i, kQ8Block), out);
      return;
    case GgmlType::nvfp4:
      break;
  }
  check_failed("type", "no numbers are encoded as this", __FILE__, __LINE__);
}

void pack_ggml_nvfp4(std::span<const std::byte> codes, std::span<const std::byte> scales, std::vector<std::byte>& out) {
  constexpr size_t kScales = 4, kCodeBytes = kNvfp4Block / 2;
  SN_CHECK(scales.size() % kScales == 0 && codes.size() == scales.size() * kCodeBytes, "part of a block of NVFP4");
  const auto code = [&](size_t i) { return (uint8_t(codes[i / 2]) >> (i % 2 * 4)) & 15; };
  for (size_t block = 0; block < scales.size(); block += kScales) {
    for (size_t s = block; s < block + kScales; ++s) out.push_back(scales[s]);
    for (size_t s = block; s < block + kScales; ++s)
      for (size_t j = 0; j < kCodeBytes; ++j) {
        const size_t first = s * kNvfp4Block + j;
        out.push_back(std::byte(code(first) | code(first + kCodeBytes) << 4));
      }
  }
}

}  // namespace starnest

#include "base/dtype.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace starnest {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  size_t size;
};
constexpr std::array<Row, 6> kTable{{{DType::f32, "F32", 4},
                                     {DType::bf16, "BF16", 2},
                                     {DType::f16, "F16", 2},
                                     {DType::f8_e4m3, "F8_E4M3", 1},
                                     {DType::u8, "U8", 1},
                                     {DType::i64, "I64", 8}}};

const Row& row_of(DType dtype) {
  for (const Row& row : kTable)
    if (row.dtype == dtype) return row;
  check_failed("dtype", "unknown dtype", __FILE__, __LINE__);
}

template <class T>
T read_as(const std::byte* data, size_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

size_t size_of(DType dtype) { return row_of(dtype).size; }
std::string_view name_of(DType dtype) { return row_of(dtype).name; }

std::optional<DType> dtype_named(std::string_view name) {
  for (const Row& row : kTable)
    if (row.name == name) return row.dtype;
  return std::nullopt;
}

float f16_to_f32(uint16_t bits) {
  const float sign = (bits & 0x8000u) ? -1.0f : 1.0f;
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  if (exponent == 31) {
    return mantissa ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(float(mantissa), -24);
  return sign * std::ldexp(float(mantissa + 1024), exponent - 25);
}

uint16_t to_f16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return uint16_t(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return uint16_t(sign | 0x7c00u);  // 65520 and more
  if (magnitude < 0x38800000u) {
    // Subnormal, in steps of 2^-24: those that the addition rounds a number near 0.5 to.
    return uint16_t(sign | (std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return uint16_t(sign | ((rounded - 0x38000000u) >> 13));  // the biases differ by 112
}

float e4m3_to_f32(uint8_t bits) {
  const float sign = (bits & 0x80u) ? -1.0f : 1.0f;
  const int exponent = (bits >> 3) & 15;
  const int mantissa = bits & 7;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(float(mantissa), -9);
  return sign * std::ldexp(float(mantissa + 8), exponent - 10);
}

const std::array<float, 256>& e4m3_table() {
  static const std::array<float, 256> kTable = [] {
    std::array<float, 256> table{};
    for (size_t code = 0; code < table.size(); ++code) table[code] = e4m3_to_f32(uint8_t(code));
    return table;
  }();
  return kTable;
}

uint8_t to_e4m3(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint8_t sign = uint8_t(bits >> 24 & 0x80u);
  const float magnitude = std::fabs(x);
  if (std::isnan(x)) return sign | 0x7fu;
  if (magnitude >= 448.0f) return sign | 0x7eu;
  // Below 2^-6 the codes count steps of 2^-9; the eighth is the code of 2^-6 itself.
  if (magnitude < 0x1p-6f) return sign | uint8_t(std::nearbyint(magnitude * 512.0f));
  constexpr uint32_t kDropped = 20, kBias = (127 - 7) << 3;
  const uint32_t rounded = (bits & 0x7fffffffu) + (1u << (kDropped - 1)) - 1 + (bits >> kDropped & 1u);
  return sign | uint8_t((rounded >> kDropped) - kBias);
}

float load_f32(DType dtype, const std::byte* data, size_t index) {
  switch (dtype) {
    case DType::f32:
      return read_as<float>(data, index);
    case DType::bf16:
      return to_f32(bf16{read_as<uint16_t>(data, index)});
    case DType::f16:
      return f16_to_f32(read_as<uint16_t>(data, index));
    case DType::f8_e4m3:
      return e4m3_to_f32(read_as<uint8_t>(data, index));
    case DType::u8:
      return float(read_as<uint8_t>(data, index));
    case DType::i64:
      return float(read_as<int64_t>(data, index));
  }
  check_failed("dtype", "unknown dtype", __FILE__, __LINE__);
}

void load_all_f32(DType dtype, const std::byte* data, size_t count, std::byte* out) {
  const auto each = [&](auto element) {
    for (size_t i = 0; i < count; ++i) {
      const float value = element(i);
      std::memcpy(out + i * sizeof value, &value, sizeof value);
    }
  };
  // A loop of its own for what models are stored in: the compiler makes vectors of it.
  if (dtype == DType::bf16)
    each([&](size_t i) { return to_f32(bf16{read_as<uint16_t>(data, i)}); });
  else
    each([&](size_t i) { return load_f32(dtype, data, i); });
}

}  // namespace starnest

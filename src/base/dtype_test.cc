#include "base/dtype.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

namespace starnest {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float from_bits(uint32_t bits) { return std::bit_cast<float>(bits); }

// The value of a sign | exponent | mantissa format without its special cases.
double formula(int bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const double fraction = double(bits & ((1 << mantissa_bits) - 1)) / double(1 << mantissa_bits);
  const double sign = (bits >> (exponent_bits + mantissa_bits)) & 1 ? -1 : 1;
  return sign * (exponent ? std::ldexp(1 + fraction, exponent - bias) : std::ldexp(fraction, 1 - bias));
}

TEST(Dtype, NamesReadBack) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::f8_e4m3, DType::u8, DType::i64}) {
    EXPECT_EQ(dtype_named(name_of(dtype)), dtype);
  }
  EXPECT_EQ(dtype_named("F64"), std::nullopt);
  EXPECT_EQ(dtype_named("f32"), std::nullopt);
}

TEST(Dtype, SizesAreThoseOfTheFormats) {
  EXPECT_EQ(size_of(DType::i64), 8u);
  EXPECT_EQ(size_of(DType::f32), 4u);
  EXPECT_EQ(size_of(DType::bf16), 2u);
  EXPECT_EQ(size_of(DType::f16), 2u);
  EXPECT_EQ(size_of(DType::f8_e4m3), 1u);
  EXPECT_EQ(size_of(DType::u8), 1u);
}

TEST(Dtype, EveryF16FollowsTheFormula) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_f32(uint16_t(bits));
    if ((bits & 0x7c00) != 0x7c00) {
      ASSERT_EQ(double(value), formula(bits, 5, 10)) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000) << bits;
    } else if (bits & 0x3ff) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else {
      ASSERT_EQ(value, bits & 0x8000 ? -kInfinity : kInfinity);
    }
  }
}

TEST(Dtype, EveryE4m3FollowsTheFormula) {
  for (int bits = 0; bits < 256; ++bits) {
    const float value = e4m3_to_f32(uint8_t(bits));
    if ((bits & 0x7f) == 0x7f) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else {
      ASSERT_EQ(double(value), formula(bits, 4, 3)) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x80) << bits;
    }
  }
  EXPECT_EQ(e4m3_to_f32(0x7e), 448.0f);
  EXPECT_EQ(e4m3_to_f32(0x01), std::ldexp(1.0f, -9));
}

TEST(Dtype, EveryBf16SurvivesF32) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = to_f32(bf16{uint16_t(bits)});
    if (std::isnan(value))
      ASSERT_TRUE(std::isnan(to_f32(to_bf16(value)))) << bits;
    else
      ASSERT_EQ(to_bf16(value).bits, bits);
  }
}

TEST(Dtype, Bf16RoundsToNearestAndTiesToEven) {
  EXPECT_EQ(to_bf16(from_bits(0x3f800000)).bits, 0x3f80);
  EXPECT_EQ(to_bf16(from_bits(0x3f807fff)).bits, 0x3f80);  // just below half
  EXPECT_EQ(to_bf16(from_bits(0x3f808000)).bits, 0x3f80);  // half, even below
  EXPECT_EQ(to_bf16(from_bits(0x3f808001)).bits, 0x3f81);  // just above half
  EXPECT_EQ(to_bf16(from_bits(0x3f818000)).bits, 0x3f82);  // half, even above
  EXPECT_EQ(to_bf16(from_bits(0xbf818000)).bits, 0xbf82);
  EXPECT_EQ(to_bf16(from_bits(0x3fffffff)).bits, 0x4000);  // carries into the exponent
  EXPECT_EQ(to_bf16(from_bits(0x00008001)).bits, 0x0001);  // subnormal
}

TEST(Dtype, Bf16KeepsInfinityAndNan) {
  EXPECT_EQ(to_bf16(kInfinity).bits, 0x7f80);
  EXPECT_EQ(to_bf16(-kInfinity).bits, 0xff80);
  EXPECT_EQ(to_bf16(std::numeric_limits<float>::max()).bits, 0x7f80);  // the nearest is infinity
  for (const uint32_t nan : {0x7f800001u, 0x7fffffffu, 0xff800001u}) {
    EXPECT_TRUE(std::isnan(to_f32(to_bf16(from_bits(nan)))));
  }
}

template <class T>
float loaded(DType dtype, T value) {
  std::byte buffer[sizeof(T) * 2 + 1];  // second element, off alignment
  std::memcpy(buffer + 1 + sizeof(T), &value, sizeof(T));
  return load_f32(dtype, buffer + 1, 1);
}

TEST(Dtype, LoadingAllEqualsLoadingEach) {
  std::byte data[41];
  for (size_t i = 0; i < sizeof data; ++i) data[i] = std::byte(i * 37 + 5);
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::f8_e4m3, DType::u8, DType::i64}) {
    const size_t count = 40 / size_of(dtype);
    std::byte out[40 * sizeof(float) + 1];
    load_all_f32(dtype, data + 1, count, out + 1);
    for (size_t i = 0; i < count; ++i) {
      const float want = load_f32(dtype, data + 1, i);
      EXPECT_EQ(std::memcmp(out + 1 + i * sizeof want, &want, sizeof want), 0) << name_of(dtype) << " " << i;
    }
  }
}

TEST(Dtype, LoadReadsEachFormatUnaligned) {
  EXPECT_EQ(loaded(DType::f32, 1.25f), 1.25f);
  EXPECT_EQ(loaded(DType::bf16, uint16_t{0x3fc0}), 1.5f);
  EXPECT_EQ(loaded(DType::f16, uint16_t{0xc000}), -2.0f);
  EXPECT_EQ(loaded(DType::f8_e4m3, uint8_t{0x38}), 1.0f);
  EXPECT_EQ(loaded(DType::u8, uint8_t{200}), 200.0f);
  EXPECT_EQ(loaded(DType::i64, int64_t{-7}), -7.0f);
}

TEST(Dtype, F16RoundsToTheNearestOfAll) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const float here = f16_to_f32(uint16_t(bits));
    ASSERT_EQ(to_f16(here), bits);
    ASSERT_EQ(to_f16(-here), bits | 0x8000u);
    if (bits == 0x7bff) break;  // the next one is infinity
    const float next = f16_to_f32(uint16_t(bits + 1)), middle = here + (next - here) / 2;
    ASSERT_EQ(to_f16(middle), bits + (bits & 1)) << middle;
    ASSERT_EQ(to_f16(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(to_f16(std::nextafter(middle, kInfinity)), bits + 1);
  }
  EXPECT_EQ(to_f16(65519.9f), 0x7bff);
  EXPECT_EQ(to_f16(65520), 0x7c00);
  EXPECT_EQ(to_f16(-kInfinity), 0xfc00);
  EXPECT_TRUE(std::isnan(f16_to_f32(to_f16(std::numeric_limits<float>::quiet_NaN()))));
}

}  // namespace
}  // namespace starnest

#include "convert/ggml_encode.h"

#include <limits>

#include <gtest/gtest.h>

namespace starnest {
namespace {

TEST(GgmlEncode, Q8HasAScalePerBlock) {
  std::vector<float> numbers(64);
  numbers[0] = 127, numbers[1] = -2.5f, numbers[2] = 2.5f, numbers[31] = 0.49f;
  std::vector<std::byte> out;
  encode_ggml(GgmlType::q8_0, numbers, out);
  ASSERT_EQ(out.size(), 68u);
  EXPECT_EQ(out[0], std::byte{0x00});
  EXPECT_EQ(out[1], std::byte{0x3c});  // 1.0
  EXPECT_EQ(int8_t(out[2]), 127);
  EXPECT_EQ(int8_t(out[3]), -3);  // halves away from zero
  EXPECT_EQ(int8_t(out[4]), 3);
  EXPECT_EQ(int8_t(out[33]), 0);
  for (size_t i = 34; i < 68; ++i) EXPECT_EQ(out[i], std::byte{0});  // a block of zeros, scale and all
}

TEST(GgmlEncode, KnowsWhatDoesNotFit) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(fit_ggml(GgmlType::f16, std::vector<float>{65519, infinity}));
  EXPECT_FALSE(fit_ggml(GgmlType::f16, std::vector<float>{65520}));
  EXPECT_FALSE(fit_ggml(GgmlType::q8_0, std::vector<float>{0, infinity}));
  EXPECT_FALSE(fit_ggml(GgmlType::q8_0, std::vector<float>{65520.0f * 127}));
  EXPECT_TRUE(fit_ggml(GgmlType::bf16, std::vector<float>{1e38f, infinity}));
}

}  // namespace
}  // namespace starnest

#include "base/quantized.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/dtype.h"
#include "base/rng.h"

namespace starnest {
namespace {

// The code of the nearest of `values`, which ascend; a tie goes to the even code.
size_t nearest(std::span<const double> values, double x) {
  size_t best = 0;
  for (size_t code = 1; code < values.size(); ++code) {
    const double now = std::fabs(values[code] - x), before = std::fabs(values[best] - x);
    if (now < before || (now == before && code % 2 == 0)) best = code;
  }
  return best;
}

// Every number, every midpoint and the floats beside them.
std::vector<float> critical(std::span<const double> values) {
  std::vector<float> out;
  for (size_t code = 0; code < values.size(); ++code) {
    out.push_back(float(values[code]));
    if (code + 1 < values.size()) out.push_back(float((values[code] + values[code + 1]) / 2));
  }
  for (const float x : std::vector(out)) {
    out.push_back(std::nextafterf(x, 1e9f));
    if (x > 0) out.push_back(std::nextafterf(x, 0.0f));
  }
  return out;
}

TEST(Quantized, E4m3IsTheNearestEverywhere) {
  std::vector<double> values;
  for (size_t code = 0; code <= 0x7e; ++code) values.push_back(double(e4m3_to_f32(uint8_t(code))));
  for (const float x : critical(values)) {
    EXPECT_EQ(to_e4m3(x), nearest(values, double(x))) << x;
    EXPECT_EQ(to_e4m3(-x), nearest(values, double(x)) | 0x80u) << -x;
  }
  EXPECT_EQ(to_e4m3(1e30f), 0x7e);
  EXPECT_EQ(to_e4m3(-INFINITY), 0xfe);
  EXPECT_EQ(to_e4m3(NAN) & 0x7f, 0x7f);
}

TEST(Quantized, E2m1IsTheNearestEverywhere) {
  std::vector<double> values;
  for (uint8_t code = 0; code < 8; ++code) values.push_back(double(e2m1_to_f32(code)));
  for (const float x : critical(values)) {
    EXPECT_EQ(to_e2m1(x), nearest(values, double(x))) << x;
    if (x > 0) {
      EXPECT_EQ(to_e2m1(-x), nearest(values, double(x)) | 8u) << -x;
    }
  }
  EXPECT_EQ(to_e2m1(-0.0f), 0);
  EXPECT_EQ(to_e2m1(-1e-30f), 8);
  EXPECT_EQ(to_e2m1(100.0f), 7);
  for (uint8_t code = 0; code < 8; ++code) EXPECT_EQ(e2m1_to_f32(uint8_t(code + 8)), -e2m1_to_f32(code));
}

std::vector<float> gaussian(size_t count, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(count);
  for (float& x : values) x = float(normal(rng));
  return values;
}

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float x : values) largest = std::max(largest, std::fabs(x));
  return largest;
}

double relative_squared_error(const std::vector<float>& values, ScaleRule rule) {
  const Nvfp4Encoder encoder(largest_of(values), rule);
  std::vector<std::byte> codes(values.size() / 2), scales(values.size() / kNvfp4Block);
  encoder.encode(values, codes.data(), scales.data());
  std::vector<float> decoded(values.size());
  decode_nvfp4(codes.data(), scales.data(), encoder.tensor_scale(), decoded);
  double error = 0, sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(double(values[i] - decoded[i]), 2);
    sum += std::pow(double(values[i]), 2);
  }
  return error / sum;
}

// The losses of the three rules on Gaussian weights, as they are published: 9.05, 7.58 and 6.66 thousandths.
TEST(Quantized, LossesOfTheScaleRules) {
  const std::vector<float> values = gaussian(1 << 18, 1);
  EXPECT_NEAR(relative_squared_error(values, ScaleRule::max), 9.05e-3, 1e-4);
  EXPECT_NEAR(relative_squared_error(values, ScaleRule::four_over_six), 7.58e-3, 1e-4);
  EXPECT_NEAR(relative_squared_error(values, ScaleRule::mse), 6.66e-3, 1e-4);
}

// The search over a few scales finds what a search over all of them finds.
TEST(Quantized, SearchMissesNoBetterScale) {
  const std::vector<float> values = gaussian(1 << 12, 2);
  const Nvfp4Encoder encoder(largest_of(values), ScaleRule::mse);
  std::vector<std::byte> codes(values.size() / 2), scales(values.size() / kNvfp4Block);
  encoder.encode(values, codes.data(), scales.data());
  for (size_t b = 0; b < scales.size(); ++b) {
    const auto error_with = [&](uint8_t scale) {
      const float step = e4m3_to_f32(scale) * encoder.tensor_scale();
      double sum = 0;
      for (size_t i = b * kNvfp4Block; i < (b + 1) * kNvfp4Block; ++i)
        sum += std::pow(double(values[i]) - double(e2m1_to_f32(to_e2m1(values[i] / step)) * step), 2);
      return sum;
    };
    const double chosen = error_with(uint8_t(scales[b]));
    for (uint8_t scale = 1; scale <= 0x7e; ++scale) EXPECT_GE(error_with(scale), chosen) << "block " << b;
  }
}

TEST(Quantized, AMatrixOfZerosIsZerosWithScaleOne) {
  const std::vector<float> zeros(32, 0.0f);
  for (const ScaleRule rule : {ScaleRule::max, ScaleRule::mse, ScaleRule::four_over_six}) {
    const Nvfp4Encoder encoder(0.0f, rule);
    EXPECT_EQ(encoder.tensor_scale(), 1.0f);
    std::vector<std::byte> codes(16, std::byte{9}), scales(2, std::byte{9});
    encoder.encode(zeros, codes.data(), scales.data());
    EXPECT_EQ(codes, std::vector<std::byte>(16));
    EXPECT_EQ(scales, std::vector<std::byte>(2, std::byte{0x38}));
  }
  EXPECT_EQ(Fp8Encoder(0.0f, Fp8Encoder::Quotient::f32).tensor_scale(), 1.0f);
}

}  // namespace
}  // namespace starnest

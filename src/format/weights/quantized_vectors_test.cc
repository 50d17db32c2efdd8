// The encoders of base/quantized.h against what ModelOpt computed.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "base/dtype.h"
#include "base/quantized.h"
#include "format/weights/safetensors.h"

namespace starnest {
namespace {

const SafetensorsFile& vectors() {
  static const SafetensorsFile kFile(STARNEST_SOURCE_DIR "/tests/data/quant/vectors.safetensors");
  return kFile;
}

std::span<const std::byte> bytes_of(const std::string& name) {
  const TensorInfo* info = vectors().find(name);
  if (!info) throw std::runtime_error("no vector " + name);
  return vectors().bytes(*info);
}

std::vector<std::byte> stored(const std::string& name) {
  const auto bytes = bytes_of(name);
  return {bytes.begin(), bytes.end()};
}

std::vector<float> numbers(const std::string& name) {
  const TensorInfo& info = *vectors().find(name);
  std::vector<float> values((info.end - info.begin) / size_of(info.dtype));
  for (size_t i = 0; i < values.size(); ++i) values[i] = load_f32(info.dtype, bytes_of(name).data(), i);
  return values;
}

size_t columns_of(const std::string& name) { return vectors().find(name)->shape.back(); }

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float x : values) largest = std::max(largest, std::fabs(x));
  return largest;
}

struct Encoded {
  std::vector<std::byte> codes, scales;
};

Encoded encode(const Nvfp4Encoder& encoder, std::span<const float> values, size_t columns) {
  Encoded out{std::vector<std::byte>(values.size() / 2), std::vector<std::byte>(values.size() / kNvfp4Block)};
  for (size_t at = 0; at < values.size(); at += columns)
    encoder.encode(values.subspan(at, columns), out.codes.data() + at / 2, out.scales.data() + at / kNvfp4Block);
  return out;
}

void expect_equal(const Encoded& got, const std::string& name) {
  EXPECT_EQ(got.scales, stored(name + ".weight_scale")) << name;
  EXPECT_EQ(got.codes, stored(name + ".weight")) << name;
}

TEST(QuantizedVectors, MaxScalesGiveTheBytesOfModelOpt) {
  for (const std::string name : {"gauss_f32", "gauss_bf16", "corners", "ties", "heavy", "expert_down"}) {
    const std::vector<float> values = numbers(name + ".input");
    const Nvfp4Encoder encoder(largest_of(values), ScaleRule::max);
    EXPECT_EQ(encoder.tensor_scale(), numbers(name + ".weight_scale_2").front()) << name;
    expect_equal(encode(encoder, values, columns_of(name + ".input")), name);
  }
}

// The tensor scale may be that of more than the matrix: of the family's, or of query, key and value together.
TEST(QuantizedVectors, ASharedTensorScaleGivesTheBytesOfModelOpt) {
  for (const std::string name : {"expert_down_small", "k_proj_shared"}) {
    const float scale = numbers(name + ".weight_scale_2").front();
    float largest = scale * 2688;  // a number whose quotient is the scale
    if (largest / 2688 != scale) largest = std::nextafter(largest, 2 * largest);
    const Nvfp4Encoder encoder(largest, ScaleRule::max);
    ASSERT_EQ(encoder.tensor_scale(), scale) << name;
    expect_equal(encode(encoder, numbers(name + ".input"), columns_of(name + ".input")), name);
  }
}

TEST(QuantizedVectors, SearchedScalesGiveTheBytesOfModelOpt) {
  const std::vector<float> values = numbers("static_mse.input");
  expect_equal(encode(Nvfp4Encoder(largest_of(values), ScaleRule::mse), values, columns_of("static_mse.input")),
               "static_mse");
}

// The vector's block maxima were given: some blocks are scaled to four, whichever is better. Where the encoder decides
// the same, its bytes are the same; elsewhere its error is no larger.
TEST(QuantizedVectors, FourOverSixGivesTheBytesOfModelOptOrASmallerError) {
  const std::vector<float> values = numbers("static_4o6.input"), given = numbers("static_4o6.dequantised");
  const size_t columns = columns_of("static_4o6.input");
  const Nvfp4Encoder encoder(largest_of(values), ScaleRule::four_over_six);
  EXPECT_EQ(encoder.tensor_scale(), numbers("static_4o6.weight_scale_2").front());
  const Encoded got = encode(encoder, values, columns);
  const std::vector<std::byte> scales = stored("static_4o6.weight_scale"), codes = stored("static_4o6.weight");
  size_t equal = 0;
  for (size_t b = 0; b < scales.size(); ++b) {
    const std::span<const float> block = std::span(values).subspan(b * kNvfp4Block, kNvfp4Block);
    float decoded[kNvfp4Block];
    decode_nvfp4(&got.codes[b * kNvfp4Block / 2], &got.scales[b], encoder.tensor_scale(), decoded);
    if (got.scales[b] == scales[b]) {
      ++equal;
      EXPECT_TRUE(std::equal(&got.codes[b * 8], &got.codes[b * 8] + 8, &codes[b * 8])) << "block " << b;
      continue;
    }
    double own = 0, theirs = 0;
    for (size_t i = 0; i < kNvfp4Block; ++i) {
      own += std::pow(double(block[i]) - double(decoded[i]), 2);
      theirs += std::pow(double(block[i]) - double(given[b * kNvfp4Block + i]), 2);
    }
    EXPECT_LT(own, theirs) << "block " << b;
  }
  EXPECT_GT(equal, scales.size() / 4);
}

TEST(QuantizedVectors, DecodingGivesTheNumbersOfModelOpt) {
  for (const std::string name : {"gauss_f32", "gauss_bf16", "corners", "ties", "heavy", "expert_down",
                                 "expert_down_small", "k_proj_shared", "static_max", "static_4o6", "static_mse"}) {
    const std::vector<float> expected = numbers(name + ".dequantised");
    std::vector<float> got(expected.size());
    decode_nvfp4(bytes_of(name + ".weight").data(), bytes_of(name + ".weight_scale").data(),
                 numbers(name + ".weight_scale_2").front(), got);
    EXPECT_EQ(got, expected) << name;
  }
}

TEST(QuantizedVectors, SingleCodesAreThoseOfModelOpt) {
  const std::vector<float> e2m1 = numbers("e2m1.input"), e4m3 = numbers("e4m3.input");
  for (size_t i = 0; i < e2m1.size(); ++i)
    if (!std::isnan(e2m1[i])) {
      EXPECT_EQ(std::byte{to_e2m1(e2m1[i])}, bytes_of("e2m1.codes")[i]) << e2m1[i];
    }
  for (size_t i = 0; i < e4m3.size(); ++i)
    if (!std::isnan(e4m3[i])) {
      EXPECT_EQ(std::byte{to_e4m3(e4m3[i])}, bytes_of("e4m3.codes")[i]) << e4m3[i];
    }
}

TEST(QuantizedVectors, Fp8GivesTheBytesOfModelOpt) {
  for (const auto& [name, quotient] :
       {std::pair<std::string, Fp8Encoder::Quotient>{"fp8_f32", Fp8Encoder::Quotient::f32},
        {"fp8_bf16", Fp8Encoder::Quotient::rounded_to_bf16}}) {
    const std::vector<float> values = numbers(name + ".input");
    const Fp8Encoder encoder(largest_of(values), quotient);
    EXPECT_EQ(encoder.tensor_scale(), numbers(name + ".weight_scale").front());
    std::vector<std::byte> codes(values.size());
    encoder.encode(values, codes.data());
    EXPECT_EQ(codes, stored(name + ".weight")) << name;
  }
}

}  // namespace
}  // namespace starnest

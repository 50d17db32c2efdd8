// FP8 and NVFP4: a matrix as codes and scales, bit for bit as NVIDIA's Model Optimizer (ModelOpt) 0.47 writes them.
//
// FP8    weight = e4m3 * tensor scale
// NVFP4  weight = e2m1 * (block scale * tensor scale); a block is 16 neighbours along the contraction. Two codes lie in
//        a byte, element 2j in the low half. Block scales are E4M3.
//
// All arithmetic is F32 in the order given by the format, products and quotients rounded one by one. Rows may be
// encoded in any order and on any thread. A prefix of a row, in whole blocks, encodes to a prefix of its bytes: so
// cutting a quantised matrix equals quantising the cut one with the scale of the whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace starnest {

inline constexpr size_t kNvfp4Block = 16;  // numbers that share a scale

// E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and, with 8 added to the code, their negatives. The nearest, a tie to the even code;
// beyond 6 it is 6. Small negatives give 8, a negative zero 0. `x` is no NaN.
uint8_t to_e2m1(float x);
float e2m1_to_f32(uint8_t code);  // of its low four bits

// How the scale of a block is chosen. All give the same file format.
//   max            the largest magnitude becomes 6: what ModelOpt does where nothing is searched
//   mse            the scale of least squared error among those between 0.7 and 2.1 times that of `max`, the smaller of
//                  equals
//   four_over_six  the largest magnitude becomes 6 or 4, whichever has the smaller squared error (arXiv 2512.02010);
//                  the tensor scale leaves room for it
enum class ScaleRule { max, mse, four_over_six };

// Below this magnitude a matrix counts as zero: its tensor scale is 1.
inline constexpr float kZeroMatrix = 0x1p-100f;

class Nvfp4Encoder {
 public:
  // `largest`: magnitude of the whole matrix, or of all that share a tensor scale (the query, key and value projections
  // of a block). Finite.
  Nvfp4Encoder(float largest, ScaleRule rule);

  float tensor_scale() const { return tensor_scale_; }

  // One row of finite numbers, a multiple of 16 of them, none beyond `largest`: row.size() / 2 bytes of codes and
  // row.size() / 16 of scales.
  void encode(std::span<const float> row, std::byte* codes, std::byte* scales) const;

 private:
  uint8_t scale_of(std::span<const float, kNvfp4Block> block) const;
  uint8_t scale_from_largest(float largest_of_block) const;
  double squared_error(std::span<const float, kNvfp4Block> block, uint8_t scale) const;

  ScaleRule rule_;
  float largest_;
  float tensor_scale_;
};

// The inverse, of one row. `scales` holds out.size() / 16 bytes.
void decode_nvfp4(const std::byte* codes, const std::byte* scales, float tensor_scale, std::span<float> out);

class Fp8Encoder {
 public:
  enum class Quotient { f32, rounded_to_bf16 };  // the second is what ModelOpt does with BF16 weights

  Fp8Encoder(float largest, Quotient quotient);

  float tensor_scale() const { return tensor_scale_; }
  void encode(std::span<const float> row, std::byte* codes) const;  // finite numbers, none beyond `largest`

 private:
  Quotient quotient_;
  float tensor_scale_;
};

void decode_fp8(const std::byte* codes, float tensor_scale, std::span<float> out);

}  // namespace starnest

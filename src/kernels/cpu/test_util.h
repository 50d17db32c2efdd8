// What the kernel tests share: random matrices in padded buffers, comparison by bits and by tolerance, and running a
// test body on every instruction set that this machine has.
#pragma once

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/dtype.h"
#include "core/base/rng.h"
#include "core/base/view.h"
#include "hwy/targets.h"
#include "kernels/exec.h"
#include "kernels/weight.h"

namespace starnest::test {

// Threads and scratch of one test.
struct Machine {
  explicit Machine(int threads = 1) : pool(threads) {}
  ThreadPool pool;
  Arena arena;
  Exec exec{pool, arena};
};

// A matrix of random numbers in [low, high), each row followed by `padding` NaNs that no op may read into a result or
// overwrite; with padding the first element is not aligned to more than four bytes.
class Matrix {
 public:
  Matrix(size_t rows, size_t cols, uint64_t seed, size_t padding = 0, double low = -1, double high = 1)
      : rows_(rows), cols_(cols), stride_(cols + padding), offset_(padding > 0 ? 1 : 0) {
    numbers_.assign(offset_ + rows * stride_ + padding, kGuard);
    Rng rng(seed);
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = 0; c < cols; ++c) view()(r, c) = float(low + (high - low) * rng.uniform());
  }
  // The same numbers with other padding.
  Matrix padded(size_t padding) const {
    Matrix copy(rows_, cols_, 0, padding);
    for (size_t r = 0; r < rows_; ++r)
      for (size_t c = 0; c < cols_; ++c) copy.view()(r, c) = view()(r, c);
    return copy;
  }

  MatView<float> view() { return {numbers_.data() + offset_, rows_, cols_, stride_}; }
  MatView<const float> view() const { return {numbers_.data() + offset_, rows_, cols_, stride_}; }
  VecView<float> vec() { return {numbers_.data() + offset_, cols_}; }  // the first row
  VecView<const float> vec() const { return {numbers_.data() + offset_, cols_}; }
  WeightView weight() const {
    return {DType::f32, reinterpret_cast<const std::byte*>(view().data), rows_, cols_, stride_};
  }

  bool padding_untouched() const {
    for (size_t i = 0; i < numbers_.size(); ++i) {
      const bool inside = i >= offset_ && i < offset_ + rows_ * stride_ && (i - offset_) % stride_ < cols_;
      if (!inside && std::bit_cast<uint32_t>(numbers_[i]) != std::bit_cast<uint32_t>(kGuard)) return false;
    }
    return true;
  }

 private:
  static constexpr float kGuard = std::numeric_limits<float>::quiet_NaN();

  size_t rows_, cols_, stride_, offset_;
  std::vector<float> numbers_;
};

// A matrix rounded to BF16, padded with NaNs, and the same numbers as F32.
class Bf16Matrix {
 public:
  Bf16Matrix(size_t rows, size_t cols, uint64_t seed, size_t padding = 0)
      : same_(rows, cols, seed), stride_(cols + padding), numbers_(rows * stride_, bf16{0x7fc0}) {
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = 0; c < cols; ++c) {
        numbers_[r * stride_ + c] = to_bf16(same_.view()(r, c));
        same_.view()(r, c) = to_f32(numbers_[r * stride_ + c]);
      }
  }
  WeightView weight() const {
    const MatView<const float> shape = same_.view();
    return {DType::bf16, reinterpret_cast<const std::byte*>(numbers_.data()), shape.rows, shape.cols, stride_};
  }
  const Matrix& as_f32() const { return same_; }

 private:
  Matrix same_;
  size_t stride_;
  std::vector<bf16> numbers_;
};

inline testing::AssertionResult same_bits(MatView<const float> got, MatView<const float> want) {
  if (got.rows != want.rows || got.cols != want.cols) return testing::AssertionFailure() << "shapes differ";
  for (size_t r = 0; r < got.rows; ++r)
    for (size_t c = 0; c < got.cols; ++c)
      if (std::bit_cast<uint32_t>(got(r, c)) != std::bit_cast<uint32_t>(want(r, c)))
        return testing::AssertionFailure() << "(" << r << ", " << c << "): " << got(r, c) << " is not " << want(r, c);
  return testing::AssertionSuccess();
}

// |got - want| <= tolerance * max(1, |want|), NaN never.
inline testing::AssertionResult near(MatView<const float> got, MatView<const float> want, double tolerance) {
  for (size_t r = 0; r < got.rows; ++r)
    for (size_t c = 0; c < got.cols; ++c) {
      const double limit = tolerance * std::max(1.0, std::abs(double(want(r, c))));
      if (!(std::abs(double(got(r, c)) - double(want(r, c))) <= limit))
        return testing::AssertionFailure()
               << "(" << r << ", " << c << "): " << got(r, c) << ", expected " << want(r, c) << " +- " << limit;
    }
  return testing::AssertionSuccess();
}

// Tolerance for a sum of n products of numbers below 1: partial sums grow like sqrt(n), and so does a random walk of
// their rounding errors.
inline double sum_tolerance(size_t n) { return double(FLT_EPSILON) * (8 + double(n) / 2); }

// Calls body once per instruction set that this machine has and the kernels are compiled for.
template <class Body>
void for_each_instruction_set(const Body& body) {
  const int64_t machine = hwy::SupportedTargets();
  for (const int64_t target : {int64_t{HWY_SCALAR}, int64_t{HWY_NEON}, int64_t{HWY_AVX2}, int64_t{HWY_AVX3}}) {
    if ((machine & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    const testing::ScopedTrace trace(__FILE__, __LINE__, std::string("instruction set ") + std::string(kernel_path()));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace starnest::test

// What the kernel tests share: random matrices in padded buffers, comparison by bits and by tolerance, and running a
// test body on every back end.
#pragma once

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/dtype.h"
#include "base/quantized.h"
#include "base/rng.h"
#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/isa.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "kernels/ref/ref_device.h"

namespace starnest::test {

inline constexpr size_t kStart[] = {0};  // of the state of a model with one shell

// Every back end that this build and machine have: the plain loops, and one for each instruction set of the processor.
inline std::span<const std::unique_ptr<Device>> devices() {
  static const std::vector<std::unique_ptr<Device>> kDevices = [] {
    std::vector<std::unique_ptr<Device>> all;
    all.push_back(make_ref_device());
    for (const Isa isa : available_isas()) all.push_back(make_cpu_device(isa));
    return all;
  }();
  return kDevices;
}

// The one that a test runs on now: the best, or what for_each_back_end has come to.
inline Device*& current_device() {
  static Device* device = devices().back().get();
  return device;
}
inline Device& device() { return *current_device(); }

template <class Body>
void for_each_back_end(const Body& body) {
  Device* const before = current_device();
  for (const std::unique_ptr<Device>& each : devices()) {
    current_device() = each.get();
    const testing::ScopedTrace trace(__FILE__, __LINE__, "back end " + std::string(each->kernel_path()));
    body();
  }
  current_device() = before;
}

// Threads and scratch of one test, on the device of the moment.
struct Machine {
  explicit Machine(int threads = 1) : pool(threads), arena(device()) {}
  ThreadPool pool;
  Arena arena;
  Exec exec{device(), pool, arena};
};

// Rows that all use one shell and have one width.
class Uniform {
 public:
  Uniform(size_t rows, size_t width) : span_{rows, 1}, width_(width) {}
  Batch batch() const { return {{&span_, span_.rows > 0 ? size_t{1} : 0}}; }
  ByShells widths() const { return {&width_, 1}; }

 private:
  RowSpan span_;
  size_t width_;
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

// Every number rounded to BF16, as F32.
inline Matrix rounded(const Matrix& m) {
  Matrix out = m;
  for (size_t r = 0; r < m.view().rows; ++r)
    for (size_t c = 0; c < m.view().cols; ++c) out.view()(r, c) = to_f32(to_bf16(m.view()(r, c)));
  return out;
}

// The rows and columns of a matrix after each of its shells.
struct Shape {
  size_t rows, cols;
};

// A matrix as a checkpoint stores it. As BF16 its numbers must be exact; as FP8 and NVFP4, whose widths are multiples
// of 16, they are rounded.
class Stored {
 public:
  Stored(Encoding encoding, MatView<const float> numbers) : encoding_(encoding), cols_(numbers.cols) {
    float largest = 0;
    for (size_t r = 0; r < numbers.rows; ++r)
      for (size_t k = 0; k < cols_; ++k) largest = std::max(largest, std::fabs(numbers(r, k)));
    const Nvfp4Encoder nvfp4(largest, ScaleRule::max);
    const Fp8Encoder fp8(largest, Fp8Encoder::Quotient::f32);
    for (size_t r = 0; r < numbers.rows; ++r) {
      const std::span<const float> row(numbers.row(r), cols_);
      auto& codes = codes_.emplace_back(cols_ * 4 + 1);  // never empty, so that there is an address
      auto& scales = scales_.emplace_back(cols_ / kNvfp4Block + 1);
      for (size_t k = 0; k < cols_; ++k) {
        const bf16 narrow = to_bf16(row[k]);
        if (encoding == Encoding::f32) std::memcpy(codes.data() + k * 4, &row[k], 4);
        if (encoding == Encoding::bf16) std::memcpy(codes.data() + k * 2, &narrow, 2);
      }
      if (encoding == Encoding::fp8) fp8.encode(row, codes.data());
      if (encoding == Encoding::nvfp4) nvfp4.encode(row, codes.data(), scales.data());
    }
    if (encoding == Encoding::fp8) scale_ = fp8.tensor_scale();
    if (encoding == Encoding::nvfp4) scale_ = nvfp4.tensor_scale();
  }

  Encoding encoding() const { return encoding_; }
  float scale() const { return scale_; }
  const std::byte* codes(size_t r, size_t k) const {
    const size_t halves = encoding_ == Encoding::f32    ? 8
                          : encoding_ == Encoding::bf16 ? 4
                          : encoding_ == Encoding::fp8  ? 2
                                                        : 1;
    return codes_[r].data() + k * halves / 2;
  }
  const std::byte* scales(size_t r, size_t k) const { return scales_[r].data() + k / kNvfp4Block; }

  // What the codes stand for.
  Matrix decoded() const {
    Matrix out(codes_.size(), cols_, 0);
    for (size_t r = 0; r < codes_.size(); ++r) {
      const std::span<float> row(out.view().row(r), cols_);
      if (encoding_ == Encoding::fp8) decode_fp8(codes_[r].data(), scale_, row);
      if (encoding_ == Encoding::nvfp4) decode_nvfp4(codes_[r].data(), scales_[r].data(), scale_, row);
      if (is_plain(encoding_))
        for (size_t k = 0; k < cols_; ++k)
          row[k] = load_f32(encoding_ == Encoding::f32 ? DType::f32 : DType::bf16, codes_[r].data(), k);
    }
    return out;
  }

 private:
  Encoding encoding_;
  size_t cols_;
  float scale_ = 1;
  std::vector<std::vector<std::byte>> codes_, scales_;
};

// A matrix packed in shells for the device of the moment.
class Packed {
 public:
  Packed(Encoding encoding, MatView<const float> numbers, const std::vector<Shape>& shapes)
      : Packed(Stored(encoding, numbers), shapes) {}
  Packed(const Stored& stored, const std::vector<Shape>& shapes)
      : encoding_(stored.encoding()), scale_(stored.scale()) {
    for (const Shape& shape : shapes) shells_.push_back({shape.rows, shape.cols, nullptr});
    for (size_t s = 0; s < shells_.size(); ++s) {
      auto& memory = memory_.emplace_back(shell_bytes(device().panels(), encoding_, shells_, s) / sizeof(Line) + 1);
      shells_[s].data = reinterpret_cast<const std::byte*>(memory.data());
      auto* out = reinterpret_cast<std::byte*>(memory.data());
      const Shape before = s == 0 ? Shape{0, 0} : shapes[s - 1], here = shapes[s];
      for (size_t inner = 0, first = 0; inner < s; first = shapes[inner++].rows)
        out = pack(stored, {first, shapes[inner].rows}, {before.cols, here.cols}, out);
      pack(stored, {before.rows, here.rows}, {0, here.cols}, out);
    }
  }
  PackedMatrix view() const { return {encoding_, shells_, {}, scale_}; }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  struct Range {
    size_t begin, end;
  };

  std::byte* pack(const Stored& stored, Range rows, Range cols, std::byte* out) const {
    const PanelLayout& layout = device().panels();
    for (size_t r = rows.begin; r < rows.end; r += layout.rows) {
      std::vector<const std::byte*> codes, scales;
      for (size_t i = r; i < std::min(rows.end, r + layout.rows); ++i) {
        codes.push_back(stored.codes(i, cols.begin));
        scales.push_back(stored.scales(i, cols.begin));
      }
      layout.pack(encoding_, {codes, scales}, cols.end - cols.begin, out);
      out += layout.bytes(encoding_, cols.end - cols.begin);
    }
    return out;
  }

  Encoding encoding_;
  float scale_;
  std::vector<PackedShell> shells_;
  std::vector<std::vector<Line>> memory_;
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

}  // namespace starnest::test

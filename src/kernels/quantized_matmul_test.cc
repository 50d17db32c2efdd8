// Products with FP8 and NVFP4 weights.
#include <array>
#include <cstring>

#include "kernels/matmul.h"
#include "kernels/test_matmul.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;
using test::Packed;
using test::product;
using test::Shape;
using test::Stored;
using RowSpans = std::vector<RowSpan>;

Matrix gaussian(size_t rows, size_t cols, uint64_t seed, size_t padding = 0) {
  Matrix numbers(rows, cols, seed, padding);
  Rng rng(seed);
  for (size_t r = 0; r < rows; ++r)
    for (size_t k = 0; k < cols; ++k) numbers.view()(r, k) = float(normal(rng));
  return numbers;
}

// The product of the decoded numbers, in double.
Matrix exact(const Matrix& x, const Matrix& numbers) {
  Matrix y(x.view().rows, numbers.view().rows, 9);
  for (size_t t = 0; t < y.view().rows; ++t)
    for (size_t r = 0; r < y.view().cols; ++r) {
      double sum = 0;
      for (size_t k = 0; k < x.view().cols; ++k) sum += double(x.view()(t, k)) * double(numbers.view()(r, k));
      y.view()(t, r) = float(sum);
    }
  return y;
}

double relative_squared_error(const Matrix& got, const Matrix& want) {
  double error = 0, sum = 0;
  for (size_t t = 0; t < want.view().rows; ++t)
    for (size_t r = 0; r < want.view().cols; ++r) {
      error += std::pow(double(got.view()(t, r)) - double(want.view()(t, r)), 2);
      sum += std::pow(double(want.view()(t, r)), 2);
    }
  return sum == 0 ? error : error / sum;
}

// What a device may lose against the exact product of Gaussian numbers: x in int8 2.2e-5, x in BF16 some 3e-6.
double allowed(Encoding encoding) {
  const std::string_view path = test::device().kernel_path();
  if (path == "ref") return 1e-11;
  if (encoding == Encoding::nvfp4) return 4e-5;
  return path == "avx512bf16" ? 1e-5 : 1e-11;
}

TEST(QuantizedMatmul, AgreesWithTheDecodedNumbersOnEveryPanelTileAndContraction) {
  test::for_each_back_end([] {
    for (const Encoding encoding : {Encoding::fp8, Encoding::nvfp4})
      for (const size_t K : {0, 16, 32, 48, 304, 1040})
        for (const size_t R : {1, 15, 16, 17, 32, 33, 70}) {
          const Stored stored(encoding, gaussian(R, K, 2).view());
          const Packed packed(stored, {{R, K}});
          for (const size_t T : {1, 2, 3, 4, 5, 12, 13, 40}) {
            const Matrix x = gaussian(T, K, T + 1, 3);
            // A few short sums do not average the errors of rounding.
            const double few = R * T < 64 ? 12 : K < 64 ? 2 : 1;
            EXPECT_LE(relative_squared_error(product(x, {{T, 1}}, packed.view()), exact(x, stored.decoded())),
                      few * allowed(encoding))
                << name_of(encoding) << " " << T << "x" << R << "x" << K;
          }
        }
  });
}

TEST(QuantizedMatmul, AnOddLastColumnOfFp8IsPairedWithNothing) {
  test::for_each_back_end([] {
    for (const size_t K : {1, 3, 31, 67}) {
      const Stored stored(Encoding::fp8, gaussian(40, K, 2).view());
      const Packed packed(stored, {{40, K}});
      const Matrix x = gaussian(7, K, 1, 2);
      EXPECT_LE(relative_squared_error(product(x, {{7, 1}}, packed.view()), exact(x, stored.decoded())), 2e-5) << K;
    }
  });
}

const std::vector<std::vector<Shape>> kBlockShells{
    {{32, 64}, {64, 128}, {70, 144}},
    {{1, 16}, {33, 16}, {33, 48}, {40, 64}},
    {{0, 0}, {48, 32}, {48, 32}, {65, 96}},
    {{20, 0}, {20, 16}, {50, 16}, {90, 80}},
};

TEST(QuantizedMatmul, ATokenHasTheSameBitsAloneInAnyBatchSlicedAndOnAnyNumberOfThreads) {
  test::for_each_back_end([] {
    for (const Encoding encoding : {Encoding::fp8, Encoding::nvfp4})
      for (const auto& shells : kBlockShells) {
        const Stored stored(encoding, gaussian(shells.back().rows, shells.back().cols, 2).view());
        test::expect_one_path(stored, shells,
                              gaussian(Batch{test::mixed(shells.size())}.rows(), shells.back().cols, 1));
      }
  });
}

TEST(QuantizedMatmul, Nvfp4HasTheSameBitsOnEveryInstructionSet) {
  const Stored stored(Encoding::nvfp4, gaussian(70, 304, 2).view());
  const Matrix x = gaussian(13, 304, 1);
  std::optional<Matrix> first;
  test::for_each_back_end([&] {
    if (test::device().kernel_path() == "ref") return;
    const Packed packed(stored, {{70, 304}});
    const Matrix y = product(x, {{13, 1}}, packed.view());
    if (!first) first = y;
    EXPECT_TRUE(test::same_bits(y.view(), first->view()));
  });
}

// Every code in every place of a pair, one number of x at a time.
TEST(QuantizedMatmul, ReadsEveryCodeOfFp8) {
  Matrix numbers(254, 2, 0);
  for (size_t r = 0; r < 254; ++r)
    for (size_t k = 0; k < 2; ++k)
      numbers.view()(r, k) =
          e4m3_to_f32(uint8_t((r + 100 * k) % 254 < 127 ? (r + 100 * k) % 254 : (r + 100 * k) % 254 + 1));
  const Stored stored(Encoding::fp8, numbers.view());
  ASSERT_EQ(stored.scale(), 1.0f);
  const Matrix decoded = stored.decoded();
  ASSERT_TRUE(test::near(decoded.view(), numbers.view(), 0));
  test::for_each_back_end([&] {
    const Packed packed(stored, {{254, 2}});
    for (size_t k = 0; k < 2; ++k) {
      Matrix x(1, 2, 0, 0, 0, 0);
      x.view()(0, k) = 1;
      const Matrix y = product(x, {{1, 1}}, packed.view());
      for (size_t r = 0; r < 254; ++r) EXPECT_EQ(y.view()(0, r), numbers.view()(r, k)) << r << "," << k;
    }
  });
}

// Every code with every block scale, one number of x at a time: 127 of 127 steps, so x is exact in int8.
TEST(QuantizedMatmul, ReadsEveryCodeAndScaleOfNvfp4) {
  test::for_each_back_end([] {
    for (uint8_t scale = 0; scale < 0x7f; ++scale) {
      std::array<std::byte, 8> codes{};
      for (size_t i = 0; i < 8; ++i) codes[i] = std::byte(2 * i | (2 * i + 1) << 4);
      const std::byte scales{scale};
      std::array<float, 16> numbers{};
      decode_nvfp4(codes.data(), &scales, 1, numbers);
      const std::byte *const row = codes.data(), *const row_scales = &scales;
      const PanelLayout& layout = test::device().panels();
      alignas(64) std::array<std::byte, 512> panel{};
      ASSERT_LE(layout.bytes(Encoding::nvfp4, 16), panel.size());
      layout.pack(Encoding::nvfp4, {{&row, 1}, {&row_scales, 1}}, 16, panel.data());
      const PackedShell shell{1, 16, panel.data()};
      for (size_t k = 0; k < 16; ++k) {
        Matrix x(1, 16, 0, 0, 0, 0);
        x.view()(0, k) = 127;
        const Matrix y = product(x, {{1, 1}}, {Encoding::nvfp4, {&shell, 1}});
        EXPECT_EQ(y.view()(0, 0), 127 * numbers[k]) << int(scale) << "," << k;
      }
    }
  });
}

TEST(QuantizedMatmul, SumsInTheGivenOrderOfColumns) {
  test::for_each_back_end([] {
    for (const Encoding encoding : {Encoding::fp8, Encoding::nvfp4}) {
      const std::vector<ColumnRun> order{{0, 0, 16}, {1, 32, 16}, {0, 16, 16}, {1, 48, 16}};
      const Stored stored(encoding, gaussian(40, 64, 2).view());
      const Matrix x = gaussian(6, 64, 1);
      const Packed packed(stored, {{20, 32}, {40, 64}}), whole(stored, {{40, 64}});
      PackedMatrix in_order = packed.view();
      in_order.sum_order = order;
      PackedMatrix same_order = whole.view();
      const std::vector<ColumnRun> one_shell{{0, 0, 16}, {0, 32, 16}, {0, 16, 16}, {0, 48, 16}};
      same_order.sum_order = one_shell;
      const Matrix got = product(x, {{6, 2}}, in_order);
      EXPECT_TRUE(test::same_bits(got.view(), product(x, {{6, 1}}, same_order).view()));
      EXPECT_FALSE(test::same_bits(got.view(), product(x, {{6, 1}}, whole.view()).view()));
    }
  });
}

TEST(QuantizedMatmul, SeveralProductsWithScalesOfTheirOwnEqualEachAlone) {
  test::for_each_back_end([] {
    const Matrix x = gaussian(9, 64, 1);
    const Stored a(Encoding::nvfp4, gaussian(40, 64, 2).view()), b(Encoding::nvfp4, Matrix(30, 64, 3).view());
    const Stored c(Encoding::fp8, gaussian(33, 64, 4).view()),
        d(Encoding::bf16, test::rounded(Matrix(5, 64, 5)).view());
    ASSERT_NE(a.scale(), b.scale());
    const std::array<Packed, 4> packed{Packed(a, {{40, 64}}), Packed(b, {{30, 64}}), Packed(c, {{33, 64}}),
                                       Packed(d, {{5, 64}})};
    std::vector<Matrix> together;
    std::vector<Product> products;
    for (const Packed& w : packed) together.emplace_back(9, w.view().rows(), 7);
    for (size_t i = 0; i < packed.size(); ++i) products.push_back({packed[i].view(), together[i].view()});
    Machine machine(2);
    matmul(machine.exec, {RowSpans{{9, 1}}}, x.view(), products);
    for (size_t i = 0; i < packed.size(); ++i)
      EXPECT_TRUE(test::same_bits(together[i].view(), product(x, {{9, 1}}, packed[i].view()).view())) << i;
  });
}

// What is no number must not look like one afterwards.
TEST(QuantizedMatmul, NaNAndInfinityReachTheOutput) {
  test::for_each_back_end([] {
    for (const Encoding encoding : {Encoding::fp8, Encoding::nvfp4})
      for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        const Packed packed(encoding, gaussian(40, 48, 2).view(), {{40, 48}});
        Matrix x = gaussian(2, 48, 1);
        x.view()(1, 20) = bad;
        const Matrix y = product(x, {{2, 1}}, packed.view());
        EXPECT_TRUE(std::isfinite(y.view()(0, 3)));
        EXPECT_FALSE(std::isfinite(y.view()(1, 3)));
      }
  });
}

}  // namespace
}  // namespace starnest

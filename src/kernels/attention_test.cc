#include "kernels/attention.h"

#include "kernels/cpu/test_util.h"
#include "kernels/ref/attention.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

constexpr float kScale = 0.3f;

// A sequence of `tokens` keys and values in blocks; what no token has written is NaN.
struct Sequence {
  Sequence(size_t tokens, size_t kv_heads, size_t head_dim, uint64_t seed = 1, DType stored = DType::f32)
      : k(tokens, kv_heads * head_dim, seed, 3),
        v(tokens, kv_heads * head_dim, seed + 1, 1),
        K(kv_heads),
        Q(head_dim),
        dtype(stored) {
    const size_t blocks = (tokens + kKvBlock - 1) / kKvBlock;
    storage.assign(2 * blocks, std::vector<float>(kKvBlock * K * Q, std::numeric_limits<float>::quiet_NaN()));
    for (size_t i = 0; i < blocks; ++i) {
      keys.push_back(reinterpret_cast<std::byte*>(storage[2 * i].data()));
      values.push_back(reinterpret_cast<std::byte*>(storage[2 * i + 1].data()));
    }
    Machine machine;
    kv_write(machine.exec, k.view(), v.view(), 0, kv());
  }
  KvView kv() const { return {keys, values, K, Q, dtype}; }

  Matrix k, v;
  size_t K, Q;
  DType dtype;
  std::vector<std::vector<float>> storage;
  std::vector<std::byte*> keys, values;
  static const float* floats(std::byte* block) { return reinterpret_cast<float*>(block); }
};

Matrix attended(const Sequence& sequence, const Matrix& q, size_t position, int threads = 1, size_t padding = 0) {
  Machine machine(threads);
  Matrix y(q.view().rows, q.view().cols, 9, padding);
  attention(machine.exec, q.view(), sequence.kv(), position, kScale, y.view());
  EXPECT_TRUE(y.padding_untouched());
  return y;
}

TEST(KvWrite, PutsEachTokenIntoItsBlockAndTouchesNothingElse) {
  const Sequence sequence(70, 2, 5);
  Sequence chunked(70, 2, 5, 7);
  Machine machine;
  for (size_t t = 0, n = 1; t < 70; t += n, n = std::min<size_t>(n + 5, 70 - t))
    kv_write(machine.exec, sequence.k.view().row_range(t, n), sequence.v.view().row_range(t, n), t, chunked.kv());
  for (size_t t = 0; t < 70; ++t)
    for (size_t i = 0; i < 10; ++i) {
      EXPECT_EQ(chunked.floats(chunked.keys[t / 64])[t % 64 * 10 + i], sequence.k.view()(t, i));
      EXPECT_EQ(chunked.floats(chunked.values[t / 64])[t % 64 * 10 + i], sequence.v.view()(t, i));
    }
  EXPECT_TRUE(std::isnan(chunked.floats(chunked.keys[1])[6 * 10]) &&
              std::isnan(chunked.floats(chunked.values[1])[6 * 10]));
}

TEST(Attention, AgreesWithRefOnEveryHeadWidthAndGroupOfHeads) {
  test::for_each_instruction_set([] {
    for (const size_t Q : {1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128})
      for (const auto& [H, K] : {std::pair<size_t, size_t>{1, 1}, {4, 2}, {6, 1}, {3, 3}, {36, 2}}) {
        const Sequence sequence(67, K, Q);
        const Matrix q(4, H * Q, 3, 5, -2, 2);
        Matrix want(4, H * Q, 4);
        ref::attention(q.view(), sequence.kv(), 63, kScale, want.view());
        EXPECT_TRUE(test::near(attended(sequence, q, 63, 1, 3).view(), want.view(), test::sum_tolerance(Q + 67)))
            << "Q=" << Q << " H=" << H << " K=" << K;
      }
  });
}

TEST(Attention, AgreesWithRefAtEveryPositionAcrossBlocks) {
  test::for_each_instruction_set([] {
    const Sequence sequence(200, 2, 20);
    const Matrix q(200, 4 * 20, 3, 0, -4, 4);
    Matrix want(200, 4 * 20, 4);
    ref::attention(q.view(), sequence.kv(), 0, kScale, want.view());
    EXPECT_TRUE(test::near(attended(sequence, q, 0).view(), want.view(), test::sum_tolerance(220)));
  });
}

TEST(Attention, ReadsBf16KeysAndValuesAsTheNumbersTheyWereRoundedTo) {
  test::for_each_instruction_set([] {
    for (const size_t Q : {1, 7, 16, 33, 64, 128}) {
      const Sequence narrow(150, 2, Q, 1, DType::bf16);
      Sequence wide(150, 2, Q);
      const Matrix k = test::rounded(narrow.k), v = test::rounded(narrow.v);
      Machine machine;
      kv_write(machine.exec, k.view(), v.view(), 0, wide.kv());
      const Matrix q(20, 6 * 2 * Q, 3);
      EXPECT_TRUE(test::same_bits(attended(narrow, q, 130).view(), attended(wide, q, 130).view())) << Q;
      Matrix want(20, 6 * 2 * Q, 4);
      ref::attention(q.view(), narrow.kv(), 130, kScale, want.view());
      EXPECT_TRUE(test::near(attended(narrow, q, 130).view(), want.view(), test::sum_tolerance(Q + 150)));
    }
  });
}

TEST(Attention, StaysFiniteForLargeScores) {
  test::for_each_instruction_set([] {
    const Sequence sequence(130, 1, 16);
    const Matrix q(1, 16, 3, 0, -4000, 4000);
    Matrix want(1, 16, 4);
    ref::attention(q.view(), sequence.kv(), 129, kScale, want.view());
    EXPECT_TRUE(test::near(attended(sequence, q, 129).view(), want.view(), 4000 * test::sum_tolerance(16)));
  });
}

TEST(Attention, GivesEachTokenTheSameBitsAloneAndInAnyChunk) {
  test::for_each_instruction_set([] {
    const Sequence sequence(140, 2, 36);
    const Matrix q(140, 10 * 36, 3);
    const Matrix all = attended(sequence, q, 0);
    Machine machine;
    for (const size_t T : {1, 2, 5, 33, 64, 70})
      for (size_t t = 0; t + T <= 140; t += T) {
        Matrix some(T, 10 * 36, 4);
        attention(machine.exec, q.view().row_range(t, T), sequence.kv(), t, kScale, some.view());
        EXPECT_TRUE(test::same_bits(some.view(), all.view().row_range(t, T))) << T << " tokens from " << t;
      }
  });
}

TEST(Attention, GivesTheSameBitsForAnyNumberOfThreadsAndStrides) {
  test::for_each_instruction_set([] {
    const Sequence sequence(140, 2, 36);
    const Matrix q(70, 10 * 36, 3), one(1, 10 * 36, 4);
    const Matrix many = attended(sequence, q, 70), single = attended(sequence, one, 139);
    for (const int threads : {2, 3, 8}) {
      EXPECT_TRUE(test::same_bits(attended(sequence, q.padded(5), 70, threads, 3).view(), many.view())) << threads;
      EXPECT_TRUE(test::same_bits(attended(sequence, one, 139, threads).view(), single.view())) << threads;
    }
  });
}

TEST(Attention, GivesAHeadTheSameBitsAmongFewerHeads) {
  test::for_each_instruction_set([] {
    const Sequence sequence(100, 2, 36);
    const Matrix q(5, 10 * 36, 3);
    const Matrix all = attended(sequence, q, 95);
    Machine machine;
    for (const size_t H : {2, 4, 6}) {
      Matrix some(5, H * 36, 4);
      attention(machine.exec, q.view().col_range(0, H * 36), sequence.kv(), 95, kScale, some.view());
      EXPECT_TRUE(test::same_bits(some.view(), all.view().col_range(0, H * 36))) << H << " heads";
    }
  });
}

}  // namespace
}  // namespace starnest

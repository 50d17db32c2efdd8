#include "kernels/attention.h"

#include "kernels/ref/ops.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::kStart;
using test::Machine;
using test::Matrix;

constexpr float kScale = 0.3f;

// A sequence of `tokens` keys and values in blocks; what no token has written is NaN.
struct Sequence {
  Sequence(size_t tokens, size_t kv_heads, size_t head_dim, uint64_t seed = 1, DType stored = DType::f32)
      : k(tokens, kv_heads * head_dim, seed, 3),
        v(tokens, kv_heads * head_dim, seed + 1, 1),
        layout{kv_heads, head_dim, stored, kStart} {
    const std::vector<float> nothing(2 * kKvBlock * layout.row(), std::numeric_limits<float>::quiet_NaN());
    storage.assign((tokens + kKvBlock - 1) / kKvBlock, nothing);
    for (auto& block : storage) blocks.push_back(reinterpret_cast<std::byte*>(block.data()));
    write(0, k.view(), v.view());
  }
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  SequenceRun run(size_t position, size_t rows) const {
    return {.rows = rows, .position = position, .shells = 1, .kv = blocks};
  }
  void write(size_t position, MatView<const float> keys, MatView<const float> values) const {
    Machine machine;
    const RowSpan span{keys.rows, 1};
    const SequenceRun all = run(position, keys.rows);
    kv_write(machine.exec, {{&span, 1}, {&all, 1}}, layout, keys, values);
  }
  template <class Op>
  void attend(const Op& op, const Exec& exec, MatView<const float> q, size_t position, MatView<float> y) const {
    const test::Uniform rows(q.rows, q.cols / layout.head_dim);
    const SequenceRun all = run(position, q.rows);
    op(exec, {rows.batch().spans, {&all, 1}}, layout, rows.widths(), q, kScale, y);
  }
  const float* key(size_t token) const { return storage[token / kKvBlock].data() + token % kKvBlock * layout.row(); }
  const float* value(size_t token) const { return key(token) + kKvBlock * layout.row(); }

  Matrix k, v;
  KvLayout layout;
  std::vector<std::vector<float>> storage;
  std::vector<std::byte*> blocks;
};

Matrix attended(const Sequence& sequence, const Matrix& q, size_t position, int threads = 1, size_t padding = 0) {
  Machine machine(threads);
  Matrix y(q.view().rows, q.view().cols, 9, padding);
  sequence.attend(attention, machine.exec, q.view(), position, y.view());
  EXPECT_TRUE(y.padding_untouched());
  return y;
}

Matrix expected(const Sequence& sequence, const Matrix& q, size_t position) {
  Machine machine;
  Matrix y(q.view().rows, q.view().cols, 9);
  sequence.attend(ref::attention, machine.exec, q.view(), position, y.view());
  return y;
}

TEST(KvWrite, PutsEachTokenIntoItsBlockAndTouchesNothingElse) {
  test::for_each_back_end([] {
    const Sequence sequence(70, 2, 5);
    const Sequence chunked(70, 2, 5, 7);
    for (size_t t = 0, n = 1; t < 70; t += n, n = std::min<size_t>(n + 5, 70 - t))
      chunked.write(t, sequence.k.view().row_range(t, n), sequence.v.view().row_range(t, n));
    for (size_t t = 0; t < 70; ++t)
      for (size_t i = 0; i < 10; ++i) {
        EXPECT_EQ(chunked.key(t)[i], sequence.k.view()(t, i));
        EXPECT_EQ(chunked.value(t)[i], sequence.v.view()(t, i));
      }
    EXPECT_TRUE(std::isnan(chunked.key(70)[0]) && std::isnan(chunked.value(70)[0]));
  });
}

TEST(Attention, AgreesWithRefOnEveryHeadWidthAndGroupOfHeads) {
  test::for_each_back_end([] {
    for (const size_t Q : {1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128})
      for (const auto& [H, K] : {std::pair<size_t, size_t>{1, 1}, {4, 2}, {6, 1}, {3, 3}, {36, 2}}) {
        const Sequence sequence(67, K, Q);
        const Matrix q(4, H * Q, 3, 5, -2, 2);
        const Matrix want = expected(sequence, q, 63);
        EXPECT_TRUE(test::near(attended(sequence, q, 63, 1, 3).view(), want.view(), test::sum_tolerance(Q + 67)))
            << "Q=" << Q << " H=" << H << " K=" << K;
      }
  });
}

TEST(Attention, AgreesWithRefAtEveryPositionAcrossBlocks) {
  test::for_each_back_end([] {
    const Sequence sequence(200, 2, 20);
    const Matrix q(200, 4 * 20, 3, 0, -4, 4);
    const Matrix want = expected(sequence, q, 0);
    EXPECT_TRUE(test::near(attended(sequence, q, 0).view(), want.view(), test::sum_tolerance(220)));
  });
}

TEST(Attention, ReadsBf16KeysAndValuesAsTheNumbersTheyWereRoundedTo) {
  test::for_each_back_end([] {
    for (const size_t Q : {1, 7, 16, 33, 64, 128}) {
      const Sequence narrow(150, 2, Q, 1, DType::bf16);
      const Sequence wide(150, 2, Q);
      const Matrix k = test::rounded(narrow.k), v = test::rounded(narrow.v);
      wide.write(0, k.view(), v.view());
      const Matrix q(20, 6 * 2 * Q, 3);
      EXPECT_TRUE(test::same_bits(attended(narrow, q, 130).view(), attended(wide, q, 130).view())) << Q;
      const Matrix want = expected(narrow, q, 130);
      EXPECT_TRUE(test::near(attended(narrow, q, 130).view(), want.view(), test::sum_tolerance(Q + 150)));
    }
  });
}

// FP8 holds a number divided by its scale; read again, it is the product.
TEST(Attention, ReadsFp8KeysAndValuesAsTheNumbersTheyWereRoundedTo) {
  test::for_each_back_end([] {
    for (const size_t Q : {1, 7, 16, 33, 64, 128}) {
      Sequence narrow(150, 2, Q, 1, DType::f8_e4m3);
      narrow.layout.key_scale = 0.011f, narrow.layout.value_scale = 0.75f;
      narrow.write(0, narrow.k.view(), narrow.v.view());
      const Sequence wide(150, 2, Q);
      Matrix k = narrow.k, v = narrow.v;
      for (size_t t = 0; t < 150; ++t)
        for (size_t i = 0; i < 2 * Q; ++i) {
          k.view()(t, i) = 0.011f * e4m3_to_f32(to_e4m3(k.view()(t, i) / 0.011f));
          v.view()(t, i) = 0.75f * e4m3_to_f32(to_e4m3(v.view()(t, i) / 0.75f));
        }
      wide.write(0, k.view(), v.view());
      const Matrix q(20, 6 * 2 * Q, 3);
      EXPECT_TRUE(
          test::near(attended(narrow, q, 130).view(), attended(wide, q, 130).view(), 2 * test::sum_tolerance(Q + 150)))
          << Q;
      EXPECT_TRUE(
          test::near(attended(narrow, q, 130).view(), expected(narrow, q, 130).view(), test::sum_tolerance(Q + 150)));
    }
  });
}

// Every code: one key at a time, and a query of one.
TEST(Attention, ReadsEveryFp8Code) {
  test::for_each_back_end([] {
    for (int code = 0; code < 256; ++code) {
      const float number = e4m3_to_f32(uint8_t(code));
      const Sequence sequence(1, 1, 1, 1, DType::f8_e4m3);
      Matrix value(1, 1, 1, 0, 0, 0);
      value.view()(0, 0) = number;
      const Matrix zero(1, 1, 1, 0, 0, 0);  // a score that is NaN has no defined exponential
      sequence.write(0, std::isnan(number) ? zero.view() : value.view(), value.view());
      const float got = attended(sequence, Matrix(1, 1, 2), 0).view()(0, 0);
      EXPECT_TRUE(std::isnan(number) ? std::isnan(got) : got == number) << code << ": " << got;
    }
  });
}

TEST(Attention, StaysFiniteForLargeScores) {
  test::for_each_back_end([] {
    const Sequence sequence(130, 1, 16);
    const Matrix q(1, 16, 3, 0, -4000, 4000);
    const Matrix want = expected(sequence, q, 129);
    EXPECT_TRUE(test::near(attended(sequence, q, 129).view(), want.view(), 4000 * test::sum_tolerance(16)));
  });
}

TEST(Attention, GivesEachTokenTheSameBitsAloneAndInAnyChunk) {
  test::for_each_back_end([] {
    const Sequence sequence(140, 2, 36);
    const Matrix q(140, 10 * 36, 3);
    const Matrix all = attended(sequence, q, 0);
    Machine machine;
    for (const size_t T : {1, 2, 5, 33, 64, 70})
      for (size_t t = 0; t + T <= 140; t += T) {
        Matrix some(T, 10 * 36, 4);
        sequence.attend(attention, machine.exec, q.view().row_range(t, T), t, some.view());
        EXPECT_TRUE(test::same_bits(some.view(), all.view().row_range(t, T))) << T << " tokens from " << t;
      }
  });
}

TEST(Attention, GivesTheSameBitsForAnyNumberOfThreadsAndStrides) {
  test::for_each_back_end([] {
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
  test::for_each_back_end([] {
    const Sequence sequence(100, 2, 36);
    const Matrix q(5, 10 * 36, 3);
    const Matrix all = attended(sequence, q, 95);
    Machine machine;
    for (const size_t H : {2, 4, 6}) {
      Matrix some(5, H * 36, 4);
      sequence.attend(attention, machine.exec, q.view().col_range(0, H * 36), 95, some.view());
      EXPECT_TRUE(test::same_bits(some.view(), all.view().col_range(0, H * 36))) << H << " heads";
    }
  });
}

// Sequences of two sizes: other numbers of heads, and keys at another place of the blocks.
TEST(Attention, ABatchOfSequencesHasTheBitsOfEachAlone) {
  test::for_each_back_end([] {
    constexpr size_t K = 2, Q = 36, kHeads[] = {4, 10};
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const KvLayout alone{K, Q, dtype, kStart};
      const size_t offsets[] = {alone.bytes(), 0};
      const size_t rows[] = {3, 1, 70}, positions[] = {100, 0, 60}, shells[] = {2, 2, 1};
      const std::vector<RowSpan> spans{{4, 2}, {70, 1}};
      const Matrix q(74, 10 * Q, 1), k(74, K * Q, 2), v(74, K * Q, 3), before(130, K * Q, 4);
      for (const int threads : {1, 2, 8}) {
        Machine machine(threads);
        std::vector<std::vector<float>> memory(9, std::vector<float>(4 * kKvBlock * K * Q));
        std::vector<std::vector<std::byte*>> blocks(3);
        std::vector<SequenceRun> runs;
        Matrix y(74, 10 * Q, 5), want = y;
        for (size_t i = 0, first = 0; i < 3; first += rows[i++]) {
          for (size_t b = 0; b < 3; ++b) blocks[i].push_back(reinterpret_cast<std::byte*>(memory[3 * i + b].data()));
          runs.push_back({first, rows[i], positions[i], shells[i], nullptr, blocks[i]});
          if (positions[i] == 0) continue;
          const RowSpan span{positions[i], shells[i]};
          const SequenceRun past{0, positions[i], 0, shells[i], nullptr, blocks[i]};
          const auto earlier = before.view().row_range(0, positions[i]);
          kv_write(machine.exec, {{&span, 1}, {&past, 1}}, {K, Q, dtype, offsets}, earlier, earlier);
        }
        kv_write(machine.exec, {spans, runs}, {K, Q, dtype, offsets}, k.view(), v.view());
        attention(machine.exec, {spans, runs}, {K, Q, dtype, offsets}, kHeads, q.view(), kScale, y.view());
        for (size_t i = 0; i < 3; ++i) {
          const Sequence own(positions[i] + rows[i], K, Q, 1, dtype);
          if (positions[i] > 0) {
            const auto earlier = before.view().row_range(0, positions[i]);
            own.write(0, earlier, earlier);
          }
          own.write(positions[i], k.view().row_range(runs[i].first_row, rows[i]),
                    v.view().row_range(runs[i].first_row, rows[i]));
          const auto part = [&](auto m) {
            return m.row_range(runs[i].first_row, rows[i]).col_range(0, kHeads[shells[i] - 1] * Q);
          };
          own.attend(attention, machine.exec, part(q.view()), positions[i], part(want.view()));
        }
        EXPECT_TRUE(test::same_bits(y.view(), want.view())) << threads << " threads";
      }
    }
  });
}

}  // namespace
}  // namespace starnest

// Whole models against transformers: every block type, every naming, every size in place.
#include "golden.h"

#include <gtest/gtest.h>

#include "kernels/cpu/isa.h"

namespace starnest {
namespace {

class Golden : public testing::TestWithParam<std::string> {};
class GoldenBf16 : public testing::TestWithParam<std::string> {};

// F32 arithmetic on the file's numbers; the BF16 dot product rounds what it multiplies (2^-9 each), and BF16 keys and
// values are rounded once more.
double tolerance(const Engine& engine) {
  const bool rounds = engine.encodings().front() == Encoding::bf16 && engine.device().kernel_path() == "avx512bf16";
  return rounds ? 2e-2 : 1e-4;
}

TEST_P(Golden, EverySizeInPlaceEqualsTransformersOnTheSlicedWeights) {
  const FamilySpec family = read_family(golden::folder(GetParam()));
  ASSERT_EQ(family.sizes.largest(), 3u);
  golden::on_every_back_end([&](const std::shared_ptr<Device>& device) {
    Engine engine(family, device, {.threads = 2, .kv_dtype = DType::f32});
    for (const Size& size : engine.sizes().ascending()) {
      const golden::Golden expected = golden::read(GetParam(), size.name);
      const std::vector<float> logits = golden::logits_of(engine, size.name, expected.ids);
      EXPECT_LE(golden::relative_error(logits, expected.logits_f32, engine.vocab()), tolerance(engine)) << size.name;
    }
  });
}

TEST_P(GoldenBf16, OurErrorInBf16IsNotAboveTransformersOwn) {
  golden::on_every_back_end([&](const std::shared_ptr<Device>& device) {
    Engine engine(read_family(golden::folder(GetParam())), device, {.threads = 1});
    for (const Size& size : engine.sizes().ascending()) {
      const golden::Golden expected = golden::read(GetParam(), size.name);
      const double theirs = golden::relative_error(expected.logits, expected.logits_f32, engine.vocab());
      const double ours = golden::relative_error(golden::logits_of(engine, size.name, expected.ids),
                                                 expected.logits_f32, engine.vocab());
      EXPECT_LE(ours, 1.1 * theirs) << size.name;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Golden, testing::ValuesIn(golden::kNames),
                         [](const auto& checkpoint) { return checkpoint.param; });

INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenBf16, testing::Values("mixed_bf16", "wide_bf16"),
                         [](const auto& checkpoint) { return checkpoint.param; });

}  // namespace
}  // namespace starnest

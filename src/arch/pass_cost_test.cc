#include "arch/pass_cost.h"

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include "arch/family_spec.h"

namespace starnest {
namespace {

const std::filesystem::path kTests = std::filesystem::path(STARNEST_SOURCE_DIR) / "tests";

TEST(PassCost, OfOneTokenIsTheDecodingCost) {
  for (const char* folder : {"data/configs/nano_30b", "golden/moe_f32", "golden/mixed_bf16", "golden/dense_f32"}) {
    const FamilySpec family = read_family(kTests / folder);
    for (const Size& size : family.sizes.ascending()) {
      const std::vector<PassPart> one{{&size.widths}};
      const double expected = double(cost_of(family.spec, size.widths, Encoding::bf16).decode_bytes_per_token);
      EXPECT_NEAR(pass_cost_of(family.spec, published_as(Encoding::bf16, family.spec), one).bytes / expected, 1, 1e-6)
          << folder << size.name;
    }
  }
}

TEST(PassCost, ManyTokensReadEveryWeightOnceAndTheEmbeddingByRows) {
  const FamilySpec family = read_family(kTests / "data/configs/nano_30b");
  const Widths& full = family.largest().widths;
  const uint64_t tokens = 4096;
  const std::vector<PassPart> many{{&full, tokens, 1}};
  const double embedding = double(family.spec.vocab - int(tokens)) * family.spec.hidden * 2;
  const double bytes = double(cost_of(family.spec, full, Encoding::bf16).bytes);
  EXPECT_NEAR(pass_cost_of(family.spec, published_as(Encoding::bf16, family.spec), many).bytes / (bytes - embedding), 1,
              1e-6);
}

TEST(PassCost, FlopsAreTwoPerActiveWeightAndTheHeadCountsPerWantedLogit) {
  const FamilySpec family = read_family(kTests / "data/configs/nano_30b");
  const Widths& full = family.largest().widths;
  const double table = double(family.spec.vocab) * family.spec.hidden;
  const double active = double(cost_of(family.spec, full, Encoding::bf16).active_parameters) - 2 * table;
  const std::vector<PassPart> prefill{{&full, 512, 1}}, silent{{&full, 512, 0}};
  const double flops = pass_cost_of(family.spec, published_as(Encoding::bf16, family.spec), prefill).flops;
  EXPECT_NEAR(flops / (2 * (512 * active + table)), 1, 1e-3);  // norms, taps and biases are no products
  EXPECT_EQ(flops - pass_cost_of(family.spec, published_as(Encoding::bf16, family.spec), silent).flops, 2 * table);
}

// Summed up once for a family, for any sizes in any order.
TEST(PassCosts, AreThoseOfTheSamePasses) {
  for (const char* folder : {"data/configs/nano_30b", "golden/moe_f32", "golden/mixed_bf16"}) {
    const FamilySpec family = read_family(kTests / folder);
    std::vector<const Widths*> widths;
    for (const Size& size : family.sizes.ascending()) widths.push_back(&size.widths);
    const PassCosts costs(family.spec, published_as(Encoding::bf16, family.spec), widths);
    for (const std::vector<PassCosts::Part>& parts :
         {std::vector<PassCosts::Part>{{1, 1, 1}}, {{2, 7, 0}, {1, 3, 3}}, {{1, 512, 1}, {3, 1, 1}, {1, 2, 0}}}) {
      std::vector<PassPart> same;
      for (const PassCosts::Part& part : parts)
        same.push_back({&family.sizes.at(part.size).widths, part.tokens, part.logits});
      const PassCost expected = pass_cost_of(family.spec, published_as(Encoding::bf16, family.spec), same),
                     got = costs.of(parts);
      EXPECT_NEAR(got.bytes / expected.bytes, 1, 1e-12) << folder;
      EXPECT_NEAR(got.flops / expected.flops, 1, 1e-12) << folder;
    }
  }
}

TEST(PassCost, ASmallerSizeRidesAlongInAMixedStep) {
  const FamilySpec family = read_family(kTests / "data/configs/nano_30b");
  const Widths& large = family.largest().widths;
  const Widths& small = family.sizes.at(1).widths;
  const auto cost = [&](const std::vector<PassPart>& parts) {
    return pass_cost_of(family.spec, published_as(Encoding::bf16, family.spec), parts);
  };
  const PassCost l = cost({{&large}}), s = cost({{&small}}), both = cost({{&large}, {&small}});
  EXPECT_DOUBLE_EQ(both.flops, l.flops + s.flops);
  EXPECT_GT(both.bytes, l.bytes);  // the experts that the small token alone has chosen
  EXPECT_LT(both.bytes, l.bytes + 0.5 * s.bytes);
  EXPECT_DOUBLE_EQ(cost({{&small}, {&large}}).bytes, both.bytes);
}

}  // namespace
}  // namespace starnest

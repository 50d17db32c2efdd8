#include "train/jobs/budgets.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "base/text.h"
#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

using Unit = BudgetText::Unit;

TEST(Budgets, AreFractionsCountsOrBytes) {
  EXPECT_EQ(parse_budget("0.75").name, "0.75");
  EXPECT_EQ(parse_budget("0.75").unit, Unit::fraction);
  const BudgetText count = parse_budget("small=2.8B");
  EXPECT_EQ(count.name, "small");
  EXPECT_DOUBLE_EQ(count.amount, 2.8e9);
  EXPECT_EQ(count.unit, Unit::count);
  EXPECT_EQ(parse_budget("266984").unit, Unit::count);
  const BudgetText bytes = parse_budget("12GiB");
  EXPECT_DOUBLE_EQ(bytes.amount, 12.0 * (1 << 30));
  EXPECT_EQ(bytes.unit, Unit::bytes);
}

std::string refused(const std::vector<std::string>& budgets, const std::string& of = "active") {
  const ModelSpec spec = test_models::small_spec();
  const std::string hidden = "hidden_size=" + std::to_string(spec.hidden) + "," + std::to_string(spec.hidden - 16);
  return error_of([&] { make_search({.budgets = budgets, .of = of, .choices = {hidden}}, {}, spec, 1000, 1); });
}

TEST(Budgets, OfBytesCountThoseOfTheCheckpointThatIsMeant) {
  const ModelSpec spec = test_models::small_spec();
  for (const auto& [name, format] : {std::pair{"bf16", Encoding::bf16}, std::pair{"nvfp4", Encoding::nvfp4}}) {
    const auto full = uint64_t(exact_cost(spec, full_widths(spec), {CostKind::bytes, format}));
    const std::string message =
        error_of([&] { make_search({.budgets = {"1GiB"}, .format = name, .choices = {}}, {}, spec, 1000, 1); });
    EXPECT_NE(message.find("less than " + grouped(full)), std::string::npos) << message;
  }
  EXPECT_NE(error_of([&] { make_search({.budgets = {"1KiB"}, .format = "int8"}, {}, spec, 9, 1); }).find("nvfp4"),
            std::string::npos);
}

TEST(Budgets, OfBytesHoldTheCachesOfAContext) {
  const ModelSpec spec = test_models::small_spec();
  CostMeasure of(CostKind::bytes);
  of.sequences = 3;
  of.context = 1000;
  const auto full = uint64_t(exact_cost(spec, full_widths(spec), of));
  EXPECT_EQ(double(full), exact_cost(spec, full_widths(spec), CostKind::bytes) +
                              3 * state_cost_of(spec, full_widths(spec)).bytes(1000));
  const auto refused_with = [&](const std::string& budget, const std::string& counted) {
    return error_of(
        [&] { make_search({.budgets = {budget}, .of = counted, .context = 1000, .sequences = 3}, {}, spec, 1000, 1); });
  };
  const std::string message = refused_with("1GiB", "active");
  EXPECT_NE(message.find("less than " + grouped(full)), std::string::npos) << message;
  EXPECT_NE(refused_with("0.5", "active").find("needs budgets of bytes"), std::string::npos);
  EXPECT_NE(refused_with("0.5", "bytes").find("The nearest costs"), std::string::npos);  // of the full model alone
}

TEST(Budgets, AreDistinctAndBelowTheFullModel) {
  EXPECT_NE(refused({"a=0.9", "a=0.8"}).find("two sizes have the name 'a'"), std::string::npos);
  EXPECT_NE(refused({"large=0.9"}).find("two sizes have the name 'large'"), std::string::npos);
  EXPECT_NE(refused({"a=0.9,b=0.9"}).find("a and b are equal"), std::string::npos);
  EXPECT_NE(refused({"a=inf"}).find("is no budget"), std::string::npos);
  // The full model is within 5 % of the first, and the only cut within 5 % of both others.
  EXPECT_NE(refused({"0.97"}).find("The nearest costs"), std::string::npos);
  EXPECT_NE(refused({"0.70", "0.69"}).find("no nested sizes"), std::string::npos);
}

TEST(Budgets, AloneAreWhatASearchIsFor) {
  const ModelSpec spec = test_models::small_spec();
  EXPECT_EQ(make_search({}, {}, spec, 9, 1), nullptr);
  EXPECT_NE(
      error_of([&] { make_search({.choices = {"hidden_size=48,32"}}, {}, spec, 9, 1); }).find("--choice: says how"),
      std::string::npos);
  EXPECT_NE(error_of([&] { make_search({}, {.steps = 3}, spec, 9, 1); }).find("--router-steps: says how"),
            std::string::npos);
  EXPECT_NE(error_of([&] { make_search({.drop = {0, 1}}, {}, spec, 9, 1); }).find("--drop: says how"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              make_search({.budgets = {"1KiB"}, .sequences = 2}, {}, spec, 9, 1);
            }).find("needs --budget-context"),
            std::string::npos);
}

TEST(Budgets, ThatCannotBeKeptAreNamed) {
  const auto says = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  says(error_of([] { parse_budget("12GX"); }), "is no budget");
  says(error_of([] { parse_budget("1.0"); }), "needs no budget");
  says(error_of([] { parse_budget("-0.5"); }), "out of range");
  says(refused({"0.9", "12MiB"}), "mixes");
  says(refused({"1e9"}), "not below the cost of the full model");
  says(refused({"0.9"}, "most"), "active, total or bytes");
  says(refused({"0.2"}), "The nearest costs are none below and ");
}

}  // namespace
}  // namespace starnest::train

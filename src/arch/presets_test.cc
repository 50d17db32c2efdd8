#include "arch/presets.h"

#include <gtest/gtest.h>

#include "arch/cost.h"
#include "arch/family_spec.h"
#include "base/test_support.h"

namespace starnest {
namespace {

const std::filesystem::path kNanoFolder = std::filesystem::path(STARNEST_SOURCE_DIR) / "tests/data/configs/nano_30b";

TEST(Presets, FitTheModelTheyAreFor) {
  ASSERT_GE(preset_names().size(), 2u);
  for (const std::string& name : preset_names()) {
    const FamilySpec family = read_family(kNanoFolder, name);
    ASSERT_EQ(family.sizes.largest(), 3u) << name;
    const auto parameters = [&](size_t size) {
      return double(cost_of(family.spec, family.sizes.at(size).widths, Encoding::bf16).parameters);
    };
    EXPECT_EQ(parameters(3), 31'577'940'288.0) << name;
    EXPECT_NEAR(parameters(2), 23.75e9, 0.25e9) << name;
    EXPECT_NEAR(parameters(1), 12.2e9, 0.3e9) << name;
  }
}

TEST(Presets, SayWhatIsNotConfirmed) {
  for (const std::string& name : preset_names()) {
    const FamilySpec family = read_family(kNanoFolder, name);
    ASSERT_EQ(family.notices.size(), 1u) << name;
    EXPECT_NE(family.notices.front().find("not confirmed"), std::string::npos);
  }
}

TEST(Presets, AnUnknownNameListsTheKnownOnes) {
  const std::string message = error_of([] { read_family(kNanoFolder, "nemotron-4"); });
  EXPECT_NE(message.find("neither a file nor a preset"), std::string::npos) << message;
  EXPECT_NE(message.find("nemotron-3-elastic-30b"), std::string::npos) << message;
}

TEST(Family, ADefaultPlanOfUnknownSizesIsNamed) {
  const TestFolder folder;
  const std::string file = folder.write("elastic.json", R"({"format": "starnest-elastic", "version": 1,
    "sizes": [{"name": "30b"}], "default_plan": {"think": "23b", "answer": "30b"}})");
  const std::string message = error_of([&] { read_family(kNanoFolder, file); });
  EXPECT_NE(message.find("default_plan: there is no size '23b'"), std::string::npos) << message;
}

}  // namespace
}  // namespace starnest

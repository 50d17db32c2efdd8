#include "format/json/hf_config.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

// What setting values leaves of a text.
TEST(HfConfig, SettingAValueLeavesEveryOtherByte) {
  const std::string before = R"({
    "time_step_limit": [0.0, Infinity],
    "layer_norm_epsilon": 1e-05, "rope_theta": 1.0E4,
    "hidden_size" : 64 ,
    "nan": NaN, "low": -Infinity, "tagged": {"__float__": "Infinity"},
    "big": 123456789012345678901234567890, "name": "a \"quoted\" \u00e9, {",
    "nested": {"hidden_size": 64, "list": [1, [2, {"hidden_size": 3}]]},
    "last": null
}
)";
  HfConfig config = HfConfig::parse(before, "c");
  EXPECT_EQ(config.text(), before);
  config.set({"hidden_size"}, 48);
  std::string after = before;
  after.replace(after.find(": 64 ,") + 2, 2, "48");
  EXPECT_EQ(config.text(), after);
  EXPECT_EQ(config.require_int({"hidden_size"}), 48);
  EXPECT_EQ(HfConfig::parse(config.text(), "c").require_int({"hidden_size"}), 48);
}

TEST(HfConfig, AddsAKeyBehindTheOthersInTheirLayout) {
  HfConfig lines = HfConfig::parse("{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}\n", "c");
  lines.set({"new", "newer"}, std::string("x"));
  lines.set({"b"}, std::vector<int>{3, 4});
  EXPECT_EQ(lines.text(), "{\n  \"a\": 1,\n  \"b\": [\n    3,\n    4\n  ],\n  \"new\": \"x\"\n}\n");
  HfConfig line = HfConfig::parse(R"({"a": {"b": 1}})", "c");
  line.set({"c"}, 2);
  EXPECT_EQ(line.text(), R"({"a": {"b": 1}, "c": 2})");
  HfConfig empty = HfConfig::parse("{}", "c");
  empty.set({"c"}, 2);
  EXPECT_EQ(empty.text(), R"({"c": 2})");
}

TEST(HfConfig, WritesTaggedFloatsAsBareWords) {
  HfConfig config = HfConfig::parse(
      R"({"a": [0.0, {"__float__": "Infinity"}], "b": {"__float__" :"-Infinity"} , "c": {"x": {"__float__":"NaN"}},
 "d": "{\"__float__\": \"NaN\"}", "e": {"__float__": "big"}, "f": {"__float__": "NaN", "g": 1}, "h": Infinity})",
      "c");
  config.use_bare_floats();
  EXPECT_EQ(config.text(), R"({"a": [0.0, Infinity], "b": -Infinity , "c": {"x": NaN},
 "d": "{\"__float__\": \"NaN\"}", "e": {"__float__": "big"}, "f": {"__float__": "NaN", "g": 1}, "h": Infinity})");
  EXPECT_EQ(HfConfig::parse(config.text(), "c").find_numbers({"a"})->back(), std::numeric_limits<double>::infinity());
}

TEST(HfConfig, SetsEveryNameThatIsPresentHoweverItIsSpelt) {
  HfConfig config = HfConfig::parse(R"({"\u0061": "old", "b": [[1]]})", "c");
  config.set({"a", "b", "c"}, 5);
  EXPECT_EQ(config.text(), R"({"\u0061": 5, "b": 5})");
  EXPECT_FALSE(config.has({"c"}));
}

}  // namespace
}  // namespace starnest

#include "format/text/added_tokens.h"

#include <gtest/gtest.h>

namespace starnest {
namespace {

// "(id:text)" for tokens, the text for what lies between.
std::string split(std::vector<AddedToken> tokens, std::string_view text, bool parse_special = true) {
  std::string out;
  for (const AddedSegment& segment : AddedTokenMatcher(std::move(tokens)).split(text, parse_special)) {
    const std::string part(text.substr(segment.begin, segment.end - segment.begin));
    out += segment.id < 0 ? "[" + part + "]" : "(" + std::to_string(segment.id) + ":" + part + ")";
  }
  return out;
}

TEST(AddedTokens, TheLongestTokenWinsAtTheLeftmostPlace) {
  const std::vector<AddedToken> tokens{
      {.id = 1, .content = "<a"}, {.id = 2, .content = "<ab>"}, {.id = 3, .content = "b>"}};
  EXPECT_EQ(split(tokens, "x<ab>y"), "[x](2:<ab>)[y]");
  EXPECT_EQ(split(tokens, "<ab"), "(1:<a)[b]");
  EXPECT_EQ(split(tokens, "<<ab>b>"), "[<](2:<ab>)(3:b>)");
  EXPECT_EQ(split(tokens, ""), "");
  EXPECT_EQ(split({}, "x"), "[x]");
}

TEST(AddedTokens, TokensMayBeginWithTheSameBytes) {
  const std::vector<AddedToken> spaces{{.id = 2, .content = "  "}, {.id = 3, .content = "   "}};
  EXPECT_EQ(split(spaces, "a     b"), "[a](3:   )(2:  )[b]");
  EXPECT_EQ(split({{.id = 1, .content = "é"}, {.id = 2, .content = "è"}}, "éè"), "(1:é)(2:è)");
}

TEST(AddedTokens, StripTakesWhiteSpaceAlong) {
  const auto token = [](bool left, bool right) {
    return std::vector<AddedToken>{{.id = 1, .content = "M", .lstrip = left, .rstrip = right}};
  };
  EXPECT_EQ(split(token(true, false), "a \u3000M b"), "[a](1: \u3000M)[ b]");
  EXPECT_EQ(split(token(false, true), "a M \nb"), "[a ](1:M \n)[b]");
  EXPECT_EQ(split(token(true, true), " M M "), "(1: M )(1:M )");
}

TEST(AddedTokens, ASingleWordTouchesNoWord) {
  const std::vector<AddedToken> tokens{{.id = 1, .content = "ab", .single_word = true}};
  EXPECT_EQ(split(tokens, "ab, xab ab1 éab ab"), "(1:ab)[, xab ab1 éab ](1:ab)");
}

TEST(AddedTokens, SpecialTokensCanStayText) {
  const std::vector<AddedToken> tokens{{.id = 1, .content = "<s>", .special = true}, {.id = 2, .content = "xx"}};
  EXPECT_EQ(split(tokens, "<s>xx"), "(1:<s>)(2:xx)");
  EXPECT_EQ(split(tokens, "<s>xx", /*parse_special=*/false), "[<s>](2:xx)");
}

}  // namespace
}  // namespace starnest

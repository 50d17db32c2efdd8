#include "generate/stop_text.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "starnest/error.h"

namespace starnest {
namespace {

using Strings = std::vector<std::string>;

// What each push gives; the end of the text is the last entry.
Strings stream(const Strings& stops, const Strings& pieces) {
  StopText stop(stops);
  Strings out;
  for (const std::string& piece : pieces) out.push_back(stop.push(piece));
  out.push_back(stop.finish());
  return out;
}

std::string text_of(const Strings& stops, const Strings& pieces) {
  std::string all;
  for (const std::string& part : stream(stops, pieces)) all += part;
  return all;
}

TEST(StopText, WithoutStringsEverythingPasses) { EXPECT_EQ(stream({}, {"a", "bc"}), (Strings{"a", "bc", ""})); }

TEST(StopText, EndsBeforeTheStringAndHoldsBackWhatMayBeginIt) {
  EXPECT_EQ(stream({"END"}, {"xE", "N", "D", "y"}), (Strings{"x", "", "", "", ""}));
  EXPECT_EQ(stream({"END"}, {"xE", "N", "O", "y"}), (Strings{"x", "", "ENO", "y", ""}));
  EXPECT_EQ(stream({"END"}, {"xEN"}), (Strings{"x", "EN"}));  // the text ended first
  EXPECT_EQ(stream({"END"}, {"xENDyEND"}), (Strings{"x", ""}));
}

TEST(StopText, APartialMatchThatFailsMayContainTheBeginOfAnother) {
  EXPECT_EQ(text_of({"aab"}, {"a", "a", "a", "b", "c"}), "a");
  EXPECT_EQ(text_of({"abac"}, {"ab", "ab", "ac", "x"}), "ab");
}

TEST(StopText, TheStringThatIsCompleteFirstCountsAndOfThoseTheLongest) {
  EXPECT_EQ(text_of({"bcd", "c"}, {"abcd"}), "ab");
  EXPECT_EQ(text_of({"bc", "abc"}, {"xabc"}), "x");
  EXPECT_EQ(text_of({"ab", "abc"}, {"xabc"}), "x");
}

TEST(StopText, DoesNotDependOnHowTheTextIsCut) {
  const std::string text = "abacabadabacabaeabacab";
  for (const Strings& stops : {Strings{"abae"}, Strings{"cabad", "da"}, Strings{"aa"}, Strings{"bacabae", "caba"}}) {
    const std::string whole = text_of(stops, {text});
    for (size_t width = 1; width < text.size(); ++width) {
      Strings pieces;
      for (size_t at = 0; at < text.size(); at += width) pieces.push_back(text.substr(at, width));
      EXPECT_EQ(text_of(stops, pieces), whole) << stops[0] << " in pieces of " << width;
    }
  }
}

TEST(StopText, NeverCutsACharacter) {
  EXPECT_EQ(stream({"\u00e9!"}, {"\u00e8", "\u00e9", "?"}), (Strings{"\u00e8", "", "\u00e9?", ""}));
}

TEST(StopText, RefusesStringsThatCannotBeMeant) {
  EXPECT_EQ(error_of([] { StopText({"a", ""}); }), "stop: is empty.");
  EXPECT_EQ(error_of([] { StopText({"ab\xff"}); }), "stop: is not valid UTF-8 at byte 2.");
  EXPECT_THROW(StopText(Strings(65, "a")), Error);
  EXPECT_THROW(StopText({std::string(70000, 'a')}), Error);
}

}  // namespace
}  // namespace starnest

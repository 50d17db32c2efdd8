#include "format/text/regex.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

std::vector<std::string> matches(std::string_view pattern, std::string_view text,
                                 Regex::Syntax syntax = Regex::Syntax::oniguruma) {
  std::vector<std::string> found;
  Regex(pattern, syntax, "test").find_all(text, [&](size_t begin, size_t end) {
    found.emplace_back(text.substr(begin, end - begin));
  });
  return found;
}

using Texts = std::vector<std::string>;

TEST(Regex, FindsMatchesFromLeftToRight) {
  EXPECT_EQ(matches("a+", "aabca"), (Texts{"aa", "a"}));
  EXPECT_EQ(matches("\\p{L}+", "é中 b"), (Texts{"é中", "b"}));
  EXPECT_EQ(matches("x", ""), Texts{});
  EXPECT_EQ(matches("(?<=a)b", "abcb"), Texts{"b"});
}

TEST(Regex, EmptyMatchesMoveOnByWholeCharacters) {
  EXPECT_EQ(matches("a*", "éaa"), (Texts{"", "aa"}));  // the one after "aa" touches it
}

TEST(Regex, LiteralTextHasNoSpecialCharacters) {
  EXPECT_EQ(matches("a.b", "axb a.b", Regex::Syntax::literal), Texts{"a.b"});
  EXPECT_EQ(matches("\\s", "\\s ", Regex::Syntax::literal), Texts{"\\s"});
}

TEST(Regex, WhiteSpaceIsOnigurumasInAndOutsideOfClasses) {
  const std::string not_space = "\u180e";  // PCRE2's own \s has it
  for (const char* pattern : {"\\s", "[\\s]", "[^\\S]"}) {
    EXPECT_EQ(matches(pattern, not_space), Texts{}) << pattern;
    EXPECT_EQ(matches(pattern, " \u0085\u00a0\u3000\u2028").size(), 5u) << pattern;
  }
  EXPECT_EQ(matches("\\S", not_space).size(), 1u);
  EXPECT_EQ(matches("[^\\s\\p{L}]", not_space + "a "), Texts{not_space});
}

TEST(Regex, WordCharactersAreOnigurumas) {
  EXPECT_EQ(matches("\\w+", "a_1\u0301Ⓐ½-"), Texts{"a_1\u0301Ⓐ½"});
  EXPECT_EQ(matches("[\\w]+", "a½"), Texts{"a"});
  EXPECT_EQ(matches("\\W", "a½-"), Texts{"-"});
}

TEST(Regex, LinesAreThoseOfRuby) {
  EXPECT_EQ(matches("^.", "ab\ncd"), (Texts{"a", "c"}));
  EXPECT_EQ(matches(".$", "ab\ncd"), (Texts{"b", "d"}));
  EXPECT_EQ(matches(".", "\r\n"), Texts{"\r"});
}

TEST(Regex, ScriptsAreNotExtended) {
  EXPECT_EQ(matches("\\p{Han}", "中、"), Texts{"中"});  // U+3001 has Han among its script extensions only
}

TEST(Regex, LongRunsNeedNoStack) {
  const std::string spaces(2'000'000, ' ');
  EXPECT_EQ(matches("\\s+(?!\\S)|\\s+", spaces + "x").size(), 2u);
  EXPECT_EQ(matches("(?:a|b)+", std::string(10'000, 'a')).size(), 1u);
}

TEST(Regex, GivingUpIsAnError) {
  const std::string text = std::string(60, 'a') + "bc";
  const std::string message = error_of([&] { matches("(?:a+)+c", text); });
  EXPECT_NE(message.find("gave up at byte 0"), std::string::npos) << message;
}

TEST(Regex, WhatPcreRefusesIsNamed) {
  for (const char* pattern : {"(", "*", "\\p{Nonsense}", "(?<=a+)b"}) {
    EXPECT_NE(error_of([&] { matches(pattern, ""); }).find("test: the pattern cannot be used"), std::string::npos)
        << pattern;
  }
}

TEST(RegexSyntax, RespellsWhatMeansSomethingElse) {
  const auto pcre = [](std::string_view pattern) { return pcre2_from_oniguruma(pattern, "test"); };
  EXPECT_EQ(pcre("a\\s[\\S]"), "a\\p{White_Space}[\\P{White_Space}]");
  EXPECT_EQ(pcre("\\d\\D"), "\\p{Nd}\\P{Nd}");
  EXPECT_EQ(pcre("[\\u4e00-\\u9fa5]"), "[\\x{4e00}-\\x{9fa5}]");
  EXPECT_EQ(pcre("\\p{Han}\\p{Lu}\\p{^L}\\P{M}"), "\\p{sc:Han}\\p{Lu}\\p{^L}\\P{M}");
  for (const char* same : {"(?i:'s|'t)", "a{2,3}b{2}c{1,}", "[^\\r\\n\\p{L}]?+", "(?=a)(?!b)(?<!c)(?>d)",
                           "[\\]\\[\\\\^-]", "\\x41\\x{1F600}", "\\.\\*\\ "}) {
    EXPECT_EQ(pcre(same), same);
  }
}

TEST(RegexSyntax, RefusesWhatItCannotRespell) {
  for (const char* pattern :
       {"\\b",    "\\h",         "\\R",    "\\X",     "\\K",   "\\1",          "\\k<a>", "[\\W]", "[a[b]]",
        "[a&&b]", "[[:alpha:]]", "(?m:a)", "(?<n>a)", "(?#c)", "(*FAIL)|(?R)", "a{,3}",  "a{1",   "a{1}+",
        "\\xff",  "\\x4",        "\\u12",  "\\pL",    "\\p{L", "[]a]",         "[a",     "\\",    "\\01"}) {
    const std::string message = error_of([&] { pcre2_from_oniguruma(pattern, "test"); });
    EXPECT_NE(message.find("not supported"), std::string::npos) << pattern << ": " << message;
  }
}

}  // namespace
}  // namespace starnest

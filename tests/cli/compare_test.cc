// `starnest compare`: two evaluations of the same questions.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "program.h"

namespace starnest {
namespace {

std::string answer_line(const std::string& question, bool right) {
  return R"({"question":")" + question + R"(","plan":"small>large","right":)" + (right ? "true" : "false") + "}\n";
}

// Questions 0 .. right + wrong - 1, the first `right` of them answered rightly.
std::string answers(int right, int wrong) {
  std::string text;
  for (int i = 0; i < right + wrong; ++i) text += answer_line("r:" + std::to_string(i), i < right);
  return text;
}

TEST(Compare, PairsTheAnswersToEachQuestion) {
  const TestFolder folder;
  const std::string a = folder / "a", b = folder / "b";
  put_file(a, answers(90, 10));
  put_file(b, answers(80, 20));
  const Finished text = starnest_program({"compare", a, b});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_CONTAINS(text.out, "100 questions, paired");
  EXPECT_CONTAINS(text.out, "small>large");
  EXPECT_CONTAINS(text.out, "only the first right 10, only the second 0; McNemar's exact test p = 0.00195");
  EXPECT_CONTAINS(text.out, "difference +10.00 points");
  EXPECT_CONTAINS(text.out, "not worse");

  const nlohmann::json report =
      nlohmann::json::parse(starnest_program({"compare", b, a, "--margin", "2", "--json"}).out);
  EXPECT_EQ(report["both_right"], 80);
  EXPECT_EQ(report["only_second_right"], 10);
  EXPECT_EQ(report["neither_right"], 10);
  EXPECT_EQ(report["non_inferior"], false);
  EXPECT_EQ(report["margin"], 0.02);
}

TEST(Compare, SaysHowManyQuestionsAreMissingWhenNothingIsShown) {
  const TestFolder folder;
  const std::string a = folder / "a", b = folder / "b";
  put_file(a, answer_line("r:0", true) + answer_line("r:1", false) + answer_line("r:2", true));
  put_file(b, answer_line("r:2", true) + answer_line("r:1", true) + answer_line("r:0", false));
  EXPECT_CONTAINS(starnest_program({"compare", a, b}).out, "need about 52,334 questions");  // 7.85 * 2/3 / 0.01^2
}

TEST(Compare, RefusesOtherQuestionsTwiceTheSameAndBadFiles) {
  const TestFolder folder;
  const std::string a = folder / "a", b = folder / "b";
  const auto error = [&] {
    const Finished done = starnest_program({"compare", a, b});
    EXPECT_EQ(done.exit_code, 1);
    EXPECT_EQ(done.out, "");
    return done.err;
  };
  put_file(a, answers(3, 0));
  put_file(b, answers(2, 0));
  EXPECT_CONTAINS(error(), "expected 'r:2'");
  put_file(b, answers(4, 0));
  EXPECT_CONTAINS(error(), "expected 3, got 4");
  put_file(b, answer_line("r:0", true) + answer_line("r:0", true));
  EXPECT_CONTAINS(error(), "twice");
  put_file(b, "");
  EXPECT_CONTAINS(error(), "holds no answers");
  put_file(b, "{\"question\":\"r:0\",\"right\":1}\n");
  EXPECT_CONTAINS(error(), "right");
}

TEST(Compare, ReadsWhatEvalWrites) {
  const TestFolder folder;
  const std::string model = in_tests("../models/pocket").string();
  for (const std::string size : {"small", "large"}) {
    const Finished done = starnest_program(
        {"eval", "-m", model, "-n", "40", "--size", size, "--effort", "e0", "--records", folder / size});
    EXPECT_EQ(done.exit_code, 0) << done.err;
  }
  const Finished done = starnest_program({"compare", folder / "small", folder / "large"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_CONTAINS(done.out, "40 questions, paired");
  EXPECT_CONTAINS(done.out, "first   small  ");
}

// Of the pocket model on family r without thinking, where sizes differ.
std::vector<std::string> eval_words(const std::string& size, int count, std::vector<std::string> more) {
  std::vector<std::string> words{
      "eval",   "-m", in_tests("../models/pocket").string(), "-t", "1", "-n", std::to_string(count), "--effort", "e0",
      "--size", size};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

int64_t lines_in(const std::string& path) {
  const std::string text = file_text(path);
  return std::count(text.begin(), text.end(), '\n');
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

TEST(Eval, GoesOnWithTheRecordsOfARunThatWasStopped) {
  const TestFolder folder;
  const std::string whole = folder / "whole", part = folder / "part";
  const Finished uninterrupted = starnest_program(eval_words("small", 90, {"--records", whole}));
  EXPECT_EQ(starnest_program(eval_words("small", 40, {"--records", part})).exit_code, 0);
  const std::string written = file_text(part);
  put_file(part, written.substr(0, written.size() - 1));  // stopped right before a line's end: it is not whole
  const Finished resumed = starnest_program(eval_words("small", 90, {"--records", part, "--resume"}));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(file_text(part), file_text(whole));
  EXPECT_EQ(first_line(resumed.out), first_line(uninterrupted.out));

  put_file(part, file_text(whole).substr(0, file_text(whole).find('\n')));  // nothing whole: begins anew
  EXPECT_EQ(starnest_program(eval_words("small", 90, {"--records", part, "--resume"})).exit_code, 0);
  EXPECT_EQ(file_text(part), file_text(whole));

  const Finished other = starnest_program(eval_words("large", 90, {"--records", part, "--resume"}));
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_CONTAINS(other.err, "was written under other settings");
  const Finished fewer = starnest_program(eval_words("small", 60, {"--records", part, "--resume"}));
  EXPECT_CONTAINS(fewer.err, "more answers than are asked for; expected at most 60, got 90");
  EXPECT_EQ(file_text(part), file_text(whole));
}

TEST(Eval, GoesOnWithTheRecordsOfPairs) {
  const TestFolder folder;
  const std::string pairs = folder / "pairs.tsv", whole = folder / "whole", part = folder / "part";
  std::string text = "good\tbad\n";
  for (int i = 0; i < 300; ++i)
    text.append("a").append(std::to_string(i)).append("\tb").append(std::to_string(i)).append("\n");
  put_file(pairs, text);
  const auto words = [&](const std::string& records) {
    return eval_words("small", 1, {"--pairs", pairs, "--records", records, "--resume"});
  };
  const Finished uninterrupted = starnest_program(words(whole));
  EXPECT_EQ(uninterrupted.exit_code, 0) << uninterrupted.err;
  put_file(part, file_text(whole).substr(0, 20'000));  // ends within a line
  EXPECT_EQ(starnest_program(words(part)).out, uninterrupted.out);
  EXPECT_EQ(file_text(part), file_text(whole));
  put_file(pairs, "good\tbad\nx\ty\n");
  EXPECT_CONTAINS(starnest_program(words(part)).err, "they differ in pairs_content");
}

TEST(Eval, RefusesOptionsThatWouldBeIgnoredOrLoseAnswers) {
  const TestFolder folder;
  const std::string large = folder / "large";
  EXPECT_EQ(starnest_program(eval_words("large", 20, {"--records", large})).exit_code, 0);
  EXPECT_CONTAINS(starnest_program(eval_words("small", 20, {"--against", large, "--records", large})).err,
                  "would replace the file that --against names");
  EXPECT_EQ(lines_in(large), 20);
  EXPECT_CONTAINS(starnest_program(eval_words("small", 20, {"--against", large, "--pairs", "x.tsv"})).err, "--pairs");
  EXPECT_CONTAINS(starnest_program(eval_words("small", 20, {"--records", large, "--text", "x.txt"})).err, "--text");
}

TEST(Eval, AsksAsManyQuestionsAsAComparisonTakes) {
  const TestFolder folder;
  const std::string large = folder / "large";
  EXPECT_EQ(starnest_program(eval_words("large", 400, {"--records", large})).exit_code, 0);
  // A plan never differs from itself, which counts as 1 %: 7.85 * 0.01 / 0.02^2 questions.
  const Finished same = starnest_program(eval_words("large", 400, {"--against", large, "--margin", "2"}));
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_CONTAINS(same.out, "of the first 100 questions 0 differ: a margin of 2 points needs 197 in all");
  EXPECT_CONTAINS(same.out, "197 questions, paired");
  EXPECT_CONTAINS(same.out, "not worse");
  const Finished small = starnest_program(eval_words("small", 1000, {"--against", large, "--margin", "1"}));
  EXPECT_CONTAINS(small.out, "; 400 are asked");
  EXPECT_CONTAINS(small.out, "400 questions, paired");
}

}  // namespace
}  // namespace starnest

// `starnest report` on what the program itself writes.
#include "program.h"

namespace starnest {
namespace {

TEST(Report, EvaluationsOfPlansBecomeOnePage) {
  const TestFolder folder;
  std::vector<std::string> words{"report", "-o",        (folder / "page.html").string(),           "-m",
                                 kPocket,  "--project", in_tests("data/configs/nano_30b").string()};
  int number = 0;
  for (const std::vector<std::string>& plan : std::vector<std::vector<std::string>>{
           {"--size", "small"},
           {"--size", "large"},
           {"--think-size", "small", "--answer-size", "large", "--think-budget", "20", "--hand-over", "transplant"}}) {
    const std::string file = (folder / (std::to_string(number++) + ".json")).string();
    std::vector<std::string> eval{"eval", "-m", kPocket,      "-t", "1",      "--task", "r",
                                  "-n",   "20", "--parallel", "1",  "--json", file};
    eval.insert(eval.end(), plan.begin(), plan.end());
    ASSERT_EQ(starnest_program(eval).exit_code, 0);
    words.push_back(file);
  }
  const Finished report = starnest_program(words);
  ASSERT_EQ(report.exit_code, 0) << report.err;
  const std::string page = file_text(folder / "page.html");
  for (const char* part : {"accuracy against measured seconds", "accuracy against bytes moved", "projected seconds",
                           "small-&gt;large transplant", "Storage: one family", "accuracy against the thinking budget"})
    EXPECT_CONTAINS(page, part);
}

TEST(Report, WhatItCannotReadIsNamed) {
  const TestFolder folder;
  put_file(folder / "x.json", "{}\n");
  const std::string out = (folder / "page.html").string();
  EXPECT_CONTAINS(starnest_program({"report", "-o", out, (folder / "x.json").string()}).err,
                  "x.json:1: is none of the files");
  EXPECT_CONTAINS(starnest_program({"report", "-o", out}).err, "nothing to show");
  EXPECT_CONTAINS(starnest_program({"report", "-o", out, "--project", kPocket}).err, "needs -m");
}

}  // namespace
}  // namespace starnest

// `starnest run` with plans: which size thinks, which answers, what is loaded.
#include <filesystem>

#include "run_pocket.h"

namespace starnest {
namespace {

TEST(Run, OneSizeThinksAndAnotherAnswers) {
  const Finished done = run({"-p", kQuestion, "--think-size", "small", "--answer-size", "large"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, kThought);
  EXPECT_CONTAINS(done.err, "[small thinks]\n[large answers]\n");
  EXPECT_CONTAINS(done.err, "prompt    17 tokens read by small in ");
  EXPECT_CONTAINS(done.err, "thinking  19 tokens by small (");
  EXPECT_CONTAINS(done.err, " GB/s), end natural\nswitch    36 tokens read by large in ");
  EXPECT_CONTAINS(done.err, ", recompute\nanswer    1 token by large (");
}

TEST(Run, SaysHowTheNextSizeGotItsState) {
  const auto handed = [](const std::string& how) {
    const Finished done = run({"-p", kQuestion, "--think-size", "small", "--answer-size", "large", "--hand-over", how});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.err;
  };
  EXPECT_CONTAINS(handed("transplant"), "1 token read by large in ");
  EXPECT_CONTAINS(handed("transplant"), " moved, transplant\n");
  EXPECT_CONTAINS(handed("shadow:8"), "tokens read along by large");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--hand-over", "magic"}).err, "hand-over: is not understood");
}

// The third size must be in memory too.
TEST(Run, ThinkingMayGoOnWithAnotherSize) {
  const Finished done = run({"-p", kQuestion, "--size", "small", "--switch-size", "large", "--switch-after", "4"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, "a5;b\n+38;c*76;d-24;\n4\n");
  EXPECT_CONTAINS(done.err, "[small thinks]\n[large thinks]\n[small answers]\n");
  EXPECT_CONTAINS(done.err, "\nthinking  4 tokens by small (");
  EXPECT_CONTAINS(done.err, "\nthinking  15 tokens by large (");
}

TEST(Run, StagesAreWrittenOneAfterAnother) {
  const auto stages = [](const std::string& text) { return run({"-p", kQuestion, "--stages", text}); };
  const Finished done = stages("small:tokens=4,medium:tokens=3,large:tag,small:end");
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, "a5;b\n+38\n;c*76;d-24;\n4\n");
  EXPECT_CONTAINS(done.err, "): small thinks, medium thinks, large thinks, small answers\n");
  EXPECT_CONTAINS(done.err, "[small thinks]\n[medium thinks]\n[large thinks]\n[small answers]\n");
  EXPECT_CONTAINS(done.err, "\nthinking  3 tokens by medium (");
  EXPECT_CONTAINS(stages("small").err, "stages: have a stage without a size or an end");
  EXPECT_CONTAINS(stages("small:tag").err, "stages: must have a last stage that writes until the end");
  EXPECT_CONTAINS(stages("smal:end").err, "Did you mean 'small'?");
  EXPECT_EQ(run({"-p", kQuestion, "--stages", "small:end", "--size", "small"}).exit_code, 2);
}

TEST(Run, ARuleNeedsASizeAndASizeARule) {
  EXPECT_CONTAINS(run({"-p", kQuestion, "--switch-after", "3"}).err, "switch-size: is missing");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--switch-size", "large"}).err, "switch-size: needs switch-after");
}

TEST(Run, AModelThatDoesNotThinkRunsAtOneSizeOnly) {
  const auto written = [](std::vector<std::string> sizes) {
    std::vector<std::string> words{"run",    "-m", in_tests("golden/mixed_bf16"), "--ids", "1,2,3", "-n", "3", "-q",
                                   "--temp", "0"};
    words.insert(words.end(), sizes.begin(), sizes.end());
    return starnest_program(words);
  };
  const Finished small = written({"--size", "small"});
  EXPECT_EQ(small.exit_code, 0) << small.err;
  EXPECT_EQ(std::count(small.out.begin(), small.out.end(), ','), 2) << small.out;
  EXPECT_CONTAINS(written({"--think-size", "small", "--answer-size", "full"}).err,
                  "does not say how its thinking opens");
}

TEST(Run, WithoutSizesTheDefaultPlanOfTheFolderRuns) {
  const Finished done = run({"-p", kQuestion});
  EXPECT_EQ(done.out, kThought);
  EXPECT_CONTAINS(done.err, "): small thinks, large answers\n");
}

TEST(Run, AutoLoadsTheLargestSizeThatFitsAndSaysWhy) {
  const std::vector<std::string> words{"-m", kPocket, "--sizes", "auto"};
  const auto with = [&](std::string command, const std::vector<std::string>& more) {
    std::vector<std::string> all{std::move(command)};
    all.insert(all.end(), words.begin(), words.end());
    all.insert(all.end(), more.begin(), more.end());
    const Finished run = starnest_program(all, "r:a5b+3?");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return run.err;
  };
  const std::string note = "starnest: note: sizes auto: 'large', which needs ";
  EXPECT_CONTAINS(with("run", {}), note);
  EXPECT_CONTAINS(with("run", {"-c", "64"}), "with a context of 64 tokens");
  EXPECT_CONTAINS(with("chat", {}), note);
  EXPECT_CONTAINS(with("eval", {"--task", "r", "-n", "3"}), note);
  EXPECT_CONTAINS(with("eval", {"--task", "r", "-n", "3", "--parallel", "2"}), "with 2 contexts of 4,096 tokens");
  EXPECT_EQ(with("run", {"--quiet"}), "");
}

TEST(Run, SizesSaysHowFarToLoad) {
  const Finished small = starnest_program({"run", "-m", kPocket, "-p", "r:a5b+3?", "--sizes", "small"});
  EXPECT_EQ(small.exit_code, 0);
  EXPECT_CONTAINS(small.err, "small thinks, small answers");
  EXPECT_CONTAINS(small.err, "sizes     small ");
  const Finished other =
      starnest_program({"run", "-m", kPocket, "-p", "r:a5b+3?", "--sizes", "small,medium", "--size", "large"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_CONTAINS(other.err, "size 'large' is not loaded. Loaded: medium, small");
  const Finished both = starnest_program({"run", "-m", kPocket, "-p", "r:a5b+3?", "--sizes", "small,auto"});
  EXPECT_CONTAINS(both.err, "there is no size 'auto'");
}

TEST(Run, EffortsChangeTheTrace) {
  EXPECT_EQ(run({"-p", kQuestion, "--effort", "e1", "--size", "large"}).out, "a5;b8;c6;d4;\n4\n");
  const Finished none = run({"-p", kQuestion, "--effort", "e0", "--size", "large"});
  EXPECT_EQ(none.out.size(), 2u) << none.out;  // one digit
  EXPECT_CONTAINS(none.err, "[large answers]\n");
}

TEST(Run, ABudgetEndsThinkingAtABoundaryOrHard) {
  const Finished boundary = run({"-p", kQuestion, "--size", "large", "--think-budget", "10", "--think-grace", "8"});
  EXPECT_CONTAINS(boundary.out, "a5;b+38;c*76;\n");
  EXPECT_CONTAINS(boundary.err, "end boundary");
  const Finished hard = run({"-p", kQuestion, "--size", "large", "--think-budget", "5", "--think-grace", "0"});
  EXPECT_CONTAINS(hard.out, "a5;b+\n");
  EXPECT_CONTAINS(hard.err, "end forced");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--think-budget", "0"}).err, "thinking  0 tokens by small, end forced");
}

}  // namespace
}  // namespace starnest

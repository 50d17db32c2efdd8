// `starnest run`, `logits` and `eval` on the model that ships with the project.
#include <nlohmann/json.hpp>

#include "core/format/safetensors.h"
#include "program.h"

namespace starnest {
namespace {

const std::string kPocket = std::string(STARNEST_SOURCE_DIR) + "/models/pocket";
const std::string kQuestion = "r:a5b+3c*7d-2?";

Finished run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"run", "-m", kPocket});
  return starnest_program(arguments);
}

TEST(Run, OneSizeThinksAndAnotherAnswers) {
  const Finished done = run({"-p", kQuestion, "--think-size", "small", "--answer-size", "large"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, "[small thinks] a5;b+38;c*76;d-24;\n[large answers] 4\n");
  EXPECT_CONTAINS(done.err, "end natural; switch (recompute)");
  EXPECT_CONTAINS(done.err, "first token after");
}

TEST(Run, WithoutSizesTheDefaultPlanOfTheFolderRuns) {
  EXPECT_EQ(run({"-p", kQuestion}).out, "[small thinks] a5;b+38;c*76;d-24;\n[large answers] 4\n");
}

TEST(Run, EffortsChangeTheTrace) {
  EXPECT_EQ(run({"-p", kQuestion, "--effort", "e1", "--size", "large"}).out,
            "[large thinks] a5;b8;c6;d4;\n[large answers] 4\n");
  EXPECT_EQ(run({"-p", kQuestion, "--effort", "e0", "--size", "large"}).out.substr(0, 16), "[large answers] ");
}

TEST(Run, ABudgetEndsThinkingAtABoundaryOrHard) {
  const Finished boundary = run({"-p", kQuestion, "--size", "large", "--think-budget", "10", "--think-grace", "8"});
  EXPECT_CONTAINS(boundary.out, "[large thinks] a5;b+38;c*76;\n");
  EXPECT_CONTAINS(boundary.err, "end boundary");
  const Finished hard = run({"-p", kQuestion, "--size", "large", "--think-budget", "5", "--think-grace", "0"});
  EXPECT_CONTAINS(hard.out, "[large thinks] a5;b+\n");
  EXPECT_CONTAINS(hard.err, "end forced");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--think-budget", "0"}).err, "thinking: small 1 tokens");
}

TEST(Run, RawTextAndIdsGiveTheSameTokens) {
  const Finished raw = run({"-p", "<bos>" + kQuestion + "<e2><think>", "--raw", "--size", "small"});
  EXPECT_EQ(raw.out, "[small thinks] a5;b+38;c*76;d-24;\n[small answers] 4\n");
}

TEST(Run, ASeedRepeatsASampledRun) {
  const std::vector<std::string> sampled{"-p", kQuestion, "--size", "small", "--temp", "3", "-s", "7"};
  EXPECT_EQ(run(sampled).out, run(sampled).out);
  EXPECT_CONTAINS(run(sampled).err, "seed 7");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--temp", "1"}).err, "seed ");
}

TEST(Run, BadInputIsAMessageAndAnExitCode) {
  const auto expect = [](const std::vector<std::string>& arguments, int code, const std::string& part) {
    const Finished done = run(arguments);
    EXPECT_EQ(done.exit_code, code) << done.err;
    EXPECT_CONTAINS(done.err, part);
    EXPECT_EQ(done.out, "");
  };
  expect({"-p", kQuestion, "--size", "smal"}, 1, "there is no size 'smal'. Did you mean 'small'?");
  expect({"-p", "r:A?"}, 1, "'A'");
  expect({"-p", "r:\xff?"}, 1, "UTF-8");
  expect({"-p", kQuestion, "--effort", "e9"}, 1, "'e9' is not known");
  expect({"--ids", "1,64"}, 1, "token id 64: is not in the vocabulary");
  expect({"--ids", "1,-3"}, 1, "token id -3: is not in the vocabulary");
  expect({"-p", kQuestion, "--temp", "-1"}, 1, "temperature: is out of range");
  expect({"-p", kQuestion, "-t", "100000"}, 1, "threads: is out of range");
  expect({"-p", kQuestion, "-t", "-4"}, 1, "threads: is out of range");
  expect({"-p", kQuestion, "-n", "0"}, 1, "max-tokens: is out of range");
  expect({"-p", kQuestion, "-n", "3", "--answer-reserve", "3"}, 1, "leaves no room");
  expect({"-p", kQuestion, "--size", "small", "--think-size", "large"}, 2, "--think-size");
  expect({}, 2, "-p or --ids");
  expect({"-p", ""}, 1, "prompt: is empty");
  for (const std::string ids : {"", "1,2,", "1,,2", "1,x", "1,99999999999"})
    expect({"--ids", ids}, 2, "list of token ids");
  expect({"-p", kQuestion, "-n", "1"}, 1, "leaves no room");
  expect({"-p", kQuestion, "--answer-reserve", "2147483647"}, 1, "answer-reserve: is out of range");
  expect({"-p", kQuestion, "--think-bugdet", "3"}, 2, "--think-budget");
}

TEST(Logits, ChunksAndSlicesGiveTheSameBytes) {
  const TestFolder folder;
  const auto logits = [&](const std::string& model, const std::string& size, const std::string& chunk,
                          const std::string& name) {
    const Finished done = starnest_program({"logits", "-m", model, "--size", size, "--ids", "1,25,50,8,39,9,44,37,7,3",
                                            "--chunk", chunk, "-o", (folder / name).string()});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return file_text(folder / name);
  };
  const std::string whole = logits(kPocket, "small", "0", "whole");
  EXPECT_EQ(logits(kPocket, "small", "3", "chunks"), whole);
  EXPECT_EQ(starnest_program({"slice", "-m", kPocket, "--size", "small", "-o", (folder / "cut").string()}).exit_code,
            0);
  EXPECT_EQ(logits((folder / "cut").string(), "full", "1", "sliced"), whole);
  EXPECT_NE(logits(kPocket, "medium", "0", "medium"), whole);
  const SafetensorsFile file(folder / "whole");
  EXPECT_EQ(file.find("logits")->shape, (std::vector<uint64_t>{10, 64}));
}

TEST(Eval, WritesAReportThatFitsWhatItPrints) {
  const TestFolder folder;
  const Finished done = starnest_program({"eval", "-m", kPocket, "--task", "r", "--effort", "e2", "-n", "60",
                                          "--think-size", "small", "--answer-size", "large", "--think-budget", "30",
                                          "--think-grace", "4", "--json", (folder / "report.json").string()});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  const nlohmann::json report = nlohmann::json::parse(file_text(folder / "report.json"));
  EXPECT_EQ(report["result"]["n"], 60);
  EXPECT_EQ(report["think_size"], "small");
  const auto& ends = report["think_ends"];
  EXPECT_EQ(
      ends["natural"].get<int>() + ends["boundary"].get<int>() + ends["forced"].get<int>() + ends["stopped"].get<int>(),
      60);
  EXPECT_GT(ends["boundary"].get<int>() + ends["forced"].get<int>(), 0);
  EXPECT_LE(report["result"]["wilson_low"], report["result"]["accuracy"]);
  EXPECT_CONTAINS(done.out, std::to_string(report["result"]["right"].get<int>()) + " of 60 right");
}

TEST(Eval, TheShippedModelSolvesItsTaskAtEverySizeAndNotWithoutThinking) {
  const auto right = [](const std::string& size, const std::string& effort) {
    const Finished done = starnest_program({"eval", "-m", kPocket, "-n", "200", "--size", size, "--effort", effort});
    return std::stoi(done.out.substr(done.out.find(": ") + 2));
  };
  for (const std::string size : {"large", "medium", "small"}) {
    EXPECT_GE(right(size, "e2"), 196) << size;
    EXPECT_LE(right(size, "e0"), 50) << size;
  }
}

}  // namespace
}  // namespace starnest

// `starnest logits`, `eval` and --device on the model that ships with the tests.
#include <algorithm>
#include <cstring>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "format/weights/safetensors.h"
#include "run_pocket.h"

namespace starnest {
namespace {

TEST(Eval, ALikelihoodNeedsNoSamplingAndRefusesWhatIsOnlyForGenerating) {
  const TestFolder folder;
  copy_pocket(folder / "model", R"({"eos_token_id": 2, "top_p": 7})");
  put_file(folder / "text.txt", "a5;b+38;");
  const auto eval = [&](std::vector<std::string> more) {
    more.insert(more.begin(),
                {"eval", "-m", (folder / "model").string(), "--text", (folder / "text.txt").string(), "--start", ""});
    return starnest_program(more);
  };
  EXPECT_EQ(eval({}).exit_code, 0) << eval({}).err;
  EXPECT_CONTAINS(eval({"--think-budget", "3", "--temp", "1"}).err, "--think-budget, --temp: means nothing here");
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
  EXPECT_EQ(report["stages"][0]["size"], "small");
  EXPECT_EQ(report["stages"][0]["until"], "tag");
  EXPECT_EQ(report["stages"][1]["until"], "end");
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

TEST(Device, RefComputesTheSameToRoundingAndIsNamedInTheReports) {
  const TestFolder folder;
  const auto logits = [&](const std::string& device) {
    const std::string out = (folder / device).string();
    const Finished done = starnest_program(
        {"logits", "-m", kPocket, "--size", "small", "--ids", "1,25,50,8,39,9,44", "--device", device, "-o", out});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    const SafetensorsFile file(out);
    const std::span<const std::byte> bytes = file.bytes(*file.find("logits"));
    std::vector<float> numbers(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
  };
  const std::vector<float> cpu = logits("cpu"), ref = logits("ref");
  ASSERT_EQ(cpu.size(), ref.size());
  for (size_t i = 0; i < cpu.size(); ++i) ASSERT_NEAR(cpu[i], ref[i], 0.5) << i;
  EXPECT_NE(cpu, ref);  // another order of sums
  const Finished done = run({"--device", "ref", "-n", "2", "--ids", "1,25,50"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_CONTAINS(done.err + done.out, "ref");
}

TEST(Device, AnUnknownOneIsRefusedWithTheList) {
  const Finished done = starnest_program({"logits", "-m", kPocket, "--ids", "1", "--device", "gpu", "-o", "none"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "device: 'gpu' is not known to this build; expected cpu or ref");
}

}  // namespace
}  // namespace starnest

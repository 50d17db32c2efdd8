// What `starnest bench` reports, never how fast: a timing is no test.
#include <algorithm>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "program.h"

namespace starnest {
namespace {

using nlohmann::json;

// A tiny family with random weights, three sizes, an expert and an attention block.
class Bench : public testing::Test {
 protected:
  void SetUp() override {
    const Finished made = make({"--like", in_tests("golden/moe_f32"), "--pattern", "M*EM*E", "-o", model_});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    EXPECT_CONTAINS(made.out, "M*EM*E");
    EXPECT_CONTAINS(made.out, "sizes full mid small");
  }

  static Finished make(const std::vector<std::string>& arguments) {
    return built_program("make_random_family", arguments);
  }

  // With a small amount of everything that `more` does not set.
  Finished bench(const std::vector<std::string>& more) const {
    std::vector<std::string> words{"bench", "-m", model_};
    words.insert(words.end(), more.begin(), more.end());
    for (const auto& [option, value] :
         {std::pair("--probe-mib", "8"), std::pair("-p", "20"), std::pair("-n", "3"), std::pair("-r", "2")})
      if (std::find(more.begin(), more.end(), option) == more.end()) words.insert(words.end(), {option, value});
    return starnest_program(words);
  }

  json bench_json(std::vector<std::string> more) const {
    more.push_back("--json");
    const Finished run = bench(more);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return json::parse(run.out);
  }

  TestFolder folder_;
  const std::string model_ = folder_ / "family";
};

TEST_F(Bench, ReportsEverySizeWithTheBytesThatInspectSays) {
  const json report = bench_json({"--mixes", "1,3"});
  const Finished inspect = starnest_program({"inspect", "-m", model_, "--json"});
  const json facts = json::parse(inspect.out);
  EXPECT_GT(report["read_gb_per_second"], 0);
  EXPECT_EQ(report["weights"], "BF16");
  ASSERT_EQ(report["sizes"].size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const json& size = report["sizes"][i];
    EXPECT_EQ(size["size"], facts["sizes"][i]["name"]);
    EXPECT_EQ(size["prefill"]["tokens"], 20);
    EXPECT_EQ(size["prefill"]["seconds"].size(), 2u);
    EXPECT_EQ(size["decode"]["seconds"].size(), 2u);
    const double per_token = facts["sizes"][i]["formats"]["bf16"]["decode_bytes_per_token"];
    EXPECT_NEAR(size["decode"]["bytes"].get<double>() / (3 * per_token), 1, 1e-3);
    EXPECT_NEAR(size["decode"]["share_of_read"].get<double>() * report["read_gb_per_second"].get<double>(),
                size["decode"]["gb_per_second"].get<double>(), 1e-9);
  }
}

TEST_F(Bench, MixesShareBytesButNotFlopsAndSwitchesGoBothWays) {
  const json report = bench_json({"--mixes", "1,3"});
  ASSERT_EQ(report["mixes"].size(), 2u);
  for (const json& mix : report["mixes"]) {
    EXPECT_EQ(mix["large"], "full");
    EXPECT_EQ(mix["small"], "small");
    EXPECT_EQ(mix["together"]["tokens"], mix["apart"]["tokens"]);
    EXPECT_EQ(mix["together"]["seconds"].size(), 2u);
    EXPECT_LT(mix["together"]["bytes"], mix["apart"]["bytes"]);
    EXPECT_DOUBLE_EQ(mix["together"]["flops"].get<double>(), mix["apart"]["flops"].get<double>());
    EXPECT_GT(mix["speedup"], 0);
  }
  ASSERT_EQ(report["switches"].size(), 2u);
  EXPECT_EQ(report["switches"][0]["from"], "small");
  EXPECT_EQ(report["switches"][0]["to"], "full");
  EXPECT_EQ(report["switches"][1]["from"], "full");
}

TEST_F(Bench, APeakMovesTheRoof) {
  const json free = bench_json({"--sizes", "full,small", "--mixes", "3"})["mixes"][0]["together"];
  const json bound =
      bench_json({"--sizes", "full,small", "--mixes", "3", "--peak-gflops", "1e-6"})["mixes"][0]["together"];
  EXPECT_DOUBLE_EQ(free["share_of_roof"].get<double>(), free["share_of_read"].get<double>());
  EXPECT_GT(bound["share_of_roof"], bound["share_of_read"]);
}

TEST_F(Bench, TheTableGoesToStandardOutputAndProgressElsewhere) {
  const Finished run = bench({"--mixes", "1"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  for (const char* part : {"prefill of 20 tokens", "plain read", "full", "mid", "small", "1 x full + 1 x small",
                           "switch small to full besides recompute"})
    EXPECT_CONTAINS(run.out, part);
  EXPECT_EQ(run.out.find("timings"), std::string::npos);
}

TEST_F(Bench, AutoLoadsAndMeasuresWhatFits) {
  const Finished all = bench({"--sizes", "auto", "--mixes", "0", "--json"});
  ASSERT_EQ(all.exit_code, 0) << all.err;
  EXPECT_CONTAINS(all.err, "starnest: note: sizes auto: 'full', which needs ");
  EXPECT_EQ(json::parse(all.out)["sizes"].size(), 3u);
  const Finished none = bench({"--sizes", "auto", "--mixes", "256", "-p", "1048576", "-n", "1048576"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_CONTAINS(none.err, "sizes auto: not even the smallest size, 'small', fits with 512 contexts of 2,097,152");
}

TEST_F(Bench, SkipsWhatIsNotAskedFor) {
  const json one = bench_json({"--sizes", "mid", "-n", "0"});
  ASSERT_EQ(one["sizes"].size(), 1u);
  EXPECT_EQ(one["sizes"][0]["size"], "mid");
  EXPECT_TRUE(one["sizes"][0].contains("prefill"));
  EXPECT_FALSE(one["sizes"][0].contains("decode"));
  EXPECT_TRUE(one["mixes"].empty());
  EXPECT_TRUE(one["switches"].empty());
  EXPECT_TRUE(bench_json({"--mixes", "0"})["mixes"].empty());
}

TEST_F(Bench, RefusesWhatCannotBeMeant) {
  const auto expect = [&](const std::vector<std::string>& words, const std::string& part) {
    const Finished run = bench(words);
    EXPECT_NE(run.exit_code, 0);
    EXPECT_EQ(run.out, "");
    EXPECT_CONTAINS(run.err, part);
  };
  expect({"--sizes", "smal"}, "Did you mean 'small'");
  expect({"-r", "0"}, "-r: is out of range");
  expect({"--mixes", "1,-2"}, "--mixes: is out of range");
  expect({"--threads", "-1"}, "threads");
}

TEST_F(Bench, RandomFamiliesRunAndDependOnTheirSeedOnly) {
  const auto weights = [&](const std::string& name, const std::string& seed) {
    const std::string out = folder_ / name;
    EXPECT_EQ(
        make({"--like", in_tests("golden/moe_f32"), "--pattern", "ME*ME*", "--vocab", "32", "--seed", seed, "-o", out})
            .exit_code,
        0);
    return file_text(out + "/model.safetensors");
  };
  EXPECT_EQ(weights("a", "5"), weights("b", "5"));
  EXPECT_NE(weights("a", "5"), weights("c", "6"));
  for (const char* size : {"full", "small"}) {
    const Finished run = starnest_program({"run", "-m", model_, "--ids", "1,2,3", "-n", "4", "--answer-size", size});
    EXPECT_EQ(run.exit_code, 0) << run.err;
  }
}

}  // namespace
}  // namespace starnest

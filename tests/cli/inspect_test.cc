#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "program.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kNano = in_tests("data/configs/nano_30b");

std::string inspect_error(const fs::path& folder) {
  const Finished run = starnest_program({"inspect", "-m", folder});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err.rfind("starnest: error: ", 0), 0u) << run.err;
  return run.err;
}

TEST(Inspect, PrintsThePublishedNumbersOfNano30BWithoutWeights) {
  const Finished run = starnest_program({"inspect", "-m", kNano});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.err, "");
  for (const char* part : {"nemotron_h", "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME", "31,577,940,288",
                           "3,580,076,352", "19,339,781,632", "58.83 GiB", "125.95 GiB", "48,234,496", "6,144"})
    EXPECT_CONTAINS(run.out, part);
}

TEST(Inspect, JsonHasTheExactNumbers) {
  const Finished run = starnest_program({"inspect", "-m", kNano, "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json facts = json::parse(run.out);
  EXPECT_EQ(facts["architecture"], "nemotron_h");
  EXPECT_EQ(facts["dimensions"]["n_routed_experts"], 128);
  ASSERT_EQ(facts["sizes"].size(), 3u);
  const json& full = facts["sizes"][0];
  EXPECT_EQ(full["name"], "30b");
  EXPECT_EQ(full["parameters"], 31'577'940'288);
  EXPECT_EQ(full["active_parameters"], 3'580'076'352);
  EXPECT_EQ(full["formats"]["nvfp4"]["bytes"], 19'339'781'632);
  EXPECT_NEAR(full["formats"]["bf16"]["decode_bytes_per_token"].get<double>(), 6.47e9, 1e7);
  EXPECT_EQ(full["kv_bytes_per_token"], 6144);
  EXPECT_EQ(full["ssm_bytes_per_sequence"], 48'234'496);
  EXPECT_EQ(full["conv_bytes_per_sequence"], 847'872);
  const json& small = facts["sizes"][2];
  EXPECT_EQ(small["widths"]["hidden_size"], 1920);
  EXPECT_EQ(small["widths"]["moe_intermediate_size"], 960);
  EXPECT_EQ(small["widths"]["layers"].size(), 52u);
  constexpr double kGiB = 1024.0 * 1024 * 1024;
  EXPECT_NEAR(facts["storage"]["bf16"]["family_bytes"].get<double>() / kGiB, 58.8, 0.05);
  EXPECT_NEAR(facts["storage"]["bf16"]["separate_bytes"].get<double>() / kGiB, 126, 0.1);
  EXPECT_EQ(facts["default_plan"]["think"], "23b");
  EXPECT_TRUE(facts["stored"].is_null());
}

TEST(Inspect, SaysWhatTheFolderHolds) {
  const Finished run = starnest_program({"inspect", "-m", in_tests("golden/mixed_bf16"), "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json stored = json::parse(run.out)["stored"];
  EXPECT_EQ(stored["shards"].size(), 2u);
  EXPECT_EQ(stored["tensors"], 63);
  EXPECT_EQ(stored["bytes"], 314'592);
  EXPECT_EQ(stored["dtypes"]["F32"]["tensors"], 4);
}

TEST(Inspect, AModelWithoutElasticJsonIsAFamilyOfOne) {
  const TestFolder temp;
  put_file(temp / "config.json", file_text(kNano + "/config.json"));
  const Finished run = starnest_program({"inspect", "-m", (temp / "config.json").parent_path()});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_CONTAINS(run.out, "full");
  EXPECT_EQ(run.out.find("separate checkpoints"), std::string::npos);
}

TEST(Inspect, SizesMayComeFromAnotherFile) {
  const TestFolder temp;
  put_file(temp / "sizes.json",
           R"({"format": "starnest-elastic", "version": 1, "sizes": [{"name": "tiny", "hidden_size": 1024}]})");
  const Finished run = starnest_program({"inspect", "-m", kNano, "--elastic", temp / "sizes.json", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(json::parse(run.out)["sizes"][0]["name"], "tiny");
}

json fit_of_nano(const std::vector<std::string>& more) {
  std::vector<std::string> words{"inspect", "-m", kNano, "--elastic", "nemotron-3-elastic-30b", "--json"};
  words.insert(words.end(), more.begin(), more.end());
  const Finished run = starnest_program(words);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return json::parse(run.out)["fit"];
}

TEST(InspectMemory, SaysWhichSizeFitsInWhichFormat) {
  for (const json& row : fit_of_nano({"--memory", "16GB"})["rows"]) {
    const bool nvfp4 = row["format"] == "NVFP4";
    EXPECT_EQ(row["fits"], (nvfp4 && row["size"] != "30b") || (row["format"] == "FP8" && row["size"] == "12b")) << row;
    if (row["size"] != "12b" || !nvfp4) continue;
    EXPECT_NEAR(row["weights_bytes"].get<double>(), 8.12e9, 0.01e9);
    EXPECT_EQ(row["longest_context"], 262'144);
    EXPECT_EQ(row["bytes_per_sequence"], 48'234'496 + 2 * 847'872 + 262'144 * 6144);
  }
}

TEST(InspectMemory, SequencesShareWhatTheWeightsLeave) {
  const json fit = fit_of_nano({"--memory", "16GB", "--context", "8192", "--sequences", "64"});
  EXPECT_EQ(fit["sequences"], 64);
  for (const json& row : fit["rows"]) {
    EXPECT_EQ(row["context"], 8192);
    EXPECT_EQ(row["bytes"].get<uint64_t>(),
              row["weights_bytes"].get<uint64_t>() + 64 * row["bytes_per_sequence"].get<uint64_t>());
    EXPECT_EQ(row["fits"], row["bytes"] <= 16'000'000'000);
    EXPECT_EQ(row["fits"], row["longest_context"] >= 8192);
  }
}

TEST(InspectMemory, CountsTheWeightsThatTheFolderHas) {
  const Finished run = starnest_program({"inspect", "-m", kPocket, "--memory", "1 GiB", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json facts = json::parse(run.out);
  ASSERT_EQ(facts["fit"]["rows"].size(), 12u);
  EXPECT_EQ(facts["fit"]["rows"][0]["format"], "as stored");
  EXPECT_EQ(facts["fit"]["rows"][0]["weights_bytes"], facts["sizes"][0]["stored_bytes"]);
}

TEST(InspectMemory, TooLittleNamesWhatTheLeastWouldNeed) {
  const Finished run = starnest_program({"inspect", "-m", kNano, "--memory", "1GiB"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_CONTAINS(run.out, "Nothing fits: 12b NVFP4, which needs least, needs 7.61 GiB with the shortest context");
  EXPECT_EQ(starnest_program({"inspect", "-m", kNano, "--memory", "16GiB"}).out.find("Nothing fits"),
            std::string::npos);
}

TEST(InspectMemory, BadValuesAreNamed) {
  const auto error = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"inspect", "-m", kPocket});
    return starnest_program(words).err;
  };
  EXPECT_CONTAINS(error({"--memory", "16"}), "--memory: is no amount of memory; expected a number with KiB");
  EXPECT_CONTAINS(error({"--memory", ""}), "--memory: is no amount of memory");
  EXPECT_CONTAINS(error({"--memory", "1GiB", "--context", "5000"}), "--context: is out of range; expected 0 to 4096");
  EXPECT_CONTAINS(error({"--memory", "1GiB", "--context", "-1"}), "--context: is");
  EXPECT_CONTAINS(error({"--memory", "1GiB", "--sequences", "0"}), "--sequences: is out of range");
  EXPECT_CONTAINS(error({"--context", "50"}), "--context requires --memory");
}

TEST(InspectError, BadInputIsNamed) {
  const TestFolder temp;
  EXPECT_CONTAINS(inspect_error(temp / "nowhere"), "nowhere: is not a model folder");
  const fs::path folder = (temp / "x").parent_path();
  EXPECT_CONTAINS(inspect_error(folder), "config.json: cannot open");
  put_file(temp / "config.json", "{");
  EXPECT_CONTAINS(inspect_error(folder), "config.json: is not valid JSON");
  put_file(temp / "config.json", R"({"model_type": "lama"})");
  EXPECT_CONTAINS(inspect_error(folder), "architecture 'lama' is not supported");
  put_file(temp / "config.json", R"({"model_type": "nemotron_h"})");
  EXPECT_CONTAINS(inspect_error(folder), "is missing");
}

TEST(InspectError, SizesThatBreakARuleAreNamed) {
  const TestFolder temp;
  const fs::path folder = (temp / "x").parent_path();
  put_file(temp / "config.json", file_text(kNano + "/config.json"));
  const auto expect = [&](const std::string& sizes, const std::string& part) {
    put_file(temp / "elastic.json", R"({"format": "starnest-elastic", "version": 1, "sizes": [)" + sizes + "]}");
    EXPECT_CONTAINS(inspect_error(folder), part);
  };
  expect(R"({"name": "a", "hidden_size": 1000})", "size 'a': key 'hidden_size'");
  expect(R"({"name": "a", "hidden_size": 2304}, {"name": "b", "moe_intermediate_size": 960})",
         "is larger than in size");
  expect(R"({"name": "a", "hidden_sise": 2304})", "unknown key 'hidden_sise'");
}

}  // namespace
}  // namespace starnest

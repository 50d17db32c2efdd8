#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "format/weights/checkpoint.h"
#include "format/weights/sha256.h"
#include "program.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Fixture {
  TestFolder temp;
  fs::path family = temp / "family";
  fs::path out = temp / "out";

  Fixture() { copy_family(family); }
  Finished quantize(const std::string& to, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"quantize", "-m", family, "--to", to, "-o", out};
    words.insert(words.end(), more.begin(), more.end());
    return starnest_program(words);
  }
  // The message of a run that must fail and leave nothing behind.
  std::string error(const std::string& to, const std::vector<std::string>& more = {}, int exit_code = 1) const {
    const Finished run = quantize(to, more);
    EXPECT_EQ(run.exit_code, exit_code);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err.rfind("starnest: error: ", 0), 0u) << run.err;
    EXPECT_FALSE(fs::exists(out));
    EXPECT_FALSE(fs::exists(out.string() + ".partial"));
    return run.err;
  }
};

json inspected(const fs::path& folder) {
  const Finished run = starnest_program({"inspect", "-m", folder, "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  return json::parse(run.out);
}

TEST(QuantizeCommand, PrintsATableOfParts) {
  const Fixture here;
  const Finished run = here.quantize("nvfp4");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  for (const char* part : {"part", "NMSE", "Mamba", "attention", "routed experts", "shared expert", "head", "NVFP4",
                           "preset nano, scales mse", "in 2 files", "SHA256SUMS"})
    EXPECT_CONTAINS(run.out, part);
}

TEST(QuantizeCommand, JsonHasEveryTensorAndItsError) {
  const Fixture here;
  const Finished run = here.quantize("nvfp4", {"--preset", "lightning", "--scales", "max", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json facts = json::parse(run.out);
  EXPECT_EQ(facts["preset"], "lightning");
  EXPECT_EQ(facts["scales"], "max");
  uint64_t bytes = 0;
  size_t nvfp4 = 0, fp8 = 0;
  for (const json& tensor : facts["tensors"]) {
    bytes += tensor["bytes_after"].get<uint64_t>();
    const bool plain = tensor["from"] == tensor["to"];
    EXPECT_EQ(tensor["nmse"].is_null(), plain) << tensor;
    if (plain) continue;
    nvfp4 += tensor["to"] == "NVFP4", fp8 += tensor["to"] == "FP8";
    EXPECT_NEAR(tensor["nmse"].get<double>(), tensor["to"] == "FP8" ? 7e-4 : 9e-3, tensor["to"] == "FP8" ? 2e-4 : 3e-3)
        << tensor;
  }
  EXPECT_GT(nvfp4, 0u);
  EXPECT_GT(fp8, 0u);
  EXPECT_EQ(facts["bytes"], bytes);
  const json stored = inspected(here.out)["stored"];
  EXPECT_EQ(stored["bytes"], bytes);
  EXPECT_EQ(stored["unused_bytes"], 0);
  EXPECT_EQ(stored["formats"]["nvfp4"]["tensors"], nvfp4);
  EXPECT_EQ(stored["formats"]["fp8"]["tensors"], fp8);
}

TEST(QuantizeCommand, InspectShowsFormatsAndBytes) {
  const Fixture here;
  ASSERT_EQ(here.quantize("fp8").exit_code, 0);
  const Finished inspect = starnest_program({"inspect", "-m", here.out});
  EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
  EXPECT_EQ(inspect.err, "");
  EXPECT_CONTAINS(inspect.out, "FP8 with scales");
  EXPECT_EQ(inspect.out.find("NVFP4 with scales"), std::string::npos);
  EXPECT_EQ(inspect.out.find("not used"), std::string::npos);
  const json stored = inspected(here.out)["stored"];
  uint64_t formats = 0;
  for (const auto& [name, format] : stored["formats"].items()) formats += format["bytes"].get<uint64_t>();
  EXPECT_EQ(formats, Checkpoint(here.out).total_bytes());
}

TEST(QuantizeCommand, ASliceOfItIsAModelOfItsOwn) {
  const Fixture here;
  ASSERT_EQ(here.quantize("nvfp4").exit_code, 0);
  const fs::path small = here.temp / "small";
  const Finished slice = starnest_program({"slice", "-m", here.out, "--size", "small", "-o", small});
  EXPECT_EQ(slice.exit_code, 0) << slice.err;
  EXPECT_EQ(slice.err, "");
  const json of_slice = inspected(small), of_family = inspected(here.out);
  EXPECT_EQ(of_slice["sizes"][0]["parameters"], of_family["sizes"][2]["parameters"]);
  EXPECT_GT(of_slice["stored"]["formats"]["nvfp4"]["tensors"], 0);
  EXPECT_EQ(of_slice["stored"]["bytes"], of_family["sizes"][2]["stored_bytes"]);
  EXPECT_EQ(of_family["stored"]["bytes"], of_family["sizes"][0]["stored_bytes"]);
  const std::string sums = file_text(small / "SHA256SUMS");
  for (const char* name : {"config.json", "hf_quant_config.json"})
    EXPECT_CONTAINS(sums, sha256_hex_of_file(small / name) + "  " + name + "\n");
}

TEST(QuantizeCommand, ReplacesAFolderOnlyWhenToldTo) {
  const Fixture here;
  ASSERT_EQ(here.quantize("fp8").exit_code, 0);
  const std::string config = file_text(here.out / "config.json");
  const Finished refused = here.quantize("nvfp4");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_CONTAINS(refused.err, "is not empty");
  EXPECT_EQ(file_text(here.out / "config.json"), config);
  EXPECT_EQ(here.quantize("nvfp4", {"--overwrite"}).exit_code, 0);
  EXPECT_NE(file_text(here.out / "config.json"), config);
}

TEST(QuantizeCommand, TakesTheSizesFromAnotherFile) {
  const Fixture here;
  put_file(here.temp / "sizes.json", R"({"format": "starnest-elastic", "version": 1, "sizes": [{"name": "only"}]})");
  ASSERT_EQ(here.quantize("fp8", {"--elastic", here.temp / "sizes.json"}).exit_code, 0);
  EXPECT_EQ(inspected(here.out)["sizes"][0]["name"], "only");
}

TEST(QuantizeError, NamesWhatIsWrong) {
  const Fixture here;
  EXPECT_CONTAINS(here.error("int4", {}, 2), "--to");
  EXPECT_CONTAINS(here.error("nvfp4", {"--scales", "best"}, 2), "--scales");
  EXPECT_CONTAINS(here.error("nvfp4", {"--preset", "nanu"}), "'nanu': is no preset of formats. Did you mean 'nano'");
  EXPECT_CONTAINS(here.error("fp8", {"--preset", "nano"}),
                  "--preset nano: is a preset of NVFP4; expected a preset of FP8");
  EXPECT_CONTAINS(starnest_program({"quantize", "-m", here.family, "--to", "fp8", "-o", here.family}).err,
                  "is the source");
}

TEST(QuantizeError, TakesNoQuantisedModel) {
  const Fixture here;
  ASSERT_EQ(here.quantize("fp8").exit_code, 0);
  const Finished again = starnest_program({"quantize", "-m", here.out, "--to", "nvfp4", "-o", here.temp / "again"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_CONTAINS(again.err, "is quantised already");
  EXPECT_FALSE(fs::exists(here.temp / "again"));
}

}  // namespace
}  // namespace starnest

#include <algorithm>

#include <gtest/gtest.h>

#include "format/weights/checkpoint.h"
#include "format/weights/sha256.h"
#include "program.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFirstShard = "model-00001-of-00002.safetensors";

struct SliceFixture {
  TestFolder temp;
  fs::path family = temp / "family";
  fs::path out = temp / "out";

  SliceFixture() { copy_family(family); }
  Finished slice(const std::string& size, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"slice", "-m", family, "--size", size, "-o", out};
    words.insert(words.end(), more.begin(), more.end());
    return starnest_program(words);
  }
  // The message of a slice that must fail and leave nothing behind.
  std::string error(const std::string& size = "small") const {
    const Finished run = slice(size);
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err.rfind("starnest: error: ", 0), 0u) << run.err;
    EXPECT_FALSE(fs::exists(out));
    EXPECT_FALSE(fs::exists(out.string() + ".partial"));
    return run.err;
  }
};

TEST(SliceCommand, WritesAModelThatInspectReads) {
  const SliceFixture here;
  const Finished run = here.slice("small");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_CONTAINS(run.out, "size 'small', 33 tensors, 69.93 KiB (71,612 bytes) in 2 files");
  EXPECT_CONTAINS(run.out, "SHA256SUMS");
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1);
  const Finished inspect = starnest_program({"inspect", "-m", here.out});
  EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
  EXPECT_CONTAINS(inspect.out, "hidden 48");
  EXPECT_CONTAINS(inspect.out, "35,610");  // the parameters that the family's inspect announces for this size
}

TEST(SliceCommand, TheManifestHoldsTheChecksumsOfAllFiles) {
  const SliceFixture here;
  ASSERT_EQ(here.slice("mid").exit_code, 0);
  const std::string sums = file_text(here.out / "SHA256SUMS");
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(here.out)) {
    const std::string name = entry.path().filename().string();
    if (name == "SHA256SUMS") continue;
    EXPECT_CONTAINS(sums, sha256_hex_of_file(entry.path()) + "  " + name + "\n");
    ++files;
  }
  EXPECT_EQ(size_t(std::count(sums.begin(), sums.end(), '\n')), files);
}

TEST(SliceCommand, ReplacesAFolderOnlyWithForce) {
  const SliceFixture here;
  ASSERT_EQ(here.slice("small").exit_code, 0);
  const std::string config = file_text(here.out / "config.json");
  const Finished refused = here.slice("mid");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_CONTAINS(refused.err, "is not empty");
  EXPECT_CONTAINS(refused.err, "--force");
  EXPECT_EQ(file_text(here.out / "config.json"), config);
  EXPECT_EQ(here.slice("mid", {"--force"}).exit_code, 0);
  EXPECT_NE(file_text(here.out / "config.json"), config);
}

TEST(SliceCommand, LeavesTheOldFolderWhenItFails) {
  const SliceFixture here;
  ASSERT_EQ(here.slice("small").exit_code, 0);
  const std::string config = file_text(here.out / "config.json");
  fs::resize_file(here.family / kFirstShard, 1000);
  EXPECT_EQ(here.slice("mid", {"--force"}).exit_code, 1);
  EXPECT_EQ(file_text(here.out / "config.json"), config);
}

TEST(SliceCommandError, UnknownSize) {
  EXPECT_CONTAINS(SliceFixture().error("smal"), "there is no size 'smal'. Did you mean 'small'?");
}

TEST(SliceCommandError, TruncatedFile) {
  const SliceFixture here;
  fs::resize_file(here.family / kFirstShard, fs::file_size(here.family / kFirstShard) - 1);
  EXPECT_CONTAINS(here.error(), kFirstShard);
}

TEST(SliceCommandError, MissingShard) {
  const SliceFixture here;
  fs::remove(here.family / kFirstShard);
  EXPECT_CONTAINS(here.error(), std::string(kFirstShard) + ": this shard is missing");
}

TEST(SliceCommandError, NoWeights) {
  const SliceFixture here;
  for (const char* name : {kFirstShard, "model-00002-of-00002.safetensors", "model.safetensors.index.json"})
    fs::remove(here.family / name);
  EXPECT_CONTAINS(here.error(), "has no weights");
}

TEST(SliceCommandError, WeightsOfAnotherModel) {
  const SliceFixture here;
  std::string config = file_text(here.family / "config.json");
  const size_t at = config.find("\"vocab_size\": 72");
  ASSERT_NE(at, config.npos);
  put_file(here.family / "config.json", config.replace(at, 16, "\"vocab_size\": 80"));
  EXPECT_CONTAINS(here.error(), "has the wrong shape; expected [80, 64] for the full model, got [72, 64]");
}

TEST(SliceCommandError, PlacesThatCannotBeWritten) {
  const SliceFixture here;
  const auto error_for = [&](const fs::path& out) {
    const Finished run = starnest_program({"slice", "-m", here.family, "--size", "small", "-o", out, "--force"});
    EXPECT_EQ(run.exit_code, 1);
    return run.err;
  };
  EXPECT_CONTAINS(error_for(here.family / "config.json"), "is the source");
  EXPECT_CONTAINS(error_for(here.family / "config.json/out"), "config.json");
  EXPECT_CONTAINS(error_for("/proc/none/out"), "cannot create this folder");
  EXPECT_CONTAINS(error_for(here.family), "is the source");
}

}  // namespace
}  // namespace starnest

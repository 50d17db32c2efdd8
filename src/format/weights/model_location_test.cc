#include "format/weights/model_location.h"

#include <cstdlib>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

// The three variables, as they were before when it goes.
class CacheVariables : public testing::Test {
 protected:
  CacheVariables() {
    for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "HOME"}) {
      const char* value = std::getenv(name);
      before_.emplace_back(name, value ? std::optional<std::string>(value) : std::nullopt);
      ::unsetenv(name);
    }
  }
  ~CacheVariables() override {
    for (const auto& [name, value] : before_) value ? ::setenv(name, value->c_str(), 1) : ::unsetenv(name);
  }

  // A cached model as the Hub's client lays it out.
  fs::path put(const fs::path& hub, const std::string& folder, const std::string& revision = "abc123") const {
    const fs::path model = hub / folder;
    fs::create_directories(model / "refs");
    fs::create_directories(model / "snapshots" / revision);
    std::ofstream(model / "refs" / "main") << revision << "\n";
    return model / "snapshots" / revision;
  }

  TestFolder folder_;

 private:
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST_F(CacheVariables, AFolderIsItself) { EXPECT_EQ(find_model(folder_.path()), folder_.path()); }

TEST_F(CacheVariables, AnIdIsLookedForInThreePlacesInOrder) {
  const fs::path home = put(folder_ / "home/.cache/huggingface/hub", "models--org--name");
  ::setenv("HOME", (folder_ / "home").c_str(), 1);
  EXPECT_EQ(find_model("org/name"), home);
  const fs::path hf_home = put(folder_ / "hf/hub", "models--org--name");
  ::setenv("HF_HOME", (folder_ / "hf").c_str(), 1);
  EXPECT_EQ(find_model("org/name"), hf_home);
  const fs::path cache = put(folder_ / "cache", "models--org--name");
  ::setenv("HF_HUB_CACHE", (folder_ / "cache").c_str(), 1);
  EXPECT_TRUE(fs::equivalent(find_model("org/name"), cache));
}

TEST_F(CacheVariables, WhatIsAbsentIsAnErrorThatSaysWhereItLooked) {
  ::setenv("HF_HOME", (folder_ / "hf").c_str(), 1);
  const std::string message = error_of([] { find_model("org/name"); });
  EXPECT_NE(message.find((folder_ / "hf/hub/models--org--name").string()), std::string::npos) << message;
  EXPECT_NE(message.find("hf download org/name"), std::string::npos) << message;
}

TEST_F(CacheVariables, AnIdCannotLeadOutOfTheCache) {
  ::setenv("HF_HUB_CACHE", folder_.path().c_str(), 1);
  for (const char* id : {"../name", "org/..", "a/b/c", "/no/such", "org/na me", ".hidden/x", ""})
    EXPECT_NE(error_of([&] { find_model(id); }).find("is not a model folder"), std::string::npos) << id;
}

TEST_F(CacheVariables, ARevisionThatLeadsElsewhereOrIsMissingIsNamed) {
  ::setenv("HF_HUB_CACHE", folder_.path().c_str(), 1);
  put(folder_.path(), "models--org--name");
  const fs::path main = folder_ / "models--org--name/refs/main";
  std::ofstream(main) << "../../../etc";
  EXPECT_NE(error_of([] { find_model("org/name"); }).find("does not hold a revision"), std::string::npos);
  std::ofstream(main) << "def456";
  EXPECT_NE(error_of([] { find_model("org/name"); }).find("is missing"), std::string::npos);
}

}  // namespace
}  // namespace starnest

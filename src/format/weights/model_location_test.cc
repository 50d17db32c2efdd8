#include "format/weights/model_location.h"

#include <cstdlib>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

// The variables, as they were before when it goes.
class CacheVariables : public testing::Test {
 protected:
  CacheVariables() {
    for (const char* name :
         {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME", "STARNEST_TEST"}) {
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

TEST_F(CacheVariables, AnIdIsLookedForInItsPlacesInOrder) {
  const fs::path home = put(folder_ / "home/.cache/huggingface/hub", "models--org--name");
  ::setenv("HOME", (folder_ / "home").c_str(), 1);
  EXPECT_EQ(find_model("org/name"), home);
  const fs::path xdg = put(folder_ / "xdg/huggingface/hub", "models--org--name");
  ::setenv("XDG_CACHE_HOME", (folder_ / "xdg").c_str(), 1);
  EXPECT_EQ(find_model("org/name"), xdg);
  const fs::path hf_home = put(folder_ / "hf/hub", "models--org--name");
  ::setenv("HF_HOME", (folder_ / "hf").c_str(), 1);
  EXPECT_EQ(find_model("org/name"), hf_home);
  const fs::path cache = put(folder_ / "cache", "models--org--name");
  ::setenv("HF_HUB_CACHE", (folder_ / "cache").c_str(), 1);
  EXPECT_TRUE(fs::equivalent(find_model("org/name"), cache));
}

TEST_F(CacheVariables, HomeAndVariablesMeanWhatAShellWouldMakeOfThem) {
  ::setenv("HOME", folder_.path().c_str(), 1);
  ::setenv("STARNEST_TEST", "hf", 1);
  const fs::path snapshot = put(folder_ / "hf/hub", "models--org--name");
  for (const char* value : {"~/hf", "$HOME/hf", "${HOME}/$STARNEST_TEST"}) {
    ::setenv("HF_HOME", value, 1);
    EXPECT_EQ(find_model("org/name"), snapshot) << value;
  }
  ::setenv("HF_HOME", "$UNKNOWN/hf", 1);
  EXPECT_NE(error_of([] { find_model("org/name"); }).find("$UNKNOWN/hf/hub/models--org--name"), std::string::npos);
  EXPECT_EQ(find_model("~/hf"), folder_ / "hf");
}

TEST_F(CacheVariables, WithoutMainTheOnlySnapshotCountsAndSeveralAreNamed) {
  ::setenv("HF_HUB_CACHE", folder_.path().c_str(), 1);
  const fs::path snapshot = put(folder_.path(), "models--org--name", "abc123");
  fs::remove_all(folder_ / "models--org--name/refs");
  EXPECT_EQ(find_model("org/name"), snapshot);
  fs::create_directories(folder_ / "models--org--name/snapshots/abd456");
  const std::string message = error_of([] { find_model("org/name"); });
  EXPECT_NE(message.find("abc123, abd456"), std::string::npos) << message;
  EXPECT_NE(message.find("ORG/NAME@REVISION"), std::string::npos) << message;
}

TEST_F(CacheVariables, ARevisionIsABranchATagACommitOrItsBeginning) {
  ::setenv("HF_HUB_CACHE", folder_.path().c_str(), 1);
  const fs::path first = put(folder_.path(), "models--org--name", "abc123");
  const fs::path second = put(folder_.path(), "models--org--name", "abd456");
  folder_.write("models--org--name/refs/v1.0", "abc123");
  fs::create_directories(folder_ / "models--org--name/refs/refs/pr");
  folder_.write("models--org--name/refs/refs/pr/1", "abc123");
  for (const char* revision : {"v1.0", "abc123", "abc", "refs/pr/1"})
    EXPECT_EQ(find_model("org/name@" + std::string(revision)), first) << revision;
  EXPECT_EQ(find_model("org/name@main"), second);
  EXPECT_EQ(find_model("org/name"), second);
  EXPECT_NE(error_of([] { find_model("org/name@ab"); }).find("several snapshots that begin with 'ab'"),
            std::string::npos);
  const std::string absent = error_of([] { find_model("org/name@v2"); });
  EXPECT_NE(absent.find("one of main, refs/pr/1, v1.0, abc123, abd456"), std::string::npos) << absent;
  EXPECT_NE(absent.find("--revision v2"), std::string::npos) << absent;
  for (const char* bad : {"org/name@", "org/name@../../x", "org/name@a//b", "org/name@.git"})
    EXPECT_NE(error_of([&] { find_model(bad); }).find("is not a model folder"), std::string::npos) << bad;
}

TEST_F(CacheVariables, ALinkInPlaceOfTheModelThatLeadsNowhereIsNamed) {
  fs::create_symlink("gone", folder_ / "model");
  EXPECT_NE(error_of([&] { find_model(folder_ / "model"); }).find("is a link to nothing: it points to gone"),
            std::string::npos);
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

#include "train/studies/study_report.h"

#include <gtest/gtest.h>

#include "base/output.h"
#include "base/test_support.h"
#include "format/json/jsonl.h"

namespace starnest::train {
namespace {

JsonLine dev(double whole) {
  const auto way = [&](double share) {
    return JsonLine().set("whole", share).set("trace", share).set("answer", share).set("kl", 0.5);
  };
  return JsonLine().set("long", way(whole)).set("terse", way(whole / 2)).set("none", way(0.1)).set("cut", way(0.8));
}

class StudyReport : public ::testing::Test, public Study {
 protected:
  std::string question() const override { return "Is new better than old?"; }
  int units() const override { return 3; }
  std::vector<Claim> claims() const override {
    return {{"new beats old", "new", "old", "small"}, {"new equals itself", "new", "new", "small"}};
  }
  std::vector<Job> jobs(int) const override { return {}; }
  std::vector<Arm> arms(int unit) const override {
    const std::string seed = "seed" + std::to_string(unit);
    return {{"new", {{"small", seed + "/new", "small", false}}}, {"old", {{"small", seed + "/old", "", false}}}};
  }

  // A run of three measurements; with sizes where `size` has a name.
  void write_log(const std::string& job, const std::string& size, std::vector<double> shares) const {
    std::filesystem::create_directories(folder_ / job / "training");
    JsonlWriter log(folder_ / job / "training" / "log.jsonl", JsonlWriter::Mode::replace);
    for (size_t i = 0; i < shares.size(); ++i) {
      JsonLine line = JsonLine().set("step", int(i)).set("tokens", int(i) * 1000);
      if (size.empty())
        line.set("dev", dev(shares[i]));
      else
        line.set("sizes", JsonLine().set(size, JsonLine().set("dev", dev(shares[i]))));
      log.write(line);
      log.write(JsonLine().set("step", int(i)).set("tokens", int(i) * 1000 + 1));  // a step without a measurement
    }
  }

  StudySettings settings() const {
    StudySettings settings;
    settings.name = "novelty", settings.out = out();
    return settings;
  }
  std::string out() const { return (folder_ / ".").string(); }
  TestFolder folder_;
};

TEST_F(StudyReport, PairsRepetitionsAndSaysWhichClaimsHold) {
  for (int unit = 1; unit <= 3; ++unit) {
    write_log("seed" + std::to_string(unit) + "/new", "small", {0.1, 0.6, 0.90 + 0.01 * unit});
    write_log("seed" + std::to_string(unit) + "/old", "", {0.0, 0.3, 0.60});
  }
  const StudyResult result = collect(settings(), *this);
  ASSERT_EQ(result.claims.size(), 2u);
  EXPECT_EQ(result.claims[0].verdict(), "better");
  EXPECT_NEAR(result.claims[0].mean.mean, 32, 1e-9);
  EXPECT_NEAR(result.claims[0].differences[2], 33, 1e-9);
  EXPECT_EQ(result.claims[1].verdict(), "equal");
  const std::string text = to_text(result), page = to_page(result);
  EXPECT_NE(text.find("91.0 92.0 93.0"), std::string::npos) << text;
  EXPECT_NE(text.find("2,000, 2,000, 2,000"), std::string::npos) << text;  // new reaches its own end there
  EXPECT_NE(text.find("never, never, never"), std::string::npos) << text;  // old does not
  EXPECT_NE(page.find("small: long traces right against passes"), std::string::npos);
  const JsonRecord json = [&] {
    write_text(folder_ / "novelty.json", to_json(result));
    return read_jsonl(folder_ / "novelty.json").front();
  }();
  EXPECT_EQ(json.objects("claims").front().text("verdict"), "better");
  EXPECT_NEAR(json.objects("arms").front().objects("outcomes").front().number("kl"), 0.5, 1e-12);
}

TEST_F(StudyReport, FewPointsMayBeUndecided) {
  for (int unit = 1; unit <= 3; ++unit) {
    write_log("seed" + std::to_string(unit) + "/new", "small", {0.1, 0.5 + 0.1 * unit});
    write_log("seed" + std::to_string(unit) + "/old", "", {0.1, 0.6});
  }
  EXPECT_EQ(collect(settings(), *this).claims[0].verdict(), "undecided");
}

TEST_F(StudyReport, BeforeDistillationIsTheFirstLine) {
  write_log("seed1/new", "small", {0.1, 0.6, 0.9});
  EXPECT_NEAR(outcome_of(out(), {"small", "seed1/new", "small", true}).whole, 10, 1e-9);
  EXPECT_NEAR(outcome_of(out(), {"small", "seed1/new", "small", false}).whole, 90, 1e-9);
  EXPECT_THROW(outcome_of(out(), {"large", "seed1/new", "large", false}), Error);
}

}  // namespace
}  // namespace starnest::train

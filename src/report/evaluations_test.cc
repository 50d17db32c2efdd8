#include "report/evaluations.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

std::string evaluation(const std::string& think, const std::string& answer, int budget, int right, double bytes,
                       int parallel = 1) {
  const auto text = [](auto value) { return std::to_string(value); };
  return R"({"task":"r","effort":"e2","stages":[{"size":")" + think + R"(","until":"tag"},{"size":")" + answer +
         R"(","until":"end"}],"think_budget":)" + text(budget) + R"(,"result":{"right":)" + text(right) +
         R"(,"n":100},"seconds":2.0,"mean_bytes":)" + text(bytes) + R"(,"parallel":)" + text(parallel) +
         R"(,"answer_active_parameters":1000})" + "\n";
}

// By hand: (3, 60) is beaten by (2, 70), (2, 50) by (2, 70), (4, 70) by it too.
TEST(Pareto, OnlyPointsThatNoOtherOneBeatsAreOnTheFront) {
  const std::vector<std::pair<double, double>> front{{1, 50}, {2, 70}, {5, 90}};
  EXPECT_EQ(pareto_front({{3, 60}, {5, 90}, {2, 50}, {1, 50}, {2, 70}, {4, 70}}), front);
  EXPECT_TRUE(pareto_front({}).empty());
}

TEST(ReportFiles, KindsAreToldApartAndBecomeSections) {
  const TestFolder folder;
  const std::filesystem::path files[]{
      folder.write("a.json", evaluation("small", "small", -1, 90, 2e6)),
      folder.write("b.json", evaluation("small", "large", 10, 95, 4e6)),
      folder.write("c.json", evaluation("large", "large", 10, 95, 8e6, 32)),
      folder.write(
          "bench.json",
          R"({"model":"m","kernel_path":"avx2","resident_bytes":1024,"read_gb_per_second":10,"sizes":[{"size":"large","decode":{"tokens_per_second":50.0,"share_of_read":0.8}}]})"),
      folder.write(
          "study.json",
          R"({"study":"twins","question":"Equal?","unit":"seed","arms":[{"arm":"elastic","size":"small","outcomes":[{"long":97.5},{"long":98.0}]}],"claims":[{"prediction":"equal","first":"a","second":"b","size":"small","mean":0.5,"low":null,"high":1.0,"adjusted_p":0.4,"verdict":"undecided"}]})")};
  const ReportFiles all = read_report_files(files);
  EXPECT_EQ(all.benches.front().sizes.front().decode, 50);
  EXPECT_EQ(all.studies.front().claims.rows.front().at(3), "-");  // no lower end: one seed
  const ReportFiles read = read_report_files(std::span(files).first(3));
  ASSERT_EQ(read.evaluations.size(), 3u);
  EXPECT_EQ(read.evaluations[1].plan(), "small->large");
  const std::vector<Section> sections = sections_of(read);
  std::vector<std::string> titles;
  for (const Section& section : sections) titles.push_back(section.title);
  EXPECT_EQ(titles, (std::vector<std::string>{"Accuracy of each size", "r e2: accuracy against measured seconds",
                                              "r e2: accuracy against bytes moved",
                                              "r e2: accuracy against the thinking budget"}));
  EXPECT_EQ(sections[0].table.rows.size(), 1u);  // without a budget: small alone
  EXPECT_EQ(sections[1].table.rows.size(), 2u);  // asked alone: not the one in a batch of 32
  ASSERT_EQ(sections[2].table.rows.size(), 3u);
  EXPECT_EQ(sections[2].table.rows[2].back(), "");  // large alone moves more and is no better
  EXPECT_EQ(sections[2].chart.series.back().points.size(), 2u);
}

TEST(ReportFiles, AFileOfAnotherKindIsNamed) {
  const TestFolder folder;
  const std::filesystem::path file = folder.write("x.json", "{\"a\": 1}\n");
  EXPECT_NE(error_of([&] { read_report_files({&file, 1}); }).find("x.json:1: is none of the files"), std::string::npos);
}

TEST(ReportFiles, ProjectedSecondsAreAnAxisOfTheirOwn) {
  const TestFolder folder;
  const std::filesystem::path file = folder.write("a.json", evaluation("small", "small", 5, 90, 2e6));
  const auto sections = sections_of(read_report_files({&file, 1}), [](const EvaluationFile&) { return 3.0; });
  EXPECT_EQ(sections[2].title, "r e2: accuracy against projected seconds");
  EXPECT_EQ(sections[2].table.rows[0][2], "3.000");
}

}  // namespace
}  // namespace starnest

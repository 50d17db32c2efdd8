// What a study found, as JSON, as a page and as text.
#pragma once

#include <string>
#include <vector>

#include "report/page.h"
#include "report/statistics.h"
#include "train/studies/study.h"

namespace starnest::train {

// One arm at one size, over all repetitions.
struct ArmResult {
  std::string arm, size;
  std::vector<Outcome> outcomes;  // one per repetition
};

struct ClaimResult {
  Claim claim;
  std::vector<double> differences;  // first less second, points of long traces right, one per repetition
  MeanDifference mean;
  double adjusted_p = 1;  // Holm over the claims of the study

  static constexpr double kMargin = 2;  // points within which two methods are called equal
  // "better", "worse", "equal" or "undecided", of the first arm.
  std::string verdict() const;
};

struct StudyResult {
  std::string name, question, unit;
  std::vector<ArmResult> arms;
  std::vector<ClaimResult> claims;
};

StudyResult collect(const StudySettings& settings, const Study& study);

std::string to_json(const StudyResult& result);
std::string to_page(const StudyResult& result);
std::string to_text(const StudyResult& result);  // the two tables, in columns

}  // namespace starnest::train

// The sizes of an elastic run: those that are given, and those that a search still looks for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arch/family_spec.h"
#include "train/jobs/elastify.h"

namespace starnest::train {

struct ElasticSizes {
  ElasticFile file;                     // of the sizes that are decided
  std::vector<Size> decided;            // its sizes, largest first
  std::vector<std::string> names;       // of these, then of those that are searched for
  std::unique_ptr<WidthSearch> search;  // null: all sizes are given

  bool searching() const { return search && !search->decided(); }
  bool due(int64_t step) const { return searching() && step >= search->steps(); }  // to decide
};

// As they are known before the run: all of them, or the full one when the others are searched for. Throws Error for
// sizes that do not fit the parent, and for flags that contradict each other.
ElasticSizes first_sizes(const ElastifySettings& settings, const ModelSpec& parent);

// Takes over what the search has decided.
void take_decided(ElasticSizes& sizes, const ModelSpec& parent);

ElasticPlan default_plan(const FamilySettings& family, const std::vector<std::string>& names);

// To standard output, a line each.
void print_sizes(const ElasticSizes& sizes, const ModelSpec& parent);

}  // namespace starnest::train

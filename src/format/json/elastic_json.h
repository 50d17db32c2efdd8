// elastic.json: the sidecar that makes a model folder a family (docs/format.md).
//
// This reads the file as written: names, keys and values. What they mean for a model (which axes exist, whether sizes
// are nested) is checked where the model is known, in arch.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nest/axis.h"

namespace starnest {

// One value of a size: a number for all blocks, or a list with one number per block of the full model.
struct ElasticValue {
  Axis axis = Axis::none;
  std::vector<int> numbers;  // one number, or one per block
  bool per_block = false;
};

struct ElasticSize {
  std::string name;
  std::vector<ElasticValue> values;
  std::optional<std::vector<int>> layers;  // ascending 0-based indices of the blocks that stay
};

struct ElasticPlan {
  std::string think;
  std::string answer;
};

struct ElasticFile {
  std::string where;               // path, for messages
  std::vector<ElasticSize> sizes;  // in file order
  std::optional<ElasticPlan> default_plan;
  std::vector<std::pair<std::string, std::string>> provenance;  // key, value as JSON text
};

ElasticFile read_elastic(const std::filesystem::path& file);
ElasticFile parse_elastic(std::string_view text, const std::string& where);
std::string write_elastic(const ElasticFile& file);

}  // namespace starnest

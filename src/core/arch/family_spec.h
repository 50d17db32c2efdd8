// A family: one model and the nested sizes inside it, checked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/arch/model_spec.h"
#include "core/arch/registry.h"
#include "core/format/elastic_json.h"
#include "core/format/hf_config.h"

namespace starnest {

inline constexpr std::string_view kFullSize = "full";

struct FamilySpec {
  std::filesystem::path folder;
  HfConfig config;
  ModelSpec spec;
  std::vector<Size> sizes;  // largest first; exactly one size "full" when there is no elastic.json
  std::optional<ElasticPlan> default_plan;

  // Throws Error that suggests the nearest name. "full" is accepted as a name for the largest size when that is the
  // whole model.
  const Size& size(std::string_view name) const;
  const Size& largest() const { return sizes.front(); }
  std::vector<Size> smallest_first() const;
};

// Reads config.json and, where present, elastic.json. Opens no weights.
FamilySpec read_family(const std::filesystem::path& folder);

// The sizes that an elastic file describes for a model, largest first. Checks every rule of docs/format.md: known axes,
// widths within the full model, groups respected, cut contractions in multiples of 16, sizes nested, unique names.
std::vector<Size> sizes_of(const ModelSpec& spec, const ElasticFile& file);

// The elastic.json entry of a size: only what differs from the full model.
ElasticSize describe(const ModelSpec& spec, const Size& size);

}  // namespace starnest

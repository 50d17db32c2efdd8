// A family: one model and the nested sizes inside it, checked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/model_spec.h"
#include "arch/registry.h"
#include "format/json/elastic_json.h"
#include "format/json/hf_config.h"
#include "nest/sizes.h"

namespace starnest {

inline constexpr std::string_view kFullSize = "full";

struct FamilySpec {
  std::filesystem::path folder;
  HfConfig config;
  ModelSpec spec;
  Sizes sizes;  // exactly one, "full", when there is no elastic.json
  std::optional<ElasticPlan> default_plan;
  std::vector<std::string> notices = {};  // sentences that whoever uses the family should see once

  // Throws Error that suggests the nearest name. "full" is accepted as a name for the largest size when that is the
  // whole model.
  size_t size_named(std::string_view name) const;
  const Size& size(std::string_view name) const { return sizes.at(size_named(name)); }
  const Size& largest() const { return sizes.at(sizes.largest()); }
};

// Reads config.json and, where present, elastic.json. Opens no weights. The model is a folder or an id in the local
// Hugging Face cache (format/weights/model_location.h). `elastic` is the path of a file or the name of a preset
// (arch/presets.h) to take the sizes from instead; empty: the folder's own.
FamilySpec read_family(const std::filesystem::path& model, const std::string& elastic = {});

// The sizes that an elastic file describes for a model. Checks every rule of docs/format.md: known axes,
// widths within the full model, groups respected, cut contractions in multiples of 16, sizes nested, unique names.
Sizes sizes_of(const ModelSpec& spec, const ElasticFile& file);

// The elastic.json entry of a size: only what differs from the full model.
ElasticSize describe(const ModelSpec& spec, const Size& size);

}  // namespace starnest

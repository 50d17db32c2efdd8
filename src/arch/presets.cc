#include "arch/presets.h"

#include <filesystem>

#include "arch/preset_texts.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const PresetText& text : kPresetTexts) names.emplace_back(text.name);
  return names;
}

std::optional<ElasticFile> preset(std::string_view name) {
  for (const PresetText& text : kPresetTexts)
    if (text.name == name) return parse_elastic(text.json, "preset " + std::string(name));
  return std::nullopt;
}

ElasticFile elastic_file_or_preset(const std::string& given) {
  if (std::filesystem::exists(given)) return read_elastic(given);
  if (auto file = preset(given)) return *std::move(file);
  throw Error({.where = in_quotes(given),
               .what = "is neither a file nor a preset of sizes",
               .expected = "the path of an elastic.json, or one of " + join(preset_names(), ", ")});
}

}  // namespace starnest

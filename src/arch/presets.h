// The elastic.json files of published families whose folders carry none: data files in the presets/ of
// their architecture, built in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/json/elastic_json.h"

namespace starnest {

std::vector<std::string> preset_names();
std::optional<ElasticFile> preset(std::string_view name);

// A file by its path, or a preset by its name. Throws Error that lists the presets when there is neither.
ElasticFile elastic_file_or_preset(const std::string& given);

}  // namespace starnest

// Private to format: the JSON header of a safetensors file.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "format/weights/safetensors.h"

namespace starnest {

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // in the order of the JSON
  std::map<std::string, std::string> metadata;
};

// Parses strictly; `path` is for messages only. Checks syntax and types; neither layout nor duplicate tensor names.
SafetensorsHeader parse_safetensors_header(std::string_view json, const std::filesystem::path& path);

[[noreturn]] void safetensors_error(const std::filesystem::path& path, std::string_view tensor, std::string what,
                                    std::string expected = {}, std::string got = {});

}  // namespace starnest

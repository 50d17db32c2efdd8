// Comma-separated values as RFC 4180 has them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace starnest {

// One vector of fields per record. Fields in quotation marks may hold commas, line breaks and doubled marks. Empty
// lines are passed over. Throws Error naming `where` and the line of a mark that is never closed or that other text
// follows.
std::vector<std::vector<std::string>> parse_csv(std::string_view text, const std::string& where);
std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& file);

}  // namespace starnest

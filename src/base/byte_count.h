// Amounts of memory as people write them: "16GiB", "1.5 GB".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starnest {

inline constexpr const char* kByteUnits = "KiB, MiB, GiB, TiB, KB, MB, GB or TB";

// Bytes in one of kByteUnits; nothing for any other word.
std::optional<double> bytes_in_unit(std::string_view unit);

// A positive number and a unit, with or without a space between, as bytes_text writes them. A number alone would leave
// open whether bytes or GiB are meant. Throws Error that names `where`.
uint64_t parse_byte_count(const std::string& where, std::string_view text);

}  // namespace starnest

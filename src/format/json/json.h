// The JSON library behind one strict entry: for format, and for programs that take or give JSON themselves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace starnest {

// Keeps the order of keys, so that a rewritten file differs from its source only where it must.
using Json = nlohmann::ordered_json;

inline constexpr const char* kJsonSpace = " \t\r\n";             // what may stand between values
inline constexpr uint64_t kMaxConfigBytes = uint64_t{64} << 20;  // of a config.json

// Throws Error naming `where` when brackets are nested more than kMaxJsonDepth deep: printing and comparing such values
// would exhaust the stack.
inline constexpr size_t kMaxJsonDepth = 64;
void refuse_deep_nesting(std::string_view text, const std::string& where);

// Some writers put bare NaN, Infinity and -Infinity, which is not JSON. They become the form that newer writers use,
// {"__float__": "Infinity"}, so that a JSON library reads them.
std::string with_float_objects(std::string_view text);

// Escapes of half a surrogate pair ("\ud800" alone), which no UTF-8 can hold, as that of U+FFFD.
std::string with_whole_surrogates(std::string_view text);

// Throws Error naming `where` for invalid JSON, deep nesting, and a key that stands twice in one object.
Json parse_json(std::string_view text, const std::string& where);

}  // namespace starnest

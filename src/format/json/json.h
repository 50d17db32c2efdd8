// Private to format: the JSON library behind one strict entry.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace starnest {

// Keeps the order of keys, so that a rewritten file differs from its source only where it must.
using Json = nlohmann::ordered_json;

// Throws Error naming `where` when brackets are nested more than kMaxJsonDepth deep: printing and comparing such values
// would exhaust the stack.
inline constexpr size_t kMaxJsonDepth = 64;
void refuse_deep_nesting(std::string_view text, const std::string& where);

// Throws Error naming `where` for invalid JSON, deep nesting, and a key that stands twice in one object.
Json parse_json(std::string_view text, const std::string& where);

}  // namespace starnest

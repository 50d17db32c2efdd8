// The chat template of a model folder.
#pragma once

#include <filesystem>
#include <string>

namespace starnest {

// The text of chat_template.jinja, else chat_template of tokenizer_config.json: a text, or a list of {name, template},
// of which "default" counts, else the first. Empty when there is none. As Jinja reads it: without byte order mark, with
// "\n" for every line end, and without the last one. Throws Error naming file and key for another type.
std::string read_chat_template(const std::filesystem::path& folder);

}  // namespace starnest

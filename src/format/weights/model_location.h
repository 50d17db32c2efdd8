// Where a model lies: a folder, or an id in the local Hugging Face cache. Nothing is ever downloaded.
#pragma once

#include <filesystem>
#include <string>

namespace starnest {

// A folder as it is; ORG/NAME as the newest snapshot of its main branch in $HF_HUB_CACHE, $HF_HOME/hub or
// ~/.cache/huggingface/hub, in that order. Throws Error that says where it looked.
std::filesystem::path find_model(const std::filesystem::path& folder_or_id);

}  // namespace starnest

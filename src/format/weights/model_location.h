// Where a model lies: a folder, or an id in the local Hugging Face cache. Nothing is ever downloaded.
#pragma once

#include <filesystem>

namespace starnest {

// A folder as it is, "~/..." below the home folder; else ORG/NAME, or ORG/NAME@REVISION with a branch, a tag, a commit
// or the beginning of one, as the Hub's client left it in $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub
// or
// ~/.cache/huggingface/hub, in that order. Without a revision: what refs/main names, else the only snapshot. Throws
// Error that says where it looked and what was there.
std::filesystem::path find_model(const std::filesystem::path& folder_or_id);

}  // namespace starnest

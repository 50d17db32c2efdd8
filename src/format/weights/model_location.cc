#include "format/weights/model_location.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> caches() {
  std::vector<fs::path> folders;
  const auto add = [&](const char* variable, const char* below) {
    if (const char* value = std::getenv(variable); value && *value) folders.push_back(fs::path(value) / below);
  };
  add("HF_HUB_CACHE", "");
  add("HF_HOME", "hub");
  add("HOME", ".cache/huggingface/hub");
  return folders;
}

// ORG/NAME or NAME of letters, digits and ._- alone: no path that leads anywhere else.
bool is_id(const std::string& text) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  };
  const size_t slash = text.find('/');
  const std::string org = slash == std::string::npos ? "" : text.substr(0, slash);
  const std::string name = slash == std::string::npos ? text : text.substr(slash + 1);
  const auto part = [&](const std::string& s) {
    return !s.empty() && s.front() != '.' && s.find("..") == std::string::npos &&
           std::all_of(s.begin(), s.end(), allowed);
  };
  return part(name) && (slash == std::string::npos || part(org));
}

std::string folder_name(std::string id) {
  for (size_t slash = id.find('/'); slash != std::string::npos; slash = id.find('/')) id.replace(slash, 1, "--");
  return "models--" + id;
}

// The commit that main stands at, as the Hub's client writes it.
std::optional<fs::path> snapshot_in(const fs::path& model) {
  const fs::path main = model / "refs" / "main";
  if (!fs::is_regular_file(main)) return std::nullopt;
  std::string revision = read_text(main, 256);
  while (!revision.empty() && std::isspace(static_cast<unsigned char>(revision.back()))) revision.pop_back();
  if (!is_id(revision) || revision.find('/') != std::string::npos)
    throw Error({.where = main.string(), .what = "does not hold a revision", .got = in_quotes(revision)});
  fs::path snapshot = model / "snapshots" / revision;
  if (!fs::is_directory(snapshot))
    throw Error({.where = snapshot.string(),
                 .what = "is missing, although refs/main names it",
                 .hint = "Download the model again, e.g. with 'hf download'"});
  return snapshot;
}

}  // namespace

fs::path find_model(const fs::path& folder_or_id) {
  if (fs::is_directory(folder_or_id)) return folder_or_id;
  const std::string id = folder_or_id.string();
  std::vector<std::string> looked;
  if (is_id(id))
    for (const fs::path& cache : caches()) {
      const fs::path model = cache / folder_name(id);
      if (const auto snapshot = snapshot_in(model)) return *snapshot;
      looked.push_back(model.string());
    }
  if (looked.empty())
    throw Error({.where = id, .what = "is not a model folder", .expected = "a folder with config.json"});
  throw Error({.where = id,
               .what = "is neither a folder nor a model in the local cache",
               .expected = "a folder with config.json, or one of " + join(looked, ", "),
               .hint = "Nothing is downloaded here: fetch it first, e.g. with 'hf download " + id + "'"});
}

}  // namespace starnest

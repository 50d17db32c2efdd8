#include "format/weights/model_location.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/source_file.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}

std::string home() {
  if (const std::string home = variable("HOME"); !home.empty()) return home;
  const passwd* user = ::getpwuid(::getuid());
  return user && user->pw_dir ? user->pw_dir : "";
}

// With ~, $NAME and ${NAME} as the Hub's client reads them in what no shell has read. An unknown name stays.
fs::path expanded(std::string text) {
  if (text == "~" || text.starts_with("~/")) text = home() + text.substr(1);
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const bool braced = text.compare(at, 2, "${") == 0;
    const size_t begin = at + (braced ? 2 : 1);
    size_t end = begin;
    while (text[at] == '$' && end < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
      ++end;
    const std::string value =
        end > begin && (!braced || text[end] == '}') ? variable(text.substr(begin, end - begin)) : "";
    if (value.empty()) {
      out += text[at++];
      continue;
    }
    out += value;
    at = end + (braced ? 1 : 0);
  }
  return out;
}

std::vector<fs::path> caches() {
  std::vector<fs::path> folders;
  const auto add = [&](const std::string& place, const char* below) {
    if (!place.empty()) folders.push_back(expanded(place) / below);
  };
  add(variable("HF_HUB_CACHE"), "");
  add(variable("HUGGINGFACE_HUB_CACHE"), "");  // its name in earlier clients
  add(variable("HF_HOME"), "hub");
  add(variable("XDG_CACHE_HOME"), "huggingface/hub");
  add(home(), ".cache/huggingface/hub");
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

// A branch, a tag or a commit: parts between slashes that lead nowhere else.
bool is_revision(const std::string& text) {
  const std::vector<std::string> parts = split(text, '/');
  return std::all_of(parts.begin(), parts.end(),
                     [](const std::string& part) { return is_id(part) && part.find('/') == std::string::npos; });
}

std::vector<std::string> snapshots_of(const fs::path& model) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(model / "snapshots", none))
    if (entry.is_directory(none)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// The commit that a branch or tag stands at, as the Hub's client writes it.
std::optional<fs::path> named_snapshot(const fs::path& model, const std::string& name) {
  const fs::path ref = model / "refs" / name;
  if (!is_there(ref) || !fs::is_regular_file(ref)) return std::nullopt;
  std::string commit = read_text(ref, 256);
  while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) commit.pop_back();
  if (!is_id(commit) || commit.find('/') != std::string::npos)
    throw Error({.where = ref.string(), .what = "does not hold a revision", .got = in_quotes(commit)});
  fs::path snapshot = model / "snapshots" / commit;
  if (!fs::is_directory(snapshot))
    throw Error({.where = snapshot.string(),
                 .what = "is missing, although refs/" + name + " names it",
                 .hint = "Download the model again, e.g. with 'hf download'"});
  return snapshot;
}

// The only one of `snapshots`. Throws Error when there are several.
std::optional<fs::path> only_snapshot(const fs::path& model, const std::vector<std::string>& snapshots,
                                      const std::string& what) {
  if (snapshots.empty()) return std::nullopt;
  if (snapshots.size() == 1) return model / "snapshots" / snapshots.front();
  throw Error({.where = model.string(),
               .what = what,
               .got = join(snapshots, ", "),
               .hint = "Name one of them: ORG/NAME@REVISION"});
}

std::optional<fs::path> snapshot_in(const fs::path& model, const std::optional<std::string>& revision) {
  if (auto named = named_snapshot(model, revision.value_or("main"))) return named;
  std::vector<std::string> snapshots = snapshots_of(model);
  if (!revision) return only_snapshot(model, snapshots, "has several snapshots, and no refs/main that names one");
  if (std::find(snapshots.begin(), snapshots.end(), *revision) != snapshots.end())
    return model / "snapshots" / *revision;
  std::erase_if(snapshots, [&](const std::string& commit) { return !commit.starts_with(*revision); });
  return only_snapshot(model, snapshots, "has several snapshots that begin with " + in_quotes(*revision));
}

// Branches, tags and commits that are there.
std::vector<std::string> revisions_of(const fs::path& model) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(model / "refs", none))
    if (entry.is_regular_file(none)) names.push_back(entry.path().lexically_relative(model / "refs").string());
  std::sort(names.begin(), names.end());
  for (std::string& commit : snapshots_of(model)) names.push_back(std::move(commit));
  return names;
}

}  // namespace

fs::path find_model(const fs::path& folder_or_id) {
  for (const fs::path& folder : {folder_or_id, expanded(folder_or_id.string())})
    if (is_there(folder) && fs::is_directory(folder)) return folder;
  const std::string text = folder_or_id.string();
  const size_t at = text.find('@');
  const std::string id = text.substr(0, at);
  const std::optional<std::string> revision =
      at == std::string::npos ? std::nullopt : std::optional(text.substr(at + 1));
  if (!is_id(id) || (revision && !is_revision(*revision)))
    throw Error({.where = text, .what = "is not a model folder", .expected = "a folder with config.json"});
  std::vector<std::string> looked, known;
  for (const fs::path& cache : caches()) {
    const fs::path model = cache / folder_name(id);
    if (const auto snapshot = snapshot_in(model, revision)) return *snapshot;
    looked.push_back(model.string());
    for (std::string& name : revisions_of(model)) known.push_back(std::move(name));
  }
  const std::string fetch = "'hf download " + id + (revision ? " --revision " + *revision : "") + "'";
  if (revision && !known.empty())
    throw Error({.where = id,
                 .what = "has no revision " + in_quotes(*revision) + " in the local cache",
                 .expected = "one of " + join(known, ", "),
                 .hint = "Fetch it first, e.g. with " + fetch});
  throw Error({.where = text,
               .what = "is neither a folder nor a model in the local cache",
               .expected = "a folder with config.json, or one of " + join(looked, ", "),
               .hint = "Nothing is downloaded here: fetch it first, e.g. with " + fetch});
}

}  // namespace starnest

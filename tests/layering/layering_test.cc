// Who may include whom. The tables are the rule; the test reads every #include under src/ and include/ against them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace starnest {
namespace {

using Names = std::vector<std::string>;

const std::filesystem::path kRoot = STARNEST_SOURCE_DIR;

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// Folder -> the folders whose headers it may include directly, besides its own, from the table in a document:
//   | folder | may include |
//   |---|---|
//   | nest | base |
std::map<std::string, Names> read_table(const std::string& document) {
  static const std::regex kRow(R"(^\| (\w+) \| ([\w, -]+) \|$)");
  std::map<std::string, Names> table;
  std::istringstream lines(document.substr(document.find("| folder | may include |")));
  std::string line;
  std::getline(lines, line), std::getline(lines, line);
  std::smatch row;
  while (std::getline(lines, line) && std::regex_match(line, row, kRow)) {
    std::istringstream names(row[2].str() == "-" ? "" : row[2].str());
    Names& may = table[row[1]];
    for (std::string name; std::getline(names >> std::ws, name, ',');) may.push_back(name);
  }
  return table;
}

const std::map<std::string, Names> kMayInclude = read_table(text_of(kRoot / "CONTRIBUTING.md"));

// Start of an include -> the only folders where it may stand. The longest match decides, so that error.h, which
// base implements and everyone throws, is apart from the rest of the public headers.
struct Reserved {
  std::string start;
  Names folders;
  std::string reason;
};

const Names kEverywhere{""};

const std::vector<Reserved> kReserved{
    {"starnest/error.h", kEverywhere, ""},
    {"starnest/",
     {"engine", "generate", "eval", "server", "cli"},
     "public headers are implemented by generate and used by programs"},
    {"generate/family_impl.h", {"generate"}, "the public headers, and Family::engine, are enough"},
    {"torch/", {"train"}, "the engine builds without LibTorch"},
    {"ATen/", {"train"}, "the engine builds without LibTorch"},
    {"c10/", {"train"}, "the engine builds without LibTorch"},
    {"nlohmann/", {"format", "server", "cli"}, "JSON is private to these"},
    {"CLI/", {"program", "cli", "train"}, "only programs have flags"},
    {"immintrin.h", {"kernels/cpu"}, "intrinsics stay behind plain functions"},
    {"hwy/", {"kernels/cpu"}, "intrinsics stay behind plain functions"},
};

bool is_within(std::string_view path, std::string_view folder) {
  return folder.empty() || (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'));
}

// "base" for "base/error.cc", "kernels" for "kernels/cpu/x.cc"; empty when the table has no such folder.
std::string folder_of(std::string_view path) {
  for (const auto& [folder, unused] : kMayInclude) {
    if (is_within(path, folder)) return folder;
  }
  return "";
}

// Why the file at `path` (from src/) must not include `target`; empty when it may.
std::string objection(const std::string& path, const std::string& target, bool quoted) {
  const Reserved* rule = nullptr;
  for (const Reserved& candidate : kReserved) {
    if (target.starts_with(candidate.start) && (!rule || candidate.start.size() > rule->start.size())) {
      rule = &candidate;
    }
  }
  if (rule) {
    const auto allowed = [&](const std::string& folder) { return is_within(path, folder); };
    return std::any_of(rule->folders.begin(), rule->folders.end(), allowed) ? "" : rule->reason;
  }
  const std::string to = folder_of(target);
  if (to.empty()) return quoted ? "write the path from src/, or <...> for a library" : "";
  const std::string from = folder_of(path);
  if (from.empty()) return "the including folder is not in the table of CONTRIBUTING.md";
  const Names& may = kMayInclude.at(from);
  if (to == from || std::find(may.begin(), may.end(), to) != may.end()) return "";
  return from + " may not include " + to;
}

// One message per forbidden include: file, line, include, reason.
Names violations(const std::string& path, const std::string& text) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  Names found;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (!std::regex_search(line, match, kInclude)) continue;
    const std::string reason = objection(path, match[2], match[1] == "\"");
    if (!reason.empty()) found.push_back(path + ":" + std::to_string(number) + ": " + line + ": " + reason);
  }
  return found;
}

// Every C++ file below `root`, by its path from there.
std::map<std::string, std::string> sources(const std::filesystem::path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension().string();
    if (!entry.is_regular_file() || (extension != ".h" && extension != ".cc")) continue;
    files[entry.path().lexically_relative(root).generic_string()] = text_of(entry.path());
  }
  return files;
}

TEST(Layering, EveryIncludeInSrcIsAllowed) {
  const auto files = sources(kRoot / "src");
  EXPECT_GE(files.size(), 10u) << "sources not found";
  for (const auto& [path, text] : files) {
    for (const std::string& message : violations(path, text)) ADD_FAILURE() << "src/" << message;
  }
}

TEST(Layering, EverySourceFolderIsInTheTable) {
  for (const auto& [path, text] : sources(kRoot / "src")) EXPECT_NE(folder_of(path), "") << "src/" << path;
}

TEST(Layering, PublicHeadersIncludeNothingOfSrc) {
  for (const auto& [path, text] : sources(kRoot / "include")) {
    std::istringstream lines(text);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      if (line.starts_with("#include \"") && !line.starts_with("#include \"starnest/")) {
        ADD_FAILURE() << "include/" << path << ":" << number << ": " << line << ": src/ is not installed";
      }
    }
  }
}

TEST(Layering, EveryNameInTheTableIsAFolderOfTheTable) {
  EXPECT_GE(kMayInclude.size(), 10u) << "table not found";
  for (const auto& [folder, may] : kMayInclude) {
    for (const std::string& name : may) EXPECT_TRUE(kMayInclude.contains(name)) << folder << " -> " << name;
  }
}

TEST(LayeringSelfTest, AForbiddenIncludeIsFoundWithFileLineAndText) {
  const Names found = violations("base/file.cc", "// one\n#include <string>\n  #  include \"engine/engine.h\"\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], "base/file.cc:3:   #  include \"engine/engine.h\": base may not include engine");
}

void expect_allowed(const std::string& path, const std::string& include, bool allowed) {
  const Names found = violations(path, "#include " + include);
  EXPECT_EQ(found.empty(), allowed) << path << " " << include << (found.empty() ? "" : "\n" + found[0]);
}

TEST(LayeringSelfTest, TheTableIsApplied) {
  expect_allowed("model/blocks/mamba2.cc", "\"kernels/cpu/matmul.h\"", true);
  expect_allowed("model/blocks/mamba2.cc", "\"model/blocks/mlp.h\"", true);
  expect_allowed("model/blocks/mamba2.cc", "\"format/weights/safetensors.h\"", false);
  expect_allowed("kernels/ref/matmul_test.cc", "\"nest/widths.h\"", false);  // tests follow their folder
  expect_allowed("train/jobs/pretrain.cc", "\"tasks/batch.h\"", true);
  expect_allowed("train/jobs/pretrain.cc", "\"generate/session.h\"", false);
  expect_allowed("train/jobs/pretrain.cc", "<model/model.h>", false);  // angle brackets do not hide it
  expect_allowed("base/rng.cc", "\"rng.h\"", false);
  expect_allowed("modelling/x.cc", "\"base/rng.h\"", false);
}

TEST(LayeringSelfTest, ReservedLibrariesAreKeptInTheirFolders) {
  expect_allowed("train/modules/mamba2.h", "<torch/torch.h>", true);
  expect_allowed("eval/kl.cc", "<torch/torch.h>", false);
  expect_allowed("format/json/json.h", "<nlohmann/json.hpp>", true);
  expect_allowed("arch/nemotron_h/config.cc", "<nlohmann/json.hpp>", false);
  expect_allowed("train/jobs/rank.cc", "<CLI/CLI.hpp>", true);
  expect_allowed("engine/engine.cc", "<CLI/CLI.hpp>", false);
  expect_allowed("kernels/cpu/matmul_avx2.cc", "<immintrin.h>", true);
  expect_allowed("kernels/ref/matmul.cc", "<immintrin.h>", false);
  expect_allowed("kernels/cpu/norm.cc", "<hwy/highway.h>", true);
  expect_allowed("kernels/norm.h", "\"hwy/highway.h\"", false);
}

TEST(LayeringSelfTest, PublicHeadersAreForGenerateAndCliButErrorsForAll) {
  expect_allowed("tasks/split.cc", "\"starnest/error.h\"", true);
  expect_allowed("generate/session.cc", "\"starnest/session.h\"", true);
  expect_allowed("cli/run.cc", "\"starnest/session.h\"", true);
  expect_allowed("eval/task_accuracy.cc", "\"starnest/session.h\"", true);
  expect_allowed("model/model.cc", "\"starnest/session.h\"", false);
}

}  // namespace
}  // namespace starnest

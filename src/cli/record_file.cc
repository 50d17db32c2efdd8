#include "cli/record_file.h"

#include <filesystem>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

using nlohmann::json;

constexpr const char* kAnew = "Name another file, or leave --resume out to begin anew";

constexpr size_t kShortValues = 60;  // characters of two values that a message shows

const std::set<std::string> kPlaces{"model", "elastic", "pairs", "choices"};

// "k_low (1, here 2)" for every key whose values differ; of a fingerprint the key alone.
std::vector<std::string> differences(const json& written, const json& here) {
  std::set<std::string> keys;
  for (const json& side : {written, here})
    for (const auto& [key, value] : side.items())
      if (!kPlaces.contains(key)) keys.insert(key);
  std::vector<std::string> found;
  for (const std::string& key : keys) {
    const json a = written.value(key, json()), b = here.value(key, json());
    const std::string both = a.dump() + ", here " + b.dump();
    if (a != b) found.push_back(both.size() > kShortValues ? key : key + " (" + both + ")");
  }
  return found;
}

}  // namespace

RecordFile::RecordFile(const std::string& path, const JsonLine& settings, bool resume) : settings_(settings.text()) {
  if (path.empty()) return;
  const bool reads = resume && std::filesystem::is_regular_file(path);
  const auto read = [&] {
    earlier_ = read_jsonl(path);
    if (!earlier_.empty()) check_same_settings();
  };
  if (reads) read();  // before the file is touched
  writer_.emplace(path, reads ? JsonlWriter::Mode::append : JsonlWriter::Mode::replace);
  if (reads) read();  // now locked, and without a last line that the writer found unfinished
  is_first_ = earlier_.empty();
}

void RecordFile::check_same_settings() const {
  const JsonRecord& first = earlier_.front();
  const json here = json::parse(settings_);
  const json written = json::parse(first.find_text("settings").value_or("{}"), nullptr, /*allow_exceptions=*/false);
  if (!written.is_object() || !written.contains("weights"))
    throw Error({.where = first.where(),
                 .what = "was written by an earlier version, which did not note what the weights were, so that it "
                         "cannot be told whether these are the same",
                 .hint = kAnew});
  const std::vector<std::string> found = differences(written, here);
  if (found.empty()) return;
  throw Error({.where = first.where(),
               .what = "was written under other settings: they differ in " + join(found, ", "),
               .hint = kAnew});
}

void RecordFile::write(JsonLine record) {
  if (!writer_) return;
  if (std::exchange(is_first_, false)) record.set("settings", settings_);
  writer_->write(record);
}

}  // namespace starnest::cli

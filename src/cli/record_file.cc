#include "cli/record_file.h"

#include <filesystem>
#include <utility>

#include "starnest/error.h"

namespace starnest::cli {

RecordFile::RecordFile(const std::string& path, const JsonLine& settings, bool resume) : settings_(settings.text()) {
  if (path.empty()) return;
  if (resume && std::filesystem::exists(path)) earlier_ = read_jsonl(path);
  if (!earlier_.empty()) {
    const std::optional<std::string> written = earlier_.front().find_text("settings");
    if (written != settings_)
      throw Error({.where = earlier_.front().where(),
                   .what = "was written under other settings",
                   .expected = settings_,
                   .got = written.value_or("none"),
                   .hint = "Name another file, or leave --resume out to begin anew"});
  }
  writer_.emplace(path, earlier_.empty() ? JsonlWriter::Mode::replace : JsonlWriter::Mode::append);
  if (!earlier_.empty()) earlier_ = read_jsonl(path);  // without a last line that the writer found unfinished
  is_first_ = earlier_.empty();
}

void RecordFile::write(JsonLine record) {
  if (!writer_) return;
  if (std::exchange(is_first_, false)) record.set("settings", settings_);
  writer_->write(record);
}

}  // namespace starnest::cli

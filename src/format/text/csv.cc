#include "format/text/csv.h"

#include <utility>

#include "base/file.h"
#include "starnest/error.h"

namespace starnest {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  std::vector<std::vector<std::string>> run() {
    while (at_ < text_.size()) {
      if (text_[at_] == '"' && field_.empty() && !quoted_)
        read_quoted();
      else
        take(text_[at_++]);
    }
    end_record();
    return std::move(records_);
  }

 private:
  void take(char c) {
    if (c == ',') return end_field();
    if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') return;
    if (c == '\n') {
      ++line_;
      return end_record();
    }
    if (quoted_) throw Error(place(line_), "text follows a closing quotation mark");
    field_ += c;
  }

  void read_quoted() {
    const size_t opened = line_;
    quoted_ = true;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') return;
      }
      if (text_[at_] == '\n') ++line_;
      field_ += text_[at_];
    }
    throw Error(place(opened), "a quotation mark is not closed");
  }

  void end_field() {
    record_.push_back(std::exchange(field_, {}));
    quoted_ = false;
  }
  void end_record() {
    if (record_.empty() && field_.empty() && !quoted_) return;
    end_field();
    records_.push_back(std::exchange(record_, {}));
  }
  std::string place(size_t line) const { return where_ + ":" + std::to_string(line); }

  std::string_view text_;
  std::string where_;
  size_t at_ = 0, line_ = 1;
  bool quoted_ = false;
  std::string field_;
  std::vector<std::string> record_;
  std::vector<std::vector<std::string>> records_;
};

}  // namespace

std::vector<std::vector<std::string>> parse_csv(std::string_view text, const std::string& where) {
  return Parser(text, where).run();
}

std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& file) {
  return parse_csv(read_text(file), file.string());
}

}  // namespace starnest

#include "format/json/json_pieces.h"

#include <utility>

#include "base/text.h"
#include "format/json/json.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;

}  // namespace

std::optional<JsonPiece> JsonPieces::next() {
  while (!is_array_ && !done_) {
    std::optional<std::string> line = lines_.next();
    const size_t first = line ? line->find_first_not_of(kJsonSpace) : 0;
    if (line && first == std::string::npos) continue;
    done_ = !line;
    if (done_) return std::nullopt;
    is_array_ = !std::exchange(any_, true) && (*line)[first] == '[';
    if (!is_array_) {
      if (line->size() > kMostBytes) throw Error(lines_.where(), "the line is longer than " + bytes_text(kMostBytes));
      return JsonPiece{std::move(*line), lines_.where(), lines_.ended()};
    }
    line_ = std::move(*line);
    at_ = first + 1;
  }
  return done_ ? std::nullopt : next_element();
}

std::optional<JsonPiece> JsonPieces::next_element() {
  std::optional<char> c = visible();
  if (elements_ > 0 && c == ',') {
    ++at_;
    c = visible();
  } else if (elements_ > 0 && c && c != ']') {
    fail_array("lacks a comma between two elements of the array");
  }
  if (c == ']') {
    ++at_;
    if (visible()) fail_array("holds something after the array");
    done_ = true;
    return std::nullopt;
  }
  ++elements_;
  const std::string where = lines_.where() + ", element " + std::to_string(elements_);
  return JsonPiece{element_text(), where};
}

// Up to the comma or bracket that ends it.
std::string JsonPieces::element_text() {
  std::string text;
  size_t depth = 0;
  bool in_string = false;
  while (true) {
    if (at_ >= line_.size()) {
      if (in_string || !next_line()) fail_array(in_string ? "has a text that is not closed" : "ends within the array");
      text += '\n';
      continue;
    }
    const char c = line_[at_];
    if (!in_string && depth == 0 && (c == ',' || c == ']')) return text;
    if (in_string && c == '\\' && at_ + 1 < line_.size()) text += line_[at_++];
    if (c == '"') in_string = !in_string;
    if (!in_string && (c == '{' || c == '[')) ++depth;
    if (!in_string && (c == '}' || c == ']') && depth > 0) --depth;
    text += line_[at_++];
    if (text.size() > kMostBytes) fail_array("has an element that is too long");
  }
}

std::optional<char> JsonPieces::visible() {
  while ((at_ = line_.find_first_not_of(kJsonSpace, at_)) == std::string::npos)
    if (!next_line()) return std::nullopt;
  return line_[at_];
}

bool JsonPieces::next_line() {
  std::optional<std::string> line = lines_.next();
  const bool found = line.has_value();
  line_ = found ? *std::move(line) : "";
  at_ = 0;
  return found;
}

void JsonPieces::fail_array(const char* what) {
  done_ = true;
  throw Error(lines_.where(), what);
}

}  // namespace starnest

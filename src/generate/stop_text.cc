#include "generate/stop_text.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// Every piece is compared with every string: a request must not make that slow.
constexpr size_t kMostStrings = 64;
constexpr size_t kMostBytes = size_t{64} << 10;

}  // namespace

StopText::StopText(std::vector<std::string> strings) : strings_(std::move(strings)) {
  size_t bytes = 0;
  for (const std::string& text : strings_) {
    if (text.empty()) throw Error("stop", "is empty");
    if (const size_t valid = valid_utf8_prefix(text); valid != text.size())
      throw Error("stop", "is not valid UTF-8 at byte " + std::to_string(valid));
    bytes += text.size();
  }
  if (strings_.size() > kMostStrings || bytes > kMostBytes)
    throw Error(
        {.where = "stop",
         .what = "is too much",
         .expected = "at most " + std::to_string(kMostStrings) + " texts of " + bytes_text(kMostBytes) + " in all",
         .got = std::to_string(strings_.size()) + " texts of " + bytes_text(bytes)});
}

size_t StopText::match_at_end(size_t end) const {
  size_t longest = 0;
  const std::string_view text = std::string_view(pending_).substr(0, end);
  for (const std::string& string : strings_)
    if (text.ends_with(string)) longest = std::max(longest, string.size());
  return longest;
}

std::string StopText::push(std::string_view piece) {
  if (found_) return {};
  const size_t before = pending_.size();
  pending_ += piece;
  for (size_t end = before + 1; end <= pending_.size(); ++end) {
    const size_t length = match_at_end(end);
    if (length == 0) continue;
    found_ = true;
    return std::exchange(pending_, {}).substr(0, end - length);
  }
  size_t held = 0;  // the longest end of the text that begins a string
  for (const std::string& string : strings_)
    for (size_t length = std::min(string.size() - 1, pending_.size()); length > held; --length)
      if (pending_.ends_with(std::string_view(string).substr(0, length))) held = length;
  std::string certain = pending_.substr(0, pending_.size() - held);
  pending_.erase(0, certain.size());
  return certain;
}

std::string StopText::finish() { return std::exchange(pending_, {}); }

}  // namespace starnest

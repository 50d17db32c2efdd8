#include "base/lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/source_file.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr size_t kPartBytes = size_t{1} << 16;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

[[noreturn]] void fail_input(const std::string& name, const char* what) {
  const int code = errno;
  throw Error({.where = name, .what = std::string(what) + " (" + std::strerror(code) + ")"});
}

int opened(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) cannot_open(file);
  return descriptor;
}

[[noreturn]] void too_long(const std::string& where, const char* what, uint64_t most_bytes) {
  throw Error({.where = where, .what = what, .expected = "at most " + bytes_text(most_bytes)});
}

}  // namespace

LineReader::LineReader(int descriptor, std::string name, std::string text)
    : descriptor_(descriptor), name_(std::move(name)), buffer_(std::move(text)) {}

LineReader::LineReader(const std::filesystem::path& file) : LineReader(opened(file), file.string(), "") {}
LineReader LineReader::standard_input() { return {STDIN_FILENO, "standard input", ""}; }
LineReader LineReader::of_text(std::string text, std::string name) { return {-1, std::move(name), std::move(text)}; }

LineReader::~LineReader() {
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

LineReader::LineReader(LineReader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      at_(other.at_),
      line_begin_(other.line_begin_),
      number_(other.number_),
      begun_(other.begun_),
      ended_(other.ended_) {}

bool LineReader::fill() {
  if (descriptor_ < 0) return false;
  buffer_.erase(0, std::exchange(at_, 0));
  const size_t before = buffer_.size();
  buffer_.resize(before + kPartBytes);
  ssize_t n = 0;
  do n = ::read(descriptor_, buffer_.data() + before, kPartBytes);
  while (n < 0 && errno == EINTR);
  buffer_.resize(before + size_t(n > 0 ? n : 0));
  if (n < 0) fail_input(name_, "cannot be read");
  return n > 0;
}

void LineReader::begin() {
  begun_ = true;
  while (buffer_.size() < kByteOrderMark.size() && fill()) {
  }
  if (buffer_.starts_with(kLfsPointer.substr(0, 3)))
    while (buffer_.size() < kLfsPointerBytes && fill()) {
    }
  refuse_lfs_pointer(name_, buffer_, buffer_.size());
  if (buffer_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  if (buffer_.starts_with("\xff\xfe") || buffer_.starts_with("\xfe\xff"))
    throw Error({.where = name_,
                 .what = "is text in UTF-16",
                 .expected = "UTF-8",
                 .hint = "Convert it first: iconv -f UTF-16 -t UTF-8"});
}

std::optional<std::string> LineReader::next() {
  if (!begun_) begin();
  size_t end = 0;
  for (size_t seen = 0; (end = buffer_.find('\n', at_ + seen)) == std::string::npos;) {
    seen = buffer_.size() - at_;
    if (seen > kMostLineBytes)
      too_long(name_ + ":" + std::to_string(number_ + 1), "the line is too long", kMostLineBytes);
    if (fill()) continue;
    if (seen == 0) return std::nullopt;
    end = buffer_.size();
    break;
  }
  ended_ = end < buffer_.size();
  line_begin_ = at_;
  std::string line = buffer_.substr(at_, end - at_);
  if (ended_ && line.ends_with('\r')) line.pop_back();
  at_ = end + (ended_ ? 1 : 0);
  ++number_;
  return line;
}

std::optional<std::string> LineReader::peek() {
  std::optional<std::string> line = next();
  if (!line) return line;
  at_ = line_begin_;
  --number_;
  return line;
}

std::string read_lines(LineReader reader, uint64_t most_bytes) {
  std::string text;
  while (const auto line = reader.next()) {
    text += *line;
    if (reader.ended()) text += '\n';
    if (text.size() > most_bytes) too_long(reader.name(), "is too long", most_bytes);
  }
  return text;
}

}  // namespace starnest

// Text data line by line, from anywhere: a file, a pipe, standard input, or memory. Read once, from front to end.
//
// A byte order mark at the beginning is no part of the text. A line ends with "\n" or "\r\n"; the last one needs no
// end, and nothing follows the last end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace starnest {

// Not thread-safe. Every function throws Error naming the source when it cannot be read, and for text that is UTF-16.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& file);
  static LineReader standard_input();
  static LineReader of_text(std::string text, std::string name);
  ~LineReader();
  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&&) = delete;

  // The next line without its end; nothing after the last one. Throws Error for a line above kMostLineBytes.
  std::optional<std::string> next();
  std::optional<std::string> peek();  // the same, and next() gives it again

  bool ended() const { return ended_; }      // whether the last line had its end
  size_t number() const { return number_; }  // of the last line, from 1
  const std::string& name() const { return name_; }
  std::string where() const { return name_ + ":" + std::to_string(number_); }  // of the last line, for messages

  static constexpr uint64_t kMostLineBytes = uint64_t{1} << 30;

 private:
  LineReader(int descriptor, std::string name, std::string text);
  bool fill();  // reads on; false at the end
  void begin();

  int descriptor_;  // -1: all of it is in buffer_
  std::string name_;
  std::string buffer_;
  size_t at_ = 0, line_begin_ = 0;  // in buffer_
  size_t number_ = 0;
  bool begun_ = false, ended_ = false;
};

// All lines, each with "\n"; the last one as it stands. Throws Error when it is longer than `most_bytes`.
std::string read_lines(LineReader reader, uint64_t most_bytes = LineReader::kMostLineBytes);

}  // namespace starnest

// Reads the body of a problem character by character, and says where one is malformed.
#pragma once

#include <string>
#include <string_view>

namespace starnest::tasks {

inline constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
inline constexpr std::string_view kDigits = "0123456789";

// `value` with leading zeros to `digits` digits.
std::string number(int value, size_t digits);

// Both views must outlive the reader.
class BodyReader {
 public:
  BodyReader(std::string_view task, std::string_view body) : task_(task), body_(body) {}

  bool done() const { return at_ >= body_.size(); }
  size_t offset() const { return at_; }
  // Whether the next character is one of `any`.
  bool next_is(std::string_view any) const { return !done() && any.find(body_[at_]) != std::string_view::npos; }

  // Consumes one character, which must be one of `allowed`.
  char take(std::string_view allowed);
  // Consumes a number of exactly `digits` digits.
  int take_number(size_t digits);
  // Nothing may follow.
  void expect_end() const;

  // Throws Error: at `offset`, `expected` should stand.
  [[noreturn]] void malformed(size_t offset, std::string expected) const;

 private:
  std::string_view task_, body_;
  size_t at_ = 0;
};

}  // namespace starnest::tasks

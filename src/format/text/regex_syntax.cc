#include <algorithm>
#include <array>

#include "base/text.h"
#include "format/text/regex.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// PCRE2's own \s under UCP also matches U+180E, which lost the property White_Space in Unicode 6.3. Oniguruma's \w was
// measured over all code points: outside of a class, but not in one, six numbers of Latin-1 belong to it.
constexpr std::string_view kSpace = "\\p{White_Space}", kNotSpace = "\\P{White_Space}";
constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr std::string_view kWordOutside = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || std::string_view("abcdefABCDEF").find(c) != std::string_view::npos; }

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : in_(pattern), where_(where) {}

  std::string run() {
    while (at_ < in_.size()) {
      if (in_[at_] == '\\')
        escape();
      else if (in_class_)
        class_char();
      else
        plain_char();
    }
    if (in_class_) refuse("a class that does not end", class_begin_);
    return std::move(out_);
  }

 private:
  bool next_is(std::string_view text) const { return in_.substr(at_).starts_with(text); }
  void copy(size_t count) {
    out_ += in_.substr(at_, count);
    at_ += count;
  }
  [[noreturn]] void refuse(const std::string& what, size_t at) const {
    throw Error({.where = std::string(where_),
                 .what = "the pattern has " + what + " at its byte " + std::to_string(at) + ", which is not supported",
                 .got = std::string(in_)});
  }

  void plain_char() {
    if (next_is("(?")) return group();
    if (in_[at_] == '{' || next_is("}+")) check_brace();
    if (in_[at_] == '[') {
      in_class_ = true;
      class_begin_ = at_;
      copy(1);
      if (next_is("^")) copy(1);
      if (next_is("]")) refuse("']' as the first character of a class", at_);
      return;
    }
    copy(1);
  }

  // Only {n}, {n,} and {n,m} mean the same in both; {n,m}+ is possessive in PCRE2 only.
  void check_brace() const {
    if (in_[at_] == '}') refuse("'}+'", at_);
    size_t end = at_ + 1;
    while (end < in_.size() && is_digit(in_[end])) ++end;
    if (end == at_ + 1) refuse("'{' without a number", at_);
    if (end < in_.size() && in_[end] == ',') ++end;
    while (end < in_.size() && is_digit(in_[end])) ++end;
    if (end == in_.size() || in_[end] != '}') refuse("'{' without '}'", at_);
  }

  void group() {
    constexpr std::array<std::string_view, 8> kSame{"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i)"};
    const auto* known = std::find_if(kSame.begin(), kSame.end(), [&](std::string_view text) { return next_is(text); });
    if (known == kSame.end()) refuse("the group " + in_quotes(in_.substr(at_, 4)), at_);
    copy(known->size());
  }

  void class_char() {
    if (in_[at_] == '[') refuse("'[' inside a class", at_);
    if (next_is("&&")) refuse("'&&' inside a class", at_);
    if (in_[at_] == ']') in_class_ = false;
    copy(1);
  }

  void escape() {
    if (at_ + 1 == in_.size()) refuse("a backslash at its end", at_);
    const char c = in_[at_ + 1];
    if (c == 'p' || c == 'P') return property();
    if (c == 'x') return hex();
    if (c == 'u') return four_hex();
    if (is_letter(c) || (is_digit(c) && c != '0')) return letter(c);
    if (c == '0' && at_ + 2 < in_.size() && is_digit(in_[at_ + 2])) refuse("an octal number", at_);
    copy(2);
  }

  void letter(char c) {
    const auto emit = [&](std::string_view text) {
      out_ += text;
      at_ += 2;
    };
    switch (c) {
      case 's':
        return emit(kSpace);
      case 'S':
        return emit(kNotSpace);
      case 'd':
        return emit("\\p{Nd}");
      case 'D':
        return emit("\\P{Nd}");
      case 'w':
        return emit(in_class_ ? std::string(kWord) : "[" + std::string(kWordOutside) + "]");
      case 't':
      case 'n':
      case 'r':
      case 'f':
      case 'a':
      case 'e':
        return copy(2);
      default:
        break;
    }
    if (c == 'W' && !in_class_) return emit("[^" + std::string(kWordOutside) + "]");
    refuse(std::string("'\\") + c + "'", at_);
  }

  void property() {
    const size_t end = in_.find('}', at_);
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || end == in_.npos) refuse("a property without {name}", at_);
    std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
    out_ += in_.substr(at_, 3);
    if (name.starts_with('^')) {
      out_ += '^';
      name.remove_prefix(1);
    }
    // Longer names are scripts. PCRE2 alone would take the property Script_Extensions, which is larger.
    if (name.size() > 2 && name != "White_Space") out_ += "sc:";
    out_ += std::string(name) + "}";
    at_ = end + 1;
  }

  void hex() {
    if (at_ + 2 < in_.size() && in_[at_ + 2] == '{') {
      const size_t end = in_.find('}', at_);
      if (end == in_.npos) refuse("'\\x{' without '}'", at_);
      return copy(end + 1 - at_);
    }
    size_t end = at_ + 2;
    while (end < in_.size() && end < at_ + 4 && is_hex(in_[end])) ++end;
    // A byte above 7F would be part of a character in Oniguruma, a whole one in PCRE2.
    if (end != at_ + 4 || in_[at_ + 2] > '7') refuse("'\\x' without two digits below 80", at_);
    copy(4);
  }

  void four_hex() {
    const std::string_view digits = in_.substr(at_ + 2, 4);
    if (digits.size() != 4 || !std::all_of(digits.begin(), digits.end(), is_hex))
      refuse("'\\u' without four digits", at_);
    out_ += "\\x{" + std::string(digits) + "}";
    at_ += 6;
  }

  std::string_view in_, where_;
  size_t at_ = 0;
  bool in_class_ = false;
  size_t class_begin_ = 0;
  std::string out_;
};

}  // namespace

std::string pcre2_from_oniguruma(std::string_view pattern, std::string_view where) {
  return Translator(pattern, where).run();
}

}  // namespace starnest

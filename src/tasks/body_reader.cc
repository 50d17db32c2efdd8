#include "tasks/body_reader.h"

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::tasks {

std::string number(int value, size_t digits) {
  const std::string text = std::to_string(value);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

char BodyReader::take(std::string_view allowed) {
  if (!next_is(allowed)) malformed(at_, allowed.size() > 1 ? "one of " + std::string(allowed) : in_quotes(allowed));
  return body_[at_++];
}

int BodyReader::take_number(size_t digits) {
  int value = 0;
  for (size_t i = 0; i < digits; ++i) value = 10 * value + (take(kDigits) - '0');
  return value;
}

void BodyReader::expect_end() const {
  if (!done()) malformed(at_, "the end");
}

void BodyReader::malformed(size_t offset, std::string expected) const {
  throw Error({.where = "problem " + in_quotes(std::string(task_) + ":" + std::string(body_)) + ", body offset " +
                        std::to_string(offset),
               .what = "malformed body",
               .expected = std::move(expected),
               .got = offset < body_.size() ? in_quotes(body_.substr(offset, 1)) : "the end"});
}

}  // namespace starnest::tasks

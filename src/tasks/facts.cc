// Task f: a calculation of task r whose result completes a key, and the value that was learned for that key.
//
//   body a5b+3c*7,xyz>   full trace a5;b+38;c*76;xyz6;   terse trace a5;b8;c6;   answer: two letters
//   body xyz6>           the value asked for directly (k = 0); full trace xyz6;, no terse trace
//
// 6,000 facts: 600 names of three letters, each with the digits 0 to 9. Names and values follow from a seed that
// never changes. Values are uniform over 676, so they can only be known, not worked out: what a model recalls follows
// from its number of parameters, while the calculation is easy for every size. k counts the operations.
#include <algorithm>

#include "tasks/body_reader.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

constexpr uint64_t kSeed = 20'260'101;
constexpr size_t kNames = 600;
constexpr size_t kNameLength = 3, kValueLength = 2;

std::string draw_letters(Rng& rng, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += kLetters[rng.below(kLetters.size())];
  return text;
}

class Facts : public Task {
 public:
  explicit Facts(std::unique_ptr<const Task> arithmetic)
      : Task({.name = "f",
              .title = "facts after a calculation",
              .train_k = {0, 8},
              .possible_k = {0, arithmetic->info().possible_k.high},
              .first_split_k = 1}),
        arithmetic_(std::move(arithmetic)) {
    Rng rng(key_of(kSeed));
    while (names_.size() < kNames) {
      std::string name = draw_letters(rng, kNameLength);
      if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(std::move(name));
    }
    std::sort(names_.begin(), names_.end());
  }

  std::string draw_body(Rng& rng, int k) const override {
    const std::string& name = names_[rng.below(names_.size())];
    if (k == 0) return name + number(rng.between(0, 9), 1) + ">";
    return arithmetic_->draw_body(rng, k) + "," + name + ">";
  }

  Solution solve(std::string_view text, Effort effort) const override {
    const size_t comma = text.find(',');
    Solution solution;
    BodyReader body(info().name, text);
    std::string digit;
    if (comma != std::string_view::npos) {
      solution = arithmetic_->solve(text.substr(0, comma), effort);
      digit = solution.answer;
      while (body.offset() <= comma) body.take(text.substr(body.offset(), 1));
    }
    const size_t start = body.offset();
    std::string name;
    while (name.size() < kNameLength) name += body.take(kLetters);
    if (!std::binary_search(names_.begin(), names_.end(), name)) body.malformed(start, "a name of the table");
    if (digit.empty()) digit = number(body.take_number(1), 1);
    body.take(">");
    body.expect_end();
    if (effort == Effort::full) solution.steps.push_back(name + digit + ";");
    solution.answer = value_of(name, digit);
    return solution;
  }

 private:
  std::string value_of(const std::string& name, const std::string& digit) const {
    const auto index = uint64_t(std::lower_bound(names_.begin(), names_.end(), name) - names_.begin());
    Rng rng(key_of(kSeed, index, uint64_t(digit[0])));
    return draw_letters(rng, kValueLength);
  }

  std::unique_ptr<const Task> arithmetic_;
  std::vector<std::string> names_;  // ascending
};

}  // namespace

std::unique_ptr<const Task> facts() { return std::make_unique<Facts>(serial_arithmetic(10)); }

}  // namespace starnest::tasks

// Task a: addition, one labelled column after another, the least significant first.
//
//   body a13b47c90 (941 + 73: digits 1 and 3, 4 and 7, 9 and 0)
//   full trace a130=40:4;b470=11:41;c901=01:410;   terse trace a40;b11;c01;   answer 4101
//
// A full step holds the digits, the carry that comes in, the digit and the carry that come out, and the sum so far. The
// answer is the sum, least significant digit first, and always ends with the last carry. k counts the columns.
#include "tasks/body_reader.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

class ColumnAddition : public Task {
 public:
  ColumnAddition()
      : Task({.name = "a",
              .title = "addition in columns",
              .train_k = {1, 6},
              .possible_k = {1, int(kLetters.size())},
              .first_split_k = 2}) {}

  std::string draw_body(Rng& rng, int k) const override {
    std::string body;
    for (size_t i = 0; i < size_t(k); ++i) body += kLetters[i] + number(rng.between(0, 99), 2);
    return body;
  }

  Solution solve(std::string_view text, Effort effort) const override {
    BodyReader body(info().name, text);
    Solution solution;
    std::string sum;
    int carry = 0;
    for (size_t i = 0; i == 0 || !body.done(); ++i) {
      if (i == kLetters.size()) body.malformed(body.offset(), "the end, since labels stop at z");
      const char label = body.take(kLetters.substr(i, 1));
      const int upper = body.take_number(1), lower = body.take_number(1), total = upper + lower + carry;
      std::string step(1, label);
      if (effort == Effort::full) step += number(upper, 1) + number(lower, 1) + number(carry, 1) + "=";
      carry = total / 10;
      sum += number(total % 10, 1);
      step += sum.back() + number(carry, 1);
      if (effort == Effort::full) step += ":" + sum;
      if (effort != Effort::none) solution.steps.push_back(step + ";");
    }
    solution.answer = sum + number(carry, 1);
    return solution;
  }
};

}  // namespace

std::unique_ptr<const Task> column_addition() { return std::make_unique<ColumnAddition>(); }

}  // namespace starnest::tasks

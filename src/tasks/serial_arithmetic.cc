// Family r: arithmetic modulo M, left to right, one labelled operation after another.
//
//   body a5b+3c*7d-2   full trace a5;b+38;c*76;d-24;   terse trace a5;b8;c6;d4;   answer 4
//
// k counts the operations, not the first value: k = 3 above, labels a to d. Multipliers are units of M and no operand
// is the operation's neutral element, so every step is a bijection and the answer is uniform: guessing gives 1/M.
// Numbers have as many digits as M - 1: one for M = 10 (r), two for M = 97 (r97).
#include <numeric>

#include "core/base/check.h"
#include "core/base/text.h"
#include "starnest/error.h"
#include "tasks/family.h"

namespace starnest::tasks {
namespace {

constexpr std::string_view kLabels = "abcdefghijklmnopqrstuvwxyz";

struct Operation {
  char sign;  // + - *, or 0 for the first value
  int operand;
};

class SerialArithmetic : public Family {
 public:
  explicit SerialArithmetic(int modulus)
      : Family({.name = modulus == 10 ? "r" : "r" + std::to_string(modulus),
                .title = "serial arithmetic modulo " + std::to_string(modulus),
                .train_k = {1, 10},
                .possible_k = {1, int(kLabels.size()) - 1},
                .first_split_k = 2}),
        modulus_(modulus),
        digits_(std::to_string(modulus - 1).size()) {
    for (int unit = 2; unit < modulus; ++unit) {
      if (std::gcd(unit, modulus) == 1) multipliers_.push_back(unit);
    }
  }

  std::string draw_body(Rng& rng, int k) const override {
    std::string body = "a" + number(rng.between(0, modulus_ - 1));
    for (int i = 1; i <= k; ++i) {
      const char sign = "+-*"[rng.below(3)];
      const int operand = sign == '*' ? multipliers_[rng.below(multipliers_.size())] : rng.between(1, modulus_ - 1);
      body += kLabels[size_t(i)] + (sign + number(operand));
    }
    return body;
  }

  Solution solve(std::string_view body, Effort effort) const override {
    Solution solution;
    int value = 0;
    const std::vector<Operation> operations = parse(body);
    for (size_t i = 0; i < operations.size(); ++i) {
      const Operation& operation = operations[i];
      value = apply(value, operation);
      std::string step(1, kLabels[i]);
      if (effort == Effort::full && operation.sign) step += operation.sign + number(operation.operand);
      step += number(value) + ";";
      if (effort != Effort::none) solution.steps.push_back(std::move(step));
    }
    solution.answer = number(value);
    return solution;
  }

 private:
  std::string number(int value) const {
    const std::string text = std::to_string(value);
    return std::string(digits_ - text.size(), '0') + text;
  }

  int apply(int value, Operation operation) const {
    switch (operation.sign) {
      case '+':
        return (value + operation.operand) % modulus_;
      case '-':
        return (value - operation.operand + modulus_) % modulus_;
      case '*':
        return value * operation.operand % modulus_;
      default:
        return operation.operand;
    }
  }

  std::vector<Operation> parse(std::string_view body) const {
    std::vector<Operation> operations;
    size_t at = 0;
    do {
      const size_t index = operations.size();
      if (index > size_t(info().possible_k.high)) malformed(body, at, "the end, since labels stop at z");
      take(body, at, kLabels.substr(index, 1));
      const char sign = index == 0 ? '\0' : take(body, at, "+-*");
      int operand = 0;
      for (size_t i = 0; i < digits_; ++i) operand = 10 * operand + (take(body, at, "0123456789") - '0');
      if (operand >= modulus_ || (sign == '*' && std::gcd(operand, modulus_) != 1)) {
        malformed(body, at - digits_, sign == '*' ? "a unit of the modulus" : "a number below the modulus");
      }
      operations.push_back({sign, operand});
    } while (at < body.size());
    return operations;
  }

  // Consumes one character, which must be one of `allowed`.
  char take(std::string_view body, size_t& at, std::string_view allowed) const {
    if (at >= body.size() || allowed.find(body[at]) == std::string_view::npos) {
      malformed(body, at, allowed.size() > 1 ? "one of " + std::string(allowed) : in_quotes(allowed));
    }
    return body[at++];
  }

  [[noreturn]] void malformed(std::string_view body, size_t at, std::string expected) const {
    throw Error(
        {.where = "problem " + in_quotes(info().name + ":" + std::string(body)) + ", body offset " + std::to_string(at),
         .what = "malformed body",
         .expected = std::move(expected),
         .got = at < body.size() ? in_quotes(body.substr(at, 1)) : "the end"});
  }

  int modulus_;
  size_t digits_;
  std::vector<int> multipliers_;
};

}  // namespace

std::unique_ptr<const Family> serial_arithmetic(int modulus) {
  SN_CHECK(modulus == 10 || modulus == 97, "this modulus has not been tried; the name in the prompt follows from it");
  return std::make_unique<SerialArithmetic>(modulus);
}

}  // namespace starnest::tasks

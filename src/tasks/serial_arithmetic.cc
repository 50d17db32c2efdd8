// Task r: arithmetic modulo M, left to right, one labelled operation after another.
//
//   body a5b+3c*7d-2   full trace a5;b+38;c*76;d-24;   terse trace a5;b8;c6;d4;   answer 4
//
// k counts the operations, not the first value: k = 3 above, labels a to d. The answer is uniform (modular.h): guessing
// gives 1/M. Numbers have as many digits as M - 1: one for M = 10 (r), two for M = 97 (r97).
#include "base/check.h"
#include "tasks/modular.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

class SerialArithmetic : public Task {
 public:
  explicit SerialArithmetic(int modulus)
      : Task({.name = modulus == 10 ? "r" : "r" + std::to_string(modulus),
              .title = "serial arithmetic modulo " + std::to_string(modulus),
              .train_k = {1, 10},
              .possible_k = {1, int(kLetters.size()) - 1},
              .first_split_k = 2}),
        modular_(modulus) {}

  std::string draw_body(Rng& rng, int k) const override {
    std::string body = "a" + modular_.shown(rng.between(0, modular_.modulus() - 1));
    for (int i = 1; i <= k; ++i) body += kLetters[size_t(i)] + modular_.shown(modular_.draw(rng));
    return body;
  }

  Solution solve(std::string_view text, Effort effort) const override {
    BodyReader body(info().name, text);
    Solution solution;
    body.take("a");
    int value = modular_.take_value(body);
    const auto write = [&](const std::string& step) {
      if (effort != Effort::none) solution.steps.push_back(step + modular_.shown(value) + ";");
    };
    write("a");
    for (size_t i = 1; !body.done(); ++i) {
      if (i == kLetters.size()) body.malformed(body.offset(), "the end, since labels stop at z");
      const char label = body.take(kLetters.substr(i, 1));
      const Operation operation = modular_.take_operation(body);
      value = modular_.apply(value, operation);
      write(label + (effort == Effort::full ? modular_.shown(operation) : ""));
    }
    solution.answer = modular_.shown(value);
    return solution;
  }

 private:
  Modular modular_;
};

}  // namespace

std::unique_ptr<const Task> serial_arithmetic(int modulus) {
  SN_CHECK(modulus == 10 || modulus == 97, "this modulus has not been tried; the name in the prompt follows from it");
  return std::make_unique<SerialArithmetic>(modulus);
}

}  // namespace starnest::tasks

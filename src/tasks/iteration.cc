// Task i: one step applied again and again, modulo 97.
//
//   body *7+3,a04>d   full trace a04;b31;c26;d88;   terse trace a04;c26;d88;   answer 88
//
// v -> 7 v + 3, from label a to label d. k counts the applications (3 above). The terse trace leaves out every second
// value, never the last.
#include "tasks/body_reader.h"
#include "tasks/modular.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

class Iteration : public Task {
 public:
  Iteration()
      : Task({.name = "i",
              .title = "iteration modulo 97",
              .train_k = {4, 24},
              .possible_k = {1, int(kLetters.size()) - 1},
              .first_split_k = 1}) {}

  std::string draw_body(Rng& rng, int k) const override {
    const int most = modular_.modulus() - 1;
    return "*" + modular_.shown(rng.between(2, most)) + "+" + modular_.shown(rng.between(1, most)) + ",a" +
           modular_.shown(rng.between(0, most)) + ">" + kLetters[size_t(k)];
  }

  Solution solve(std::string_view text, Effort effort) const override {
    BodyReader body(info().name, text);
    const auto operation = [&](std::string_view sign) {
      if (!body.next_is(sign)) body.take(sign);
      return modular_.take_operation(body);
    };
    const Operation times = operation("*"), plus = operation("+");
    body.take(",");
    body.take("a");
    int value = modular_.take_value(body);
    body.take(">");
    const size_t last = size_t(body.take(kLetters.substr(1)) - 'a');
    body.expect_end();

    Solution solution;
    for (size_t i = 0; i <= last; ++i) {
      if (i > 0) value = modular_.apply(modular_.apply(value, times), plus);
      const bool written = effort == Effort::full || (effort == Effort::terse && (i % 2 == 0 || i == last));
      if (written) solution.steps.push_back(kLetters[i] + modular_.shown(value) + ";");
    }
    solution.answer = modular_.shown(value);
    return solution;
  }

 private:
  Modular modular_{97};
};

}  // namespace

std::unique_ptr<const Task> iteration() { return std::make_unique<Iteration>(); }

}  // namespace starnest::tasks

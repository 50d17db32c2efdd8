// Task c: variables defined by one another, in any order; what is one of them? The small form of iGSM (Ye et al.,
// Physics of Language Models 2.1, 2024).
//
//   body t=x-9,x=p*7,p=9,a=x*3:t
//   full trace t=x-9;x=p*7;p=9;p9;x*73;t-94;   terse trace t;x;p;p9;x3;t4;   answer 4
//
// Modulo 10. k counts the operations on the way (2 above). One to four definitions lead elsewhere. A trace goes back to
// the known value, then forward.
#include <map>
#include <optional>

#include "base/text.h"
#include "tasks/body_reader.h"
#include "tasks/draw.h"
#include "tasks/modular.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

// name = value, or name = source operation.
struct Definition {
  std::string text;
  char source = 0;
  int value = 0;
  Operation operation{};
};

class Chain : public Task {
 public:
  Chain()
      : Task(
            {.name = "c", .title = "chained variables", .train_k = {1, 6}, .possible_k = {1, 12}, .first_split_k = 2}) {
  }

  std::string draw_body(Rng& rng, int k) const override {
    const std::string names = shuffled(std::string(kLetters), rng);
    const auto name = [&](size_t i) { return std::string(1, names[i]); };
    const auto constant = [&](size_t i) { return name(i) + "=" + std::to_string(rng.between(0, 9)); };
    std::vector<std::string> definitions{constant(0)};
    for (size_t i = 1; i <= size_t(k); ++i)
      definitions.push_back(name(i) + "=" + name(i - 1) + modular_.shown(modular_.draw(rng)));
    for (int others = rng.between(1, 4); others > 0; --others) {
      const size_t i = definitions.size();
      const size_t source = rng.below(i + 1);  // i: none
      definitions.push_back(source == i ? constant(i)
                                        : name(i) + "=" + name(source) + modular_.shown(modular_.draw(rng)));
    }
    shuffle(definitions, rng);
    return joined(definitions) + ":" + name(size_t(k));
  }

  Solution solve(std::string_view text, Effort effort) const override {
    BodyReader body(info().name, text);
    const std::map<char, Definition> definitions = read(body, text);
    const size_t start = body.offset();
    std::string way(1, body.take(kLetters));  // from the question back to a known value
    body.expect_end();
    for (;;) {
      const auto found = definitions.find(way.back());
      if (found == definitions.end() || way.size() > definitions.size())
        body.malformed(start, "a variable that follows from the definitions");
      if (found->second.source == 0) break;
      way += found->second.source;
    }

    Solution solution;
    const auto write = [&](std::string step) {
      if (effort != Effort::none) solution.steps.push_back(std::move(step) + ";");
    };
    for (const char name : way) write(effort == Effort::full ? definitions.at(name).text : std::string(1, name));
    int value = definitions.at(way.back()).value;
    write(way.back() + modular_.shown(value));
    for (size_t i = way.size() - 1; i-- > 0;) {
      const Operation operation = definitions.at(way[i]).operation;
      value = modular_.apply(value, operation);
      write(way[i] + (effort == Effort::full ? modular_.shown(operation) : "") + modular_.shown(value));
    }
    solution.answer = modular_.shown(value);
    return solution;
  }

 private:
  std::map<char, Definition> read(BodyReader& body, std::string_view text) const {
    std::map<char, Definition> definitions;
    do {
      const size_t start = body.offset();
      const char name = body.take(kLetters);
      body.take("=");
      Definition definition;
      if (body.next_is(kDigits)) {
        definition.value = modular_.take_value(body);
      } else {
        definition.source = body.take(kLetters);
        definition.operation = modular_.take_operation(body);
      }
      definition.text = text.substr(start, body.offset() - start);
      if (!definitions.emplace(name, definition).second) body.malformed(start, "a variable that is not defined yet");
    } while (body.take(",:") == ',');
    return definitions;
  }

  Modular modular_{10};
};

}  // namespace

std::unique_ptr<const Task> chain() { return std::make_unique<Chain>(); }

}  // namespace starnest::tasks

// Task h: follow arrows between letters, a given number of hops.
//
//   body bp,qm,pq,js,sp:j4   full trace 4js;3sp;2pq;1qm;   terse trace j;s;p;q;m;   answer m
//
// "bp" is an arrow from b to p; no two arrows start at one letter. k counts the hops. Two to six arrows are off the
// path; one may lead on from its end, so that the end cannot be told from having no arrow. The full trace counts the
// hops left.
#include <algorithm>
#include <map>

#include "tasks/body_reader.h"
#include "tasks/draw.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

class PointerChasing : public Task {
 public:
  PointerChasing()
      : Task({.name = "h", .title = "pointer chasing", .train_k = {1, 8}, .possible_k = {1, 16}, .first_split_k = 2}) {}

  std::string draw_body(Rng& rng, int k) const override {
    const std::string letters = shuffled(std::string(kLetters), rng);
    const size_t end = size_t(k);  // letters[0 .. end] are the path
    std::vector<std::string> arrows;
    for (size_t i = 0; i < end; ++i) arrows.push_back(letters.substr(i, 2));
    const size_t others = size_t(rng.between(2, 6));
    const size_t first = end + rng.below(2);  // the end of the path, or the first letter off it
    for (size_t from = first; from < first + others; ++from) {
      size_t to = rng.below(first + others);  // any letter before the last one's successor, but not itself
      to += to >= from ? 1 : 0;
      arrows.push_back({letters[from], letters[to]});
    }
    shuffle(arrows, rng);
    return joined(arrows) + ":" + letters[0] + std::to_string(k);
  }

  Solution solve(std::string_view text, Effort effort) const override {
    BodyReader body(info().name, text);
    std::map<char, char> arrows;
    do {
      const size_t start = body.offset();
      const char from = body.take(kLetters), to = body.take(kLetters);
      if (!arrows.emplace(from, to).second) body.malformed(start, "an arrow from a letter that has none yet");
    } while (body.take(",:") == ',');
    const size_t start = body.offset();
    char at = body.take(kLetters);
    int hops = body.take_number(1);
    if (!body.done()) hops = 10 * hops + body.take_number(1);
    body.expect_end();

    Solution solution;
    if (effort == Effort::terse) solution.steps.push_back({at, ';'});
    for (int left = hops; left > 0; --left) {
      const auto found = arrows.find(at);
      if (found == arrows.end()) body.malformed(start, "a path of " + std::to_string(hops) + " arrows");
      if (effort == Effort::full) solution.steps.push_back(std::to_string(left) + at + found->second + ";");
      at = found->second;
      if (effort == Effort::terse) solution.steps.push_back({at, ';'});
    }
    solution.answer = std::string(1, at);
    return solution;
  }
};

}  // namespace

std::unique_ptr<const Task> pointer_chasing() { return std::make_unique<PointerChasing>(); }

}  // namespace starnest::tasks

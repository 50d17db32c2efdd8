// A task of synthetic tasks: how its problems are drawn and how they are solved. One file per task, one line in the
// registry (task.cc).
//
// A rule for traces, learned in pilots: every next token must follow from one look-up keyed by the token just written,
// or from the last few tokens. So steps carry labels, and nothing stands between a key and its value.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "tasks/sample.h"

namespace starnest::tasks {

// Inclusive.
struct KRange {
  int low = 0;
  int high = 0;
  bool operator==(const KRange&) const = default;
};

struct TaskInfo {
  std::string name;   // as in the prompt, e.g. "r"; letters and digits
  std::string title;  // for help and tables
  KRange train_k;     // the knob's range in training; larger k is the stress set
  KRange possible_k;  // what draw_body accepts
  int first_split_k;  // below it there are too few problems to hold some back: they belong to every split
};

struct Solution {
  std::vector<std::string> steps;  // each closed by ';'; none for Effort::none
  std::string answer;              // not empty
};

// Immutable, so any thread may call it.
class Task {
 public:
  explicit Task(TaskInfo info) : info_(std::move(info)) {}
  virtual ~Task() = default;

  const TaskInfo& info() const { return info_; }

  // A random body with knob `k`, which the caller has checked against possible_k. Depends on `rng` and `k` only.
  virtual std::string draw_body(Rng& rng, int k) const = 0;

  // The one trace and answer of a body. Throws Error naming the offset when the body is malformed.
  virtual Solution solve(std::string_view body, Effort effort) const = 0;

 private:
  TaskInfo info_;
};

// All tasks, in the order of the registry. They live until the program ends.
std::span<const std::unique_ptr<const Task>> all_tasks();

// Throws Error with a suggestion when there is no such task.
const Task& task_named(std::string_view name);

// The registry's constructors, one per file.
std::unique_ptr<const Task> serial_arithmetic(int modulus);  // modulus 10 ("r") or 97 ("r97")
std::unique_ptr<const Task> pointer_chasing();               // "h"
std::unique_ptr<const Task> chain();                         // "c"
std::unique_ptr<const Task> column_addition();               // "a"
std::unique_ptr<const Task> swap_tracking(int things);       // 4 ("p") or 5 ("p5")
std::unique_ptr<const Task> iteration();                     // "i"
std::unique_ptr<const Task> facts();                         // "f"

}  // namespace starnest::tasks

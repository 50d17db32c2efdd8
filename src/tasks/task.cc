#include "tasks/task.h"

#include <array>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::tasks {

std::span<const std::unique_ptr<const Task>> all_tasks() {
  static const std::array<std::unique_ptr<const Task>, 9> registry{
      serial_arithmetic(10), serial_arithmetic(97), pointer_chasing(), chain(), column_addition(),
      swap_tracking(4),      swap_tracking(5),      iteration(),       facts(),
  };
  return registry;
}

const Task& task_named(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& task : all_tasks()) {
    if (task->info().name == name) return *task;
    known.push_back(task->info().name);
  }
  throw Error({.where = "task", .what = "no such task", .got = in_quotes(name), .hint = suggest(name, known)});
}

}  // namespace starnest::tasks

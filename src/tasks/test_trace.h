// For tests only.
#pragma once

#include <string>
#include <string_view>

#include "tasks/task.h"

namespace starnest::tasks {

// The steps of a solution as one text.
inline std::string trace_of(std::string_view task, std::string_view body, Effort effort) {
  std::string trace;
  for (const std::string& step : task_named(task).solve(body, effort).steps) trace += step;
  return trace;
}

}  // namespace starnest::tasks

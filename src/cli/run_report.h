// What `run` says on standard error: one block before it starts and one at the end.
#pragma once

#include <string>
#include <vector>

#include "starnest/session.h"

namespace starnest::cli {

struct RunSetup {
  std::string model;  // as the user wrote it
  std::vector<Stage> stages;
  bool thinks = false;  // the prompt opens thinking
  Sampling sampling;
  bool context_is_set = false;  // by the user
};

// Measures the memory bandwidth for the expected speed, unless little memory is left.
std::string start_text(const Family& family, const RunSetup& setup);

std::string end_text(const Answer& answer, const Sampling& sampling);

}  // namespace starnest::cli

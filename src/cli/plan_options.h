// The options that choose sizes and budgets, the same for every subcommand that generates.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "starnest/plan.h"

namespace starnest::cli {

struct PlanOptions {
  std::string size;  // one size for everything
  Plan plan;
  Sampling sampling;

  void add_to(CLI::App& app);
  Plan resolved() const;                   // with --size applied
  std::vector<std::string> sizes() const;  // to keep in memory; empty: all, since the plan does not name both
};

}  // namespace starnest::cli

// The options that choose sizes and budgets, the same for every subcommand that generates.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "starnest/plan.h"

namespace starnest::cli {

struct PlanOptions {
  std::string size;  // one size for everything
  Plan plan;
  Sampling sampling;

  // `shorthands`: the short forms of the options, e.g. {"max-tokens", "-n"}.
  void add_to(CLI::App& app, const std::map<std::string, std::string>& shorthands);
  Plan resolved() const;                   // with --size applied
  std::vector<std::string> sizes() const;  // to keep in memory; empty: all, since the plan does not name both
};

}  // namespace starnest::cli

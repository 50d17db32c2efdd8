// The options that choose sizes, budgets and sampling, the same for every subcommand that generates.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "starnest/plan.h"

namespace starnest::cli {

class PlanOptions {
 public:
  Plan plan;  // defaults of the subcommand; after parsing, what the user gave. resolved() applies --size

  // `shorthands`: the short forms of the options, e.g. {"max-tokens", "-n"}. `app` must outlive this.
  void add_to(CLI::App& app, const std::map<std::string, std::string>& shorthands);

  Plan resolved() const;                   // with --size applied
  std::vector<std::string> sizes() const;  // to keep in memory; empty: all, since the plan does not name both
  // Throws Error for what was given of generating: all but the sizes.
  void refuse_beside_likelihood() const;
  // What the user gave, else what the model's folder says. Seed::random draws a seed where
  // one is needed and none was given.
  enum class Seed { as_given, random };
  Sampling sampling(const Sampling& of_model, Seed seed) const;

 private:
  CLI::App* app_ = nullptr;
  std::string size_;  // one size for everything
  Sampling given_;
};

}  // namespace starnest::cli

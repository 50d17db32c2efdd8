// The flags of a search for widths: budgets and choices as people write them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "train/router/search.h"
#include "train/router/size_text.h"

namespace starnest::train {

struct SearchSettings {
  std::vector<std::string> budgets = {};    // [NAME=]BUDGET; empty: the sizes are given, nothing is searched
  std::string of = "active";                // what fractions and counts are of: active or total parameters, or bytes
  std::string format = "bf16";              // of the checkpoint whose bytes a budget counts
  uint64_t context = 0;                     // tokens of a sequence whose caches such a budget counts too; 0: none
  uint64_t sequences = 1;                   // held at once
  std::vector<std::string> choices = {};    // KEY=WIDTH,WIDTH,...
  std::vector<std::string> per_block = {};  // keys of choices
  std::vector<int> drop = {0};              // numbers of blocks to drop
  std::vector<int> drop_order = {};         // blocks, the first to go first
  std::string full = "large";               // name of the full size

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("budget", &SearchSettings::budgets,
          "[NAME=]BUDGET of a size to search widths for: a fraction (0.75), a count (2.8B) or bytes (12GiB); repeat, "
          "or list with commas");
    field("budget_of", &SearchSettings::of, "what fractions are of, and counts: active or total parameters, or bytes");
    field("budget_format", &SearchSettings::format, "checkpoint whose bytes budgets count: bf16, fp8 or nvfp4");
    field(
        "budget_context", &SearchSettings::context,
        "tokens of a sequence whose keys, values and states a budget of bytes must hold too; 0 = the checkpoint alone");
    field("budget_sequences", &SearchSettings::sequences, "sequences of so many tokens held at once");
    field("choice", &SearchSettings::choices, "KEY=WIDTH,WIDTH,... to choose from, the full width first; repeat");
    field("per_block", &SearchSettings::per_block,
          "keys of --choice whose every block has a choice of its own; only starnest loads such sizes");
    field("drop", &SearchSettings::drop, "numbers of blocks to drop to choose from, from 0: 0,1,2");
    field("drop_order", &SearchSettings::drop_order, "blocks in the order in which they go (scores.json: dropped)");
    field("full", &SearchSettings::full, "name of the full size beside the budgets");
  }
};

// nullptr without budgets. `steps` of the run. Throws Error for budgets of different units, out of range, not
// descending, or that no choices reach; and for choices that `check` refuses.
std::unique_ptr<WidthSearch> make_search(const SearchSettings& settings, RouterSettings router, const ModelSpec& spec,
                                         int steps, uint64_t seed);

}  // namespace starnest::train

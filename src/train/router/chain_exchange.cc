#include "train/router/chain_exchange.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

constexpr double kMostStarts = 300;
constexpr int kMostRepairs = 2000;  // of what lies a change away from a start

// Nested cells, one per budget, that may miss their caps.
struct State {
  std::vector<Cell> cells;
  std::vector<double> costs;
  double score = 0;  // log-probability
  double miss = 0;   // how far the costs are from what their caps allow, summed
  bool expanded = false;
};

// One list takes a choice at one budget; at larger budgets it is then no narrower, at smaller ones no wider.
struct Change {
  size_t budget, list, choice;

  size_t at(size_t b, size_t before) const {
    if (b == budget) return choice;
    return b < budget ? std::min(before, choice) : std::max(before, choice);
  }
};

class Exchange {
 public:
  Exchange(const Choices& choices, const CellCosts& costs, const std::vector<double>& caps,
           const LogProbabilities& log_pi, size_t count)
      : choices_(choices), costs_(costs), caps_(caps), log_pi_(log_pi), count_(count), most_(caps.size(), 1) {}

  std::vector<Chain> run() {
    if (!found_any()) {
      for (size_t b = 0; b < caps_.size(); ++b)
        if (!can_be_kept(b)) most_[b] = kMostOfCap;
      if (!found_any()) refuse();
    }
    while (true) {
      const auto next = std::find_if(best_.begin(), best_.end(), [](const State& s) { return !s.expanded; });
      if (next == best_.end()) break;
      next->expanded = true;
      const State from = *next;  // offers move the best
      offer_neighbours(from, {});
    }
    std::vector<Chain> chains;
    for (const State& state : best_) chains.push_back({state.cells, state.score});
    return chains;
  }

 private:
  bool found_any() {
    std::vector<size_t> shared;
    for (size_t list = choices_.lists(); list-- > 0;)
      if (is_shared(list)) shared.push_back(list);
    for (const bool by_neighbours : {false, true})
      if (best_.empty()) offer_starts(argmax(), shared, 0, 1, by_neighbours);
    return !best_.empty();
  }

  // Whether any size costs 0.95 to 1 of the cap, whatever the others are.
  bool can_be_kept(size_t b) const {
    const std::vector<double> cap{caps_[b]};
    const LogProbabilities log_pi{log_pi_[b]};
    return Exchange(choices_, costs_, cap, log_pi, 1).found_any();
  }

  // Its choice is that of many blocks, or of depth: too much changes with it for the rest to follow change by change.
  bool is_shared(size_t list) const { return list == choices_.axes.size() || !choices_.axes[list].block; }

  // The argmax of every list, made to nest.
  std::vector<Cell> argmax() const {
    std::vector<Cell> cells(caps_.size(), Cell(choices_.lists(), 0));
    for (size_t list = 0; list < choices_.lists(); ++list)
      for (size_t b = 0; b < caps_.size(); ++b) {
        const std::vector<double>& log_pi = log_pi_[b][list];
        cells[b][list] = size_t(std::max_element(log_pi.begin(), log_pi.end()) - log_pi.begin());
        if (b > 0) cells[b][list] = std::max(cells[b][list], cells[b - 1][list]);
      }
    return cells;
  }

  // In how many ways the budgets can take nested choices of one list.
  double rows_of(size_t options) const {
    double rows = 1;
    for (size_t b = 0; b < caps_.size(); ++b) rows *= double(options + b) / double(b + 1);
    return rows;
  }

  // From every nested choice in the shared lists from the `next`-th on, as long as there are not too many; or from what
  // lies a change away from each, where repair alone gets stuck.
  void offer_starts(std::vector<Cell> cells, const std::vector<size_t>& shared, size_t next, double count,
                    bool by_neighbours) {
    if (next < shared.size()) count *= rows_of(choices_.count(shared[next]));
    if (next == shared.size() || count > kMostStarts) {
      const std::vector<size_t> fixed(shared.begin(), shared.begin() + std::ptrdiff_t(next));
      const State start = judged(std::move(cells));
      if (by_neighbours && repairs_ < kMostRepairs) offer_neighbours(start, fixed);
      if (by_neighbours) return;
      if (const auto repaired = repair(start, fixed)) offer(*repaired);
      return;
    }
    const size_t list = shared[next], options = choices_.count(list);
    for (Cell& cell : cells) cell[list] = 0;
    while (true) {
      offer_starts(cells, shared, next + 1, count, by_neighbours);
      size_t b = 0;  // the next nondecreasing row of choices
      while (b < cells.size() && cells[b][list] == (b + 1 < cells.size() ? cells[b + 1][list] : options - 1)) ++b;
      if (b == cells.size()) return;
      ++cells[b][list];
      for (size_t larger = 0; larger < b; ++larger) cells[larger][list] = 0;
    }
  }

  State judged(std::vector<Cell> cells) const {
    State state{.cells = std::move(cells), .costs = {}};
    for (size_t b = 0; b < caps_.size(); ++b) {
      state.costs.push_back(costs_.of(state.cells[b]));
      state.miss += miss_of(b, state.costs[b]);
      for (size_t list = 0; list < choices_.lists(); ++list) state.score += log_pi_[b][list][state.cells[b][list]];
    }
    return state;
  }

  double miss_of(size_t b, double cost) const {
    const double c = cost / caps_[b];
    return std::max({0.0, c - most_[b], kLeastOfCap - c});
  }

  struct Effect {
    double score = 0, miss = 0;
  };
  Effect effect_of(const State& state, const Change& change) const {
    Effect effect;
    for (size_t b = 0; b < caps_.size(); ++b) {
      const size_t before = state.cells[b][change.list], choice = change.at(b, before);
      if (choice == before) continue;
      effect.score += log_pi_[b][change.list][choice] - log_pi_[b][change.list][before];
      const double cost = state.costs[b] + costs_.change(state.cells[b], change.list, choice);
      effect.miss += miss_of(b, cost) - miss_of(b, state.costs[b]);
    }
    return effect;
  }

  State after(const State& state, const Change& change) const {
    std::vector<Cell> cells = state.cells;
    for (size_t b = 0; b < caps_.size(); ++b) cells[b][change.list] = change.at(b, cells[b][change.list]);
    return judged(std::move(cells));
  }

  template <class Visitor>
  void for_changes(const Visitor& visit) const {
    for (size_t list = 0; list < choices_.lists(); ++list)
      for (size_t b = 0; b < caps_.size(); ++b)
        for (size_t choice = 0; choice < choices_.count(list); ++choice) visit(Change{b, list, choice});
  }

  // Into the caps without a change of some lists; nullopt where every other change leads away from them.
  std::optional<State> repair(State state, const std::vector<size_t>& fixed) const {
    while (state.miss > 0) {
      std::optional<Change> best;
      double least = 0;
      for_changes([&](const Change& change) {
        if (std::find(fixed.begin(), fixed.end(), change.list) != fixed.end()) return;
        const Effect effect = effect_of(state, change);
        if (effect.miss > -1e-9) return;
        const double price = effect.score / effect.miss;
        if (!best || price < least) best = change, least = price;
      });
      if (!best) return std::nullopt;
      state = after(state, *best);
    }
    return state;
  }

  // What one change of another list leads to, repaired without the change of that and of `fixed` ones.
  void offer_neighbours(const State& from, std::vector<size_t> fixed) {
    for_changes([&](const Change& change) {
      if (change.choice == from.cells[change.budget][change.list]) return;
      if (std::find(fixed.begin(), fixed.end(), change.list) != fixed.end()) return;
      fixed.push_back(change.list);
      if (const auto repaired = repair(after(from, change), fixed)) offer(*repaired);
      repairs_ += 1;
      fixed.pop_back();
    });
  }

  // Among the best, if it is new there and its sizes are not equal.
  void offer(const State& state) {
    const Cell full(choices_.lists(), 0);
    if (state.cells.front() == full || std::adjacent_find(state.cells.begin(), state.cells.end()) != state.cells.end())
      return;
    const auto at = std::find_if(best_.begin(), best_.end(), [&](const State& other) {
      return other.score < state.score || other.cells == state.cells;
    });
    if (at == best_.end() ? best_.size() == count_ : at->cells == state.cells) return;
    best_.insert(at, state);
    if (best_.size() > count_) best_.pop_back();
  }

  [[noreturn]] void refuse() const {
    Cell narrowest;
    for (size_t list = 0; list < choices_.lists(); ++list) narrowest.push_back(choices_.count(list) - 1);
    const double least = costs_.of(narrowest), most = costs_.of(Cell(choices_.lists(), 0));
    std::vector<std::string> caps;
    for (const double cap : caps_) caps.push_back(grouped(uint64_t(cap)));
    throw Error(
        {.where = "--budget",
         .what = "no nested combination of the choices was found that costs 0.95 to 1.05 of " + join(caps, ", "),
         .hint = "They cost from " + grouped(uint64_t(least)) + " to " + grouped(uint64_t(most)) +
                 "; take budgets between, farther apart, or more choices"});
  }

  const Choices& choices_;
  const CellCosts& costs_;
  const std::vector<double>& caps_;
  const LogProbabilities& log_pi_;
  size_t count_;
  std::vector<double> most_;  // of each cap, in parts of it
  int repairs_ = 0;           // of neighbours
  std::vector<State> best_;   // feasible, best first
};

}  // namespace

std::vector<Chain> exchanged_chains(const Choices& choices, const CellCosts& costs, const std::vector<double>& caps,
                                    const LogProbabilities& log_pi, size_t count) {
  return Exchange(choices, costs, caps, log_pi, count).run();
}

}  // namespace starnest::train

#include "train/router/chains.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

struct Candidate {
  const Cell* cell;
  double score;
};

// Choices are ordered from the full width down, so a larger index is contained in a smaller one.
bool is_smaller(const Cell& inner, const Cell& outer) {
  return inner != outer && std::equal(outer.begin(), outer.end(), inner.begin(), std::less_equal<>());
}

bool is_full(const Cell& cell) {
  return std::all_of(cell.begin(), cell.end(), [](size_t choice) { return choice == 0; });
}

std::vector<const CostedCell*> feasible(const std::vector<CostedCell>& cells, double cap) {
  const auto within = [&](double low, double high) {
    std::vector<const CostedCell*> found;
    for (const CostedCell& cell : cells)
      if (cell.cost >= low * cap && cell.cost <= high * cap && !is_full(cell.cell)) found.push_back(&cell);
    return found;
  };
  std::vector<const CostedCell*> found = within(kLeastOfCap, 1);
  if (found.empty()) found = within(1, kMostOfCap);
  if (!found.empty()) return found;
  double below = 0, above = 0;
  for (const CostedCell& cell : cells) {
    if (cell.cost <= cap) below = std::max(below, cell.cost);
    if (cell.cost > cap && (above == 0 || cell.cost < above)) above = cell.cost;
  }
  const auto number = [](double cost) { return cost > 1 ? grouped(uint64_t(cost)) : format_number("%.4f", cost); };
  const auto text = [&](double cost) { return cost > 0 ? number(cost) : std::string("none"); };
  throw Error({.where = "--budget",
               .what = "no combination of the choices costs 0.95 to 1.05 of " + number(cap),
               .hint = "The nearest costs are " + text(below) + " below and " + text(above) +
                       " above; take one of them as the budget, or more choices"});
}

// Depth first over budgets, with the best that the rest can reach as a bound.
class Search {
 public:
  Search(std::vector<std::vector<Candidate>> candidates, size_t count)
      : candidates_(std::move(candidates)), reachable_(candidates_.size() + 1, 0), count_(count) {
    for (size_t b = candidates_.size(); b-- > 0;) reachable_[b] = reachable_[b + 1] + candidates_[b].front().score;
  }

  std::vector<Chain> run() {
    extend({}, 0);
    return std::move(best_);
  }

 private:
  void extend(std::vector<const Cell*> chain, double score) {
    const size_t budget = chain.size();
    if (budget == candidates_.size()) return keep(chain, score);
    for (const Candidate& candidate : candidates_[budget]) {
      const double bound = score + candidate.score + reachable_[budget + 1];
      if (best_.size() == count_ && bound <= best_.back().score) return;  // candidates are sorted
      if (budget > 0 && !is_smaller(*candidate.cell, *chain.back())) continue;
      chain.push_back(candidate.cell);
      extend(chain, score + candidate.score);
      chain.pop_back();
    }
  }

  void keep(const std::vector<const Cell*>& cells, double score) {
    Chain chain{{}, score};
    for (const Cell* cell : cells) chain.cells.push_back(*cell);
    const auto at = std::upper_bound(best_.begin(), best_.end(), score,
                                     [](double value, const Chain& other) { return value > other.score; });
    best_.insert(at, std::move(chain));
    if (best_.size() > count_) best_.pop_back();
  }

  std::vector<std::vector<Candidate>> candidates_;  // of each budget, the most probable first
  std::vector<double> reachable_;                   // the best score of the budgets from b on
  size_t count_;
  std::vector<Chain> best_;
};

}  // namespace

Cell raw_argmax(const Probabilities& pi) {
  Cell cell;
  for (const Tensor& list : pi) cell.push_back(size_t(list.argmax().item<int64_t>()));
  return cell;
}

double combinations(const Choices& choices) {
  double product = 1;
  for (size_t list = 0; list < choices.lists(); ++list) product *= double(choices.count(list));
  return product;
}

std::vector<CostedCell> all_cells(const Choices& choices, const std::function<double(const Cell&)>& cost) {
  if (combinations(choices) > kMostCells)
    throw Error({.where = "--choice",
                 .what = "makes too many combinations, each of which is costed",
                 .expected = "at most " + grouped(kMostCells),
                 .got = format_number("%.4g", combinations(choices)),
                 .hint = "Take shorter lists"});
  std::vector<CostedCell> cells;
  Cell cell(choices.lists(), 0);
  while (true) {
    cells.push_back({cell, cost(cell)});
    size_t list = 0;
    while (list < cell.size() && ++cell[list] == choices.count(list)) cell[list++] = 0;
    if (list == cell.size()) return cells;
  }
}

CellScore by_probability(LogProbabilities log_pi) {
  return [log_pi = std::move(log_pi)](size_t budget, const Cell& cell) {
    double score = 0;
    for (size_t list = 0; list < cell.size(); ++list) score += log_pi[budget][list][cell[list]];
    return score;
  };
}

std::vector<Chain> best_chains(const std::vector<CostedCell>& cells, const std::vector<double>& caps,
                               const CellScore& score, size_t count) {
  std::vector<std::vector<Candidate>> candidates;
  for (size_t b = 0; b < caps.size(); ++b) {
    candidates.emplace_back();
    for (const CostedCell* costed : feasible(cells, caps[b]))
      candidates.back().push_back({&costed->cell, score(b, costed->cell)});
    std::stable_sort(candidates.back().begin(), candidates.back().end(),
                     [](const Candidate& x, const Candidate& y) { return x.score > y.score; });
  }
  std::vector<Chain> chains = Search(std::move(candidates), count).run();
  if (chains.empty())
    throw Error({.where = "--budget",
                 .what = "no nested sizes keep these budgets",
                 .hint = "Offer more choices, or move the budgets apart"});
  return chains;
}

}  // namespace starnest::train

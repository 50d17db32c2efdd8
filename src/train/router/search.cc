#include "train/router/search.h"

#include <algorithm>
#include <limits>

#include "base/rng.h"
#include "base/text.h"
#include "starnest/error.h"
#include "train/router/chain_exchange.h"

namespace starnest::train {
namespace {

constexpr size_t kChainsTried = 8;

// A rate that stays at its peak after the warm-up.
OptimizerSettings optimizer_settings(const RouterSettings& settings) {
  return {.rate = settings.rate, .final_rate = 1, .warm_up = settings.warm_up, .weight_decay = 0};
}

std::string cell_text(const Choices& choices, const Cell& cell) {
  std::vector<std::string> parts;
  for (size_t list = 0; list < choices.axes.size(); ++list)
    parts.push_back(label_of(choices.axes[list]) + "=" + std::to_string(choices.axes[list].widths[cell[list]]));
  if (choices.dropped.size() > 1) parts.push_back("dropped=" + std::to_string(choices.dropped[cell.back()]));
  return join(parts, ",");
}

std::vector<double> caps_of(const std::vector<Budget>& budgets) {
  std::vector<double> caps;
  for (const Budget& budget : budgets) caps.push_back(budget.cap);
  return caps;
}

}  // namespace

WidthSearch::WidthSearch(const ModelSpec& spec, Choices choices, std::vector<Budget> budgets, const CostMeasure& of,
                         const RouterSettings& settings, uint64_t seed)
    : spec_(spec),
      choices_(std::move(choices)),
      budgets_(std::move(budgets)),
      of_(of),
      settings_(settings),
      seed_(seed),
      router_(choices_, budgets_.size(), settings, seed),
      optimizer_(router_.parameters(), std::vector<bool>(router_.parameters().size(), false),
                 optimizer_settings(settings), alone_),
      costs_(spec, choices_, of),
      decided_(torch::full({1}, -1.0f)) {
  if (combinations(choices_) <= kMostCells)
    cells_ = all_cells(choices_, [&](const Cell& cell) { return costs_.of(cell); });
  chains();  // finds budgets that cannot be kept before any work
}

std::vector<WidthSearch::Undecided> WidthSearch::sizes_at(int64_t step) const {
  const Draw draw = draw_of_step(settings_, step, settings_.steps, key_of(seed_, step));
  std::vector<Undecided> sizes;
  for (size_t b = 0; b < budgets_.size(); ++b) {
    const Probabilities pi = router_.probabilities(b, draw);
    const Tensor cost = expected_cost(choices_, spec_, pi, of_);
    sizes.push_back({soft_context(choices_, spec_, pi), train::budget_loss(cost, budgets_[b].cap),
                     cost.item<double>() / budgets_[b].cap});
  }
  return sizes;
}

void WidthSearch::update(std::vector<Tensor> gradients, int64_t step) {
  const torch::NoGradGuard no_gradients;
  const double norm = global_norm(gradients), scale = std::min(1.0, settings_.clip / std::max(norm, 1e-12));
  for (size_t p = 0; p < gradients.size(); ++p)
    gradients[p] =
        gradients[p].defined() ? (gradients[p] * scale).contiguous() : torch::zeros_like(router_.parameters()[p]);
  optimizer_.set_steps(step);
  optimizer_.step(gradients, learning_rate(optimizer_settings(settings_), step, settings_.steps));
}

std::vector<Size> WidthSearch::sizes_of(const std::vector<Cell>& cells) const {
  std::vector<Size> sizes;
  for (size_t b = 0; b < cells.size(); ++b) sizes.push_back({budgets_[b].name, widths_of(choices_, spec_, cells[b])});
  return sizes;
}

std::vector<Chain> WidthSearch::chains() const {
  const torch::NoGradGuard no_gradients;
  LogProbabilities log_pi(budgets_.size());
  for (size_t b = 0; b < budgets_.size(); ++b)
    for (const Tensor& logits : router_.logits(b)) {
      const Tensor logs = torch::log_softmax(logits.to(torch::kDouble) * settings_.final_scale, -1);
      log_pi[b].emplace_back(logs.data_ptr<double>(), logs.data_ptr<double>() + logs.numel());
    }
  if (cells_.empty()) return exchanged_chains(choices_, costs_, caps_of(budgets_), log_pi, kChainsTried);
  return best_chains(cells_, caps_of(budgets_), by_probability(log_pi), kChainsTried);
}

std::string WidthSearch::decide(const std::function<double(const std::vector<Size>&)>& loss) {
  const torch::NoGradGuard no_gradients;
  const auto described = [&](const std::vector<Cell>& cells) {
    std::vector<std::string> parts;
    for (size_t b = 0; b < cells.size(); ++b)
      parts.push_back(budgets_[b].name + " " + cell_text(choices_, cells[b]) + " (" +
                      format_number("%.3f", costs_.of(cells[b]) / budgets_[b].cap) + " of its budget)");
    return join(parts, "; ");
  };
  std::string report;
  double least = std::numeric_limits<double>::infinity();
  tried_ = chains();
  for (size_t i = 0; i < tried_.size(); ++i) {
    const double value = loss(sizes_of(tried_[i].cells));
    report += "chain " + std::to_string(i + 1) + ": log-probability " + format_number("%.2f", tried_[i].score) +
              ", loss " + format_number("%.4f", value) + ": " + described(tried_[i].cells) + "\n";
    if (value < least) least = value, decided_.fill_(double(i));
  }
  if (!decided())
    throw Error({.where = "the search for widths",
                 .what = "no chain has a loss that is a number",
                 .hint = "Try a smaller --rate or --router-rate"});
  std::vector<Cell> raw;
  for (size_t b = 0; b < budgets_.size(); ++b) raw.push_back(raw_argmax(router_.logits(b)));
  return report + "the router's argmax by itself: " + described(raw) + "\n" + "taken: chain " +
         std::to_string(int(decided_.item<float>()) + 1);
}

std::vector<Size> WidthSearch::sizes() const {
  const size_t taken = size_t(decided_.item<float>());
  return sizes_of(tried_.empty() ? chains()[taken].cells : tried_[taken].cells);
}

std::map<std::string, Tensor> WidthSearch::state() const {
  std::map<std::string, Tensor> tensors{{"router.decided", decided_}};
  const AdamW::Moments moments = optimizer_.gather();
  for (size_t p = 0; p < router_.parameters().size(); ++p) {
    const std::string name = std::to_string(p);
    tensors["router.value." + name] = router_.parameters()[p].detach();
    tensors["router.first." + name] = moments.first[p];
    tensors["router.second." + name] = moments.second[p];
  }
  return tensors;
}

}  // namespace starnest::train

#include "train/run/training_bar.h"

#include <algorithm>

#include "base/text.h"

namespace starnest::train {

TrainingBar::TrainingBar(const std::string& label, int64_t first_step, int64_t steps, const Style& style)
    : bar_(label, {.unit = "steps", .before = uint64_t(first_step), .stays = true, .shown = style.shown}),
      steps_(steps),
      token_seconds_(style.token_seconds) {}

void TrainingBar::update(int64_t done, int64_t tokens, const std::string& status) {
  tokens_ += tokens;
  const double rate = double(tokens_) / std::max(seconds(), 1e-9);
  std::string text = status;
  if (tokens_ > 0) text += "  " + grouped(uint64_t(rate)) + " tokens/s";
  if (token_seconds_ > 0) text += format_number("  %.0f %% MFU", 100 * rate * token_seconds_);
  bar_.update(uint64_t(done), uint64_t(steps_), text);
}

}  // namespace starnest::train

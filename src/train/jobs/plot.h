// The log of a run as a page of charts.
#pragma once

#include <string>

namespace starnest::train {

struct PlotSettings {
  std::string log;  // training/log.jsonl of a run, or the run's folder
  std::string out;  // HTML file to write
};

// Loss, KL per size, gradient norms, clips, cosines, expert load and the development metric against steps, with the
// last values in a table under each. Throws Error for a log that cannot be read or holds no step.
void plot(const PlotSettings& settings);

}  // namespace starnest::train

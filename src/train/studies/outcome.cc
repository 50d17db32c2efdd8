#include <cmath>

#include "base/text.h"
#include "format/json/jsonl.h"
#include "starnest/error.h"
#include "train/studies/study.h"

namespace starnest::train {
namespace {

double share(const JsonRecord& dev, const char* way, const char* part) { return 100 * dev.object(way).number(part); }

// Mean over the ways of asking; 0 in the log of a run without a teacher.
double kl_of(const JsonRecord& dev) {
  double sum = 0;
  for (const char* way : {"long", "terse", "none", "cut"}) sum += dev.object(way).number("kl") / 4;
  return sum;
}

}  // namespace

Outcome outcome_of(const std::string& out, const Source& source) {
  const std::filesystem::path log = std::filesystem::path(out) / source.job / "training" / "log.jsonl";
  Outcome outcome;
  bool found = false;
  for (const JsonRecord& line : read_jsonl(log)) {
    std::optional<JsonRecord> entry = line;
    if (!source.in_log.empty()) {
      const auto sizes = line.find_object("sizes");
      entry = sizes ? sizes->find_object(source.in_log) : std::nullopt;
    }
    const auto dev = entry ? entry->find_object("dev") : std::nullopt;
    if (!dev || (source.before && line.integer("step") > 0)) continue;
    found = true;
    outcome.whole = share(*dev, "long", "whole");
    outcome.terse = share(*dev, "terse", "whole");
    outcome.cut = share(*dev, "cut", "answer");
    outcome.kl = kl_of(*dev);
    outcome.tokens = line.integer("tokens");
    outcome.curve.emplace_back(double(outcome.tokens), outcome.whole);
  }
  if (!found)
    throw Error({.where = log.string(),
                 .what = "holds no measurement",
                 .expected = source.in_log.empty() ? "of the run" : "of the size " + in_quotes(source.in_log)});
  return outcome;
}

}  // namespace starnest::train

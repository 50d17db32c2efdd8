// Minimal pairs: which of two sentences is likelier.
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/eval_likelihood.h"
#include "eval/likelihood.h"
#include "format/weights/fingerprint.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

constexpr size_t kPairsAtOnce = 256;  // between two additions to the records

}  // namespace

CLI::Option* add_pairs_options(CLI::App& command, EvalOptions& options) {
  return command.add_option("--pairs", options.pairs,
                            "minimal pairs instead of a task: TSV with the columns good and bad");
}

void eval_pairs(const EvalOptions& options, const Family& family, AtomicFile* json) {
  const std::vector<MinimalPair> pairs = read_minimal_pairs(options.pairs);
  const auto name = [&](size_t i) { return pairs[i].paradigm + ": " + pairs[i].good + " / " + pairs[i].bad; };
  const std::vector<std::string> sizes = sizes_to_score(family, options);
  check_records(options, sizes);
  const Start start = start_of(family, options);
  const JsonLine about = JsonLine().set("pairs", options.pairs).set("pairs_content", fingerprint(options.pairs));
  LikelihoodReport report(json, options, start, about);
  for (const std::string& size : sizes) {
    RecordFile records = record_file(options, size, start, about);
    Tally tally = earlier_tally(records, pairs.size(), name);
    ProgressBar bar("eval " + size, {.unit = "pairs"});
    while (tally.trials < pairs.size()) {
      const size_t first = tally.trials, count = std::min(kPairsAtOnce, pairs.size() - first);
      const std::vector<bool> right =
          prefers_good(family, size, std::span(pairs).subspan(first, count), start.id, options.parallel,
                       [&](uint64_t, uint64_t) { stop_if_asked(options); });
      for (size_t i = 0; i < count; ++i) {
        tally.trials += 1, tally.successes += right[i] ? 1 : 0;
        records.write(JsonLine()
                          .set("question", name(first + i))
                          .set("think_size", size)
                          .set("answer_size", size)
                          .set("right", bool(right[i])));
      }
      bar.update(tally.trials, pairs.size());
    }
    bar.clear();
    print(stdout, "%s: the good sentence is likelier in %s\n", size.c_str(), tally_text(tally, "pairs").c_str());
    report.add(size, tally_json(tally));
  }
  report.write();
}

}  // namespace starnest::cli

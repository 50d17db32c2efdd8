#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/memory.h"
#include "base/range.h"
#include "base/text.h"
#include "cli/bench_runs.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "engine/bandwidth.h"
#include "engine/engine.h"
#include "engine/memory_fit.h"
#include "format/json/jsonl.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

constexpr const char* kExplanation =
    R"(Medians of the rounds. GB/s are weight bytes per second, each weight counted once per step (experts by their
expected share). "of read" compares them with a plain read by the same threads, measured in the same run. GFLOP/s
count the matrix products. "apart" runs the two sizes one after the other. docs/performance.md says more.

Examples:
  starnest bench -m models/pocket
  starnest bench -m random-30b -p 512 -n 64 -r 7 --peak-gflops 440
  starnest bench -m random-30b --sizes 30b --mixes 0 --json)";

struct BenchOptions {
  ModelOptions model;
  std::vector<std::string> sizes;
  BenchSettings settings;
  double peak_gflops = 0;  // 0: unknown
  int probe_mib = int(kProbeBytes >> 20);
  int threads = 0;
  bool json = false;
};

struct BenchReport {
  const BenchOptions& options;
  std::string weights;  // type
  std::string kernel_path;
  uint64_t resident_bytes = 0;
  int threads = 0;
  double bandwidth = 0;  // bytes per second of the plain read
  BenchResult result;

  double share_of_read(const Timing& timing) const { return timing.bytes_per_second() / bandwidth; }
  // Of the time that memory and, where its peak is known, arithmetic would need at least.
  double share_of_roof(const Timing& timing) const {
    const double arithmetic = options.peak_gflops > 0 ? timing.cost.flops / (options.peak_gflops * 1e9) : 0;
    return std::max(timing.cost.bytes / bandwidth, arithmetic) / timing.median();
  }
};

std::string percent(double share) { return format_number("%.0f %%", 100 * share); }
std::string giga(double value) { return format_number("%.1f", value / 1e9); }

std::string sizes_table(const BenchReport& report) {
  std::vector<std::vector<std::string>> rows{
      {"size", "prefill tokens/s", "GFLOP/s", "decode tokens/s", "GB/s", "of read"}};
  for (const SizeTiming& size : report.result.sizes) {
    std::vector<std::string>& row = rows.emplace_back(std::vector<std::string>{size.size, "-", "-", "-", "-", "-"});
    if (!size.prefill.seconds.empty()) {
      row[1] = format_number("%.1f", size.prefill.tokens_per_second());
      row[2] = giga(size.prefill.flops_per_second());
    }
    if (!size.decode.seconds.empty()) {
      row[3] = format_number("%.2f", size.decode.tokens_per_second());
      row[4] = giga(size.decode.bytes_per_second());
      row[5] = percent(report.share_of_read(size.decode));
    }
  }
  return table_text(rows);
}

std::string mixes_table(const BenchReport& report) {
  const auto& sizes = report.result.sizes;
  std::vector<std::vector<std::string>> rows{
      {"one step of", "together tokens/s", "apart tokens/s", "speed-up", "GB/s", "GFLOP/s", "of roof"}};
  for (const MixTiming& mix : report.result.mixes) {
    const std::string each = std::to_string(mix.each) + " x ";
    rows.push_back({each + sizes.front().size + " + " + each + sizes.back().size,
                    format_number("%.2f", mix.together.tokens_per_second()),
                    format_number("%.2f", mix.apart.tokens_per_second()), format_number("%.2f", mix.speedup()),
                    giga(mix.together.bytes_per_second()), giga(mix.together.flops_per_second()),
                    percent(report.share_of_roof(mix.together))});
  }
  return table_text(rows);
}

void print_report(const BenchReport& report) {
  print(stdout, "%s: %s %s resident, %s kernels, %d threads; plain read %s GB/s\n", report.options.model.model.c_str(),
        bytes_text(report.resident_bytes).c_str(), report.weights.c_str(), report.kernel_path.c_str(), report.threads,
        giga(report.bandwidth).c_str());
  print(stdout, "prefill of %d tokens, decoding of %d, medians of %d rounds\n\n%s", report.options.settings.prefill,
        report.options.settings.decode, report.options.settings.rounds, sizes_table(report).c_str());
  if (!report.result.mixes.empty()) print(stdout, "\n%s", mixes_table(report).c_str());
  for (const SwitchTiming& change : report.result.switches)
    print(stdout, "\nswitch %s to %s besides recompute: %.2f ms (%.3f ms before its first step, which takes %.2f ms)",
          change.from.c_str(), change.to.c_str(), change.rest() * 1e3, median_of(change.before) * 1e3,
          median_of(change.first) * 1e3);
  if (!report.result.switches.empty()) print(stdout, "\n");
}

JsonLine timing_json(const BenchReport& report, const Timing& timing) {
  return JsonLine()
      .set("tokens", timing.tokens)
      .set("seconds", timing.seconds)
      .set("tokens_per_second", timing.tokens_per_second())
      .set("bytes", timing.cost.bytes)
      .set("flops", timing.cost.flops)
      .set("gb_per_second", timing.bytes_per_second() / 1e9)
      .set("gflop_per_second", timing.flops_per_second() / 1e9)
      .set("share_of_read", report.share_of_read(timing))
      .set("share_of_roof", report.share_of_roof(timing));
}

std::string report_json(const BenchReport& report) {
  std::vector<JsonLine> sizes, mixes, switches;
  for (const SizeTiming& size : report.result.sizes) {
    JsonLine& line = sizes.emplace_back(JsonLine().set("size", size.size));
    if (!size.prefill.seconds.empty()) line.set("prefill", timing_json(report, size.prefill));
    if (!size.decode.seconds.empty()) line.set("decode", timing_json(report, size.decode));
  }
  for (const MixTiming& mix : report.result.mixes)
    mixes.push_back(JsonLine()
                        .set("large", report.result.sizes.front().size)
                        .set("small", report.result.sizes.back().size)
                        .set("each", mix.each)
                        .set("speedup", mix.speedup())
                        .set("together", timing_json(report, mix.together))
                        .set("apart", timing_json(report, mix.apart)));
  for (const SwitchTiming& change : report.result.switches)
    switches.push_back(JsonLine()
                           .set("from", change.from)
                           .set("to", change.to)
                           .set("tokens", change.tokens)
                           .set("seconds_besides_recompute", change.rest())
                           .set("seconds_before", change.before)
                           .set("seconds_first_step", change.first)
                           .set("seconds_same_step", change.same));
  return JsonLine()
      .set("model", report.options.model.model)
      .set("kernel_path", report.kernel_path)
      .set("weights", report.weights)
      .set("resident_bytes", report.resident_bytes)
      .set("threads", report.threads)
      .set("rounds", report.options.settings.rounds)
      .set("read_gb_per_second", report.bandwidth / 1e9)
      .set("sizes", sizes)
      .set("mixes", mixes)
      .set("switches", switches)
      .text();
}

void check(BenchOptions& options) {
  require_range("-p", options.settings.prefill, 0, 1 << 20);
  require_range("-n", options.settings.decode, 0, 1 << 20);
  require_range("-r", options.settings.rounds, 1, 1000);
  require_range("--probe-mib", options.probe_mib, 2, 1 << 20);
  std::erase(options.settings.mixes, 0);
  for (const int each : options.settings.mixes) require_range("--mixes", each, 1, 256, "0 alone skips them");
}

// Resident sizes that are asked for by name, largest first; all of them when none is.
std::vector<size_t> asked_sizes(const Engine& engine, const std::vector<std::string>& names) {
  std::vector<size_t> sizes;
  for (size_t size = engine.resident(); size >= 1; --size) {
    const auto is_asked = [&](const std::string& name) { return engine.size_named(name) == size; };
    if (names.empty() || std::any_of(names.begin(), names.end(), is_asked)) sizes.push_back(size);
  }
  return sizes;
}

// What the heaviest step holds: sequences of the largest and as many of the smallest size, counted as the largest.
Load heaviest(const BenchSettings& settings) {
  uint64_t sequences = 1;
  for (const int each : settings.mixes) sequences = std::max(sequences, 2 * uint64_t(each));
  return {uint64_t(settings.prefill) + uint64_t(settings.decode), sequences};
}

// The names to load; "auto" is resolved and then none is left to be measured alone.
std::vector<std::string> names_to_load(const FamilySpec& family, BenchOptions& options) {
  if (asks_for_choice(family, options.sizes)) {
    options.sizes.clear();
    const ChosenSize chosen = choose_size(family, heaviest(options.settings), {}, available_memory());
    print_notices({chosen.notice});
    return {chosen.name};
  }
  for (const std::string& size : options.sizes) family.size(size);  // a misspelt one is known before the work
  return options.sizes;
}

void run(BenchOptions options) {
  check(options);
  const FamilySpec family = open_family(options.model);
  const std::vector<std::string> names = names_to_load(family, options);
  ProgressBar loading("loading");
  Engine engine(family, {.threads = options.threads, .sizes = names, .device = options.model.device},
                [&](uint64_t done, uint64_t total) { loading.update(done, total); });
  loading.clear();
  print_notices(engine.notices());
  options.settings.sizes = asked_sizes(engine, options.sizes);
  BenchReport report{options, {}, {}, 0, 0, 0, {}};
  report.weights = names_of(engine.encodings());
  report.resident_bytes = engine.resident_bytes();
  report.threads = engine.threads();
  report.kernel_path = engine.device().kernel_path();
  report.bandwidth = read_bandwidth(engine.device(), engine.pool(), size_t(options.probe_mib) << 20);
  ProgressBar bar("bench", {.unit = "timings"});
  report.result =
      run_bench(engine, family.spec, options.settings, [&](uint64_t done, uint64_t total) { bar.update(done, total); });
  bar.clear();
  if (options.json)
    std::puts(report_json(report).c_str());
  else
    print_report(report);
}

}  // namespace

void add_bench(CLI::App& app) {
  const auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Measure speed: prefill, decoding, mixed sizes, switching");
  command->footer(kExplanation);
  add_model_options(*command, options->model);
  add_device_option(*command, options->model);
  add_sizes_option(*command, options->sizes, "sizes to load and measure", "all");
  command->add_option("-p,--prefill", options->settings.prefill, "tokens of the prompt; 0 = skip")
      ->capture_default_str();
  command->add_option("-n,--decode", options->settings.decode, "tokens to decode; 0 = skip")->capture_default_str();
  command->add_option("-r,--rounds", options->settings.rounds, "rounds of every measurement")->capture_default_str();
  command
      ->add_option("--mixes", options->settings.mixes,
                   "sequences of the largest and as many of the smallest size in one step; 0 = skip")
      ->delimiter(',')
      ->capture_default_str();
  command
      ->add_option("--peak-gflops", options->peak_gflops,
                   "arithmetic peak of the threads, for the roof; 0 = memory only")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--probe-mib", options->probe_mib, "memory read by the bandwidth probe")->capture_default_str();
  command->add_option("-t,--threads", options->threads, "threads; 0 = all that this process may use")
      ->capture_default_str();
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([options] { run(*options); });
}

}  // namespace starnest::cli

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/common.h"
#include "cli/plan_options.h"
#include "core/base/text.h"
#include "runtime/family_impl.h"
#include "starnest/session.h"

namespace starnest::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  starnest run -m models/pocket -p 'r:a5b+3c*7d-2?'
  starnest run -m models/pocket -p 'r:a5b+3c*7d-2?' --think-size small --answer-size large
  starnest run -m models/pocket -p 'r:a5b+3c*7d-2?' --size small --think-budget 8 --think-grace 4
  starnest run -m models/pocket --ids 1,25,50,8,39,7,3 -n 64)";

struct RunOptions {
  ModelOptions model;
  std::string text;
  std::vector<TokenId> ids;
  std::string effort = "e2";
  bool raw = false;
  int threads = 0;
  PlanOptions plan;
  CLI::Option* seed = nullptr;
};

// Shows thinking apart from the answer, each marked with the size that wrote it. Dimmed thinking on a terminal.
class Printer {
 public:
  void operator()(const TextPiece& piece) {
    const std::string mark = std::string(piece.phase == Phase::thinking ? "thinks" : "answers");
    if (mark != mark_) {
      finish();
      mark_ = mark;
      if (terminal_ && piece.phase == Phase::thinking) std::fputs("\033[2m", stdout);
      std::printf("[%s %s] ", std::string(piece.size).c_str(), mark.c_str());
    }
    std::fwrite(piece.text.data(), 1, piece.text.size(), stdout);
    std::fflush(stdout);
  }
  void finish() {
    if (mark_.empty()) return;
    if (terminal_) std::fputs("\033[0m", stdout);
    std::fputs("\n", stdout);
    std::fflush(stdout);  // before the statistics, which go to the other stream
    mark_.clear();
  }

 private:
  std::string mark_;
  bool terminal_ = isatty(STDOUT_FILENO) != 0;
};

std::string rate(const PhaseReport& report) {
  if (report.tokens == 0) return report.size + " 0 tokens";
  return report.size + " " + std::to_string(report.tokens) + " tokens" +
         (report.seconds > 0 ? format_number(" (%.0f tokens/s)", report.tokens / report.seconds) : "");
}

void print_statistics(const Answer& answer, const Sampling& sampling) {
  std::string line = "prompt " + std::to_string(answer.prompt_tokens) + " tokens, first token after" +
                     format_number(" %.1f ms", answer.seconds_to_first_token * 1e3);
  if (answer.think_end != ThinkEnd::none)
    line += "; thinking: " + rate(answer.thinking_report) + ", end " + name_of(answer.think_end);
  if (answer.switch_seconds > 0)
    line += "; switch (recompute)" + format_number(" %.1f ms", answer.switch_seconds * 1e3);
  line += "; answer: " + rate(answer.answer_report);
  if (!answer.complete) line += ", cut at max-tokens or the context";
  if (sampling.temperature > 0) line += "; seed " + std::to_string(sampling.seed);
  std::fprintf(stderr, "%s\n", line.c_str());
}

void print_ids(const std::vector<TokenId>& ids) {
  std::vector<std::string> texts;
  for (const TokenId id : ids) texts.push_back(std::to_string(id));
  std::printf("%s\n", join(texts, ",").c_str());
}

void run(const RunOptions& options) {
  const Plan plan = options.plan.resolved();
  const Family family = open_model(options.model, {.threads = options.threads, .sizes = options.plan.sizes()});
  Sampling sampling = options.plan.sampling;
  if (sampling.temperature > 0 && options.seed->count() == 0) sampling.seed = std::random_device{}();

  const std::vector<TokenId> prompt = !options.ids.empty() ? options.ids
                                      : options.raw        ? family.encode(options.text)
                                                           : family.prompt(options.text, options.effort);
  Printer printer;
  const bool has_text = family.impl().tokenizer.has_value();
  const Answer answer = Session(family).ask(prompt, plan, sampling, std::ref(printer));
  printer.finish();
  if (!has_text || !options.ids.empty()) print_ids(answer.ids);
  print_statistics(answer, sampling);
}

}  // namespace

void add_run(CLI::App& app) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Ask a question; one size may think and another answer");
  command->footer(kExamples);
  add_model_options(*command, options->model);
  CLI::Option* text = command->add_option("-p,--prompt", options->text, "the question");
  CLI::Option* ids = add_ids_option(*command, options->ids, "the whole prompt as token ids, e.g. 1,2,3");
  ids->excludes(text);
  command->add_option("--effort", options->effort, "how to think: e0 not at all, e1 tersely, e2 in full")
      ->capture_default_str();
  command->add_flag("--raw", options->raw, "take -p as the whole prompt, without the model's own format")
      ->excludes(ids);
  command->add_option("-t,--threads", options->threads, "threads; 0 = all that this process may use")
      ->capture_default_str();
  options->plan.add_to(*command, {{"max-tokens", "-n"}, {"seed", "-s"}});
  options->seed = command->get_option("--seed");
  command->callback([options, text, ids] {
    if (text->count() + ids->count() == 0) throw CLI::RequiredError("-p or --ids");
    if (options->text.empty() && options->ids.empty()) throw Error("prompt", "is empty");
    run(*options);
  });
}

}  // namespace starnest::cli

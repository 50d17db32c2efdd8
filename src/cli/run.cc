#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/plan_options.h"
#include "cli/prompt_source.h"
#include "cli/run_report.h"
#include "cli/text_printer.h"
#include "generate/stop_text.h"
#include "program/interrupt.h"
#include "program/progress_bar.h"
#include "program/terminal.h"
#include "starnest/session.h"

namespace starnest::cli {
namespace {

constexpr const char* kRunExamples = R"(Examples:
  starnest run -m models/pocket -p 'r:a5b+3c*7d-2?'
  starnest run -m models/pocket -p 'r:a5b+3c*7d-2?' --think-size small --answer-size large
  starnest run -m models/pocket -p 'r:a5b+3c*7d-2?' --size small --think-budget 8 --think-grace 4
  echo 'r:a5b+3c*7d-2?' | starnest run -m models/pocket --quiet
  starnest run -m models/pocket --ids 1,25,50,8,39,7,3 -n 64
Standard output carries the text alone; what runs, how fast and who writes is on standard error.
Ctrl-C ends the text after the current step, a second one ends the program at once.)";

// A bar for what takes less would only flicker.
constexpr uint64_t kBarFrom = uint64_t{1} << 30;

struct RunOptions {
  ModelOptions model;
  PromptSource prompt;
  std::vector<TokenId> ids;
  std::string effort = "e2";
  CLI::Option* effort_option = nullptr;
  bool raw = false;
  bool quiet = false;
  int threads = 0;
  int context = 0;
  std::string kv_dtype;
  std::vector<std::string> stop;
  PlanOptions plan;
};

void print_ids(const std::vector<TokenId>& ids) {
  std::vector<std::string> texts;
  for (const TokenId id : ids) texts.push_back(std::to_string(id));
  print(stdout, "%s\n", join(texts, ",").c_str());
}

Family open(const RunOptions& options) {
  ProgressBar bar("loading");
  std::optional<KvType> kv_type;
  if (!options.kv_dtype.empty()) kv_type = kv_type_named(options.kv_dtype);
  return Family::open(options.model.model, {.elastic = options.model.elastic,
                                            .threads = options.threads,
                                            .sizes = options.plan.sizes_to_load(),
                                            .context = options.context,
                                            .kv_type = kv_type,
                                            .device = options.model.device,
                                            .cache_bytes = 0,  // one request: nobody goes on from it
                                            .progress = [&](uint64_t done, uint64_t total) {
                                              Interrupt::check("loading");
                                              if (total >= kBarFrom && !options.quiet) bar.update(done, total);
                                            }});
}

void print_start(const Family& family, const RunOptions& options, const std::vector<TokenId>& prompt,
                 const AskOptions& ask) {
  const RunSetup setup{.model = options.model.model,
                       .stages = family.resolved(ask.plan).stages,
                       .thinks = family.opens_thinking(prompt),
                       .sampling = *ask.sampling,
                       .context_is_set = options.context > 0};
  print(stderr, "%s", start_text(family, setup).c_str());
}

void run(const RunOptions& options) {
  const std::string text = options.ids.empty() ? options.prompt.read() : "";
  const StopText checked(options.stop);
  const Interrupt interrupt;
  const Family family = open(options);
  if (!options.quiet) print_notices(family.notices());
  const std::vector<TokenId> prompt = !options.ids.empty() ? options.ids
                                      : options.raw        ? family.encode(text)
                                                    : family.prompt(text, {.arguments = {{"effort", options.effort}}});
  if (options.ids.empty() && !options.raw && !options.quiet && family.prompt_format() == PromptFormat::none)
    print_notices({"the folder has no prompt format, so the prompt is taken as it stands, as with --raw" +
                   std::string(!options.effort_option->empty() ? "; --effort means nothing there" : "")});
  TextPrinter printer({.names = !options.quiet});
  AskOptions ask{.plan = options.plan.resolved(family),
                 .sampling = options.plan.sampling(family.default_sampling(), PlanOptions::Seed::random),
                 .stop = options.stop,
                 .on_text = std::ref(printer),
                 .cancelled = [] { return Interrupt::requested(); }};
  family.check(*ask.sampling);
  if (!options.quiet) print_start(family, options, prompt, ask);

  const Answer answer = Session(family).ask(prompt, ask);
  printer.finish();
  if (!family.has_tokenizer() || !options.ids.empty()) print_ids(answer.ids);
  if (!options.quiet) {
    print(stderr, "%s", end_text(answer, *ask.sampling).c_str());
    print_notices(answer.notices);
  }
  if (answer.end == AnswerEnd::cancelled) throw CLI::RuntimeError(Interrupt::exit_code());
}

}  // namespace

void add_run(CLI::App& app) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Ask a question; one size may think and another answer");
  command->footer(kRunExamples);
  add_model_options(*command, options->model);
  add_device_option(*command, options->model);
  options->prompt.add_to(*command);
  add_ids_option(*command, options->ids, "the whole prompt as token ids, e.g. 1,2,3")
      ->excludes(options->prompt.text_option)
      ->excludes(options->prompt.file_option);
  options->effort_option =
      command->add_option("--effort", options->effort, "how to think: e0 not at all, e1 tersely, e2 in full")
          ->capture_default_str();
  command->add_flag("--raw", options->raw, "take the text as the whole prompt, without the model's own format")
      ->excludes("--ids");
  options->plan.add_to(*command, {{"max-tokens", "-n"}, {"seed", "-s"}});
  command->add_option("--stop", options->stop, "end the answer before this text; may be given several times")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  command
      ->add_option("-c,--ctx-size", options->context,
                   "tokens of prompt and output together; 0 = what the model allows and memory holds")
      ->capture_default_str();
  command->add_option(
      "--kv-dtype", options->kv_dtype,
      "type of keys and values in memory: f32, bf16 or fp8 (with the scales of the model, where it has them)");
  command->add_option("-t,--threads", options->threads, "threads; 0 = all that this process may use")
      ->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet, "nothing on standard error but errors");
  command->callback([options] { run(*options); });
}

}  // namespace starnest::cli

// `starnest-train`: one subcommand per job. Reads the command line, runs the job, and turns failures into a message and
// an exit code: 0 done, 1 failed, 2 wrong usage. The one place of the program where Error is caught.
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
#include "starnest/error.h"
#include "train/recipes/elastify.h"
#include "train/recipes/pretrain.h"
#include "train/recipes/rank.h"

namespace starnest::train {
namespace {

enum ExitCode { kDone = 0, kFailed = 1, kWrongUsage = 2 };

int report(ExitCode code, const std::string& message) {
  std::fprintf(stderr, "starnest-train: error: %s\n", message.c_str());
  return code;
}

volatile std::sig_atomic_t interrupted = 0;

// Ctrl-C and SIGTERM end a run between two steps, so that no file is left half written.
void stop_when_interrupted(uint64_t done, uint64_t) {
  if (!interrupted) return;
  throw Error({.where = "step " + std::to_string(done),
               .what = "interrupted",
               .hint = "pretrain and elastify go on from their last checkpoint with --resume"});
}

// "--weight-decay" for the field weight_decay; with a prefix "--mix-terse". The struct's default shows in the help.
// `settings` must outlive `app`.
template <class Settings>
void add_fields(CLI::App& app, Settings& settings, const std::string& prefix = "") {
  Settings::fields([&](const char* name, auto member, const char* help) {
    std::string flag = "--" + prefix + name;
    for (char& c : flag)
      if (c == '_') c = '-';
    auto& value = settings.*member;
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, bool>)
      app.add_flag(flag, value, help);
    else
      app.add_option(flag, value, help)->capture_default_str();
  });
}

void add_pretrain(CLI::App& app) {
  CLI::App* command = app.add_subcommand("pretrain", "Trains a small hybrid reasoning model from scratch");
  const auto settings = std::make_shared<PretrainSettings>();
  add_fields(*command, settings->run);
  add_fields(*command, settings->model, "model-");
  add_fields(*command, settings->optimizer);
  add_fields(*command, settings->balance, "balance-");
  add_fields(*command, settings->mix, "mix-");
  add_fields(*command, settings->batch, "batch-");
  command->get_option("--out")->required();
  command->footer("Example:\n  starnest-train pretrain --out runs/parent");
  command->callback([settings] { pretrain(*settings, stop_when_interrupted); });
}

void add_rank(CLI::App& app) {
  CLI::App* command = app.add_subcommand("rank", "Sorts the channels of a model by importance");
  const auto job = std::make_shared<RankJob>();
  add_fields(*command, job->settings);
  add_fields(*command, job->mix, "mix-");
  command->get_option("--model")->required();
  command->get_option("--out")->required();
  command->footer("Example:\n  starnest-train rank --model runs/parent --out runs/sorted");
  command->callback([job] { rank(*job, stop_when_interrupted); });
}

void add_elastify(CLI::App& app) {
  CLI::App* command = app.add_subcommand("elastify", "Distils a sorted model into several nested sizes");
  const auto settings = std::make_shared<ElastifySettings>();
  add_fields(*command, settings->run);
  add_fields(*command, settings->family);
  add_fields(*command, settings->optimizer);
  add_fields(*command, settings->mix, "mix-");
  add_fields(*command, settings->batch, "batch-");
  for (const char* name : {"--model", "--out", "--size"}) command->get_option(name)->required();
  command->footer(
      "Example:\n"
      "  starnest-train elastify --model runs/sorted --out models/pocket --size large \\\n"
      "      --size medium:hidden_size=48,moe_intermediate_size=48 --size "
      "small:hidden_size=32,moe_intermediate_size=48");
  command->callback([settings] { elastify(*settings, stop_when_interrupted); });
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

// What is wrong with the command line, with the nearest name where one was misspelt.
std::string explain(const CLI::App& app, const CLI::ParseError& error, const std::string& first_word) {
  const auto chosen = app.get_subcommands();
  if (chosen.empty() && !first_word.empty() && first_word[0] != '-')
    return "there is no command " + in_quotes(first_word) + ". " + suggest(first_word, command_names(app)) + ".";
  const std::string help =
      "Try 'starnest-train" + (chosen.empty() ? "" : " " + chosen.front()->get_name()) + " --help'.";
  if (chosen.empty()) return std::string(error.what()) + ". " + help;
  std::vector<std::string> options;
  for (const CLI::Option* option : chosen.front()->get_options())
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  for (const std::string& word : chosen.front()->remaining())
    return "unknown option " + in_quotes(word) + ". " + suggest(word, options) + ". " + help;
  return std::string(error.what()) + ". " + help;
}

int run(int argc, char** argv) {
  CLI::App app{"Trains elastic language models: a parent, its ranking, and all nested sizes at once.",
               "starnest-train"};
  app.require_subcommand(1);
  app.footer("'starnest-train COMMAND --help' says more about a command.");
  add_pretrain(app);
  add_rank(app);
  add_elastify(app);
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { interrupted = 1; });
  try {
    app.parse(argc, argv);
    return kDone;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help
    return report(kWrongUsage, explain(app, e, argc > 1 ? argv[1] : ""));
  } catch (const Error& e) {
    return report(kFailed, e.what());
  } catch (const std::exception& e) {  // out of memory and the like
    return report(kFailed, e.what());
  }
}

}  // namespace
}  // namespace starnest::train

int main(int argc, char** argv) { return starnest::train::run(argc, argv); }

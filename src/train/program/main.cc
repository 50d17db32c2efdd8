// `starnest-train`: one subcommand per job.
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "program/fields.h"
#include "program/interrupt.h"
#include "program/program.h"
#include "starnest/error.h"
#include "train/jobs/cells.h"
#include "train/jobs/elastify.h"
#include "train/jobs/gaps.h"
#include "train/jobs/plot.h"
#include "train/jobs/pretrain.h"
#include "train/jobs/rank.h"
#include "train/parallel/launch.h"
#include "train/studies/study.h"

namespace starnest::train {
namespace {

// Earlier names of settings, in people's scripts and recipes.
const std::map<std::string, std::string> kFormer{{"tasks", "families"}};

// Ctrl-C and SIGTERM end a run between two steps, so that no file is left half written.
void stop_when_interrupted(uint64_t done, uint64_t) {
  Interrupt::check("step " + std::to_string(done),
                   "pretrain and elastify go on from their last checkpoint with --resume");
}

// For jobs that are not shared between processes: several would do the same work and write the same files.
void demand_one_process(const std::string& job) {
  if (const Launch launch = read_launch(); launch.size > 1)
    throw Error({.where = job,
                 .what = "runs as one process",
                 .got = std::to_string(launch.size),
                 .hint = "Only pretrain and elastify share their work"});
}

void add_data(CLI::App& command, DataSettings& data) {
  add_fields(command, data.mix, {.prefix = "mix-", .former = kFormer});
  add_fields(command, data.batch, {.prefix = "batch-"});
  add_fields(command, data.text, {.prefix = "data-"});
}

void add_pretrain(CLI::App& app) {
  CLI::App* command = app.add_subcommand("pretrain", "Trains a small hybrid reasoning model from scratch");
  const auto settings = std::make_shared<PretrainSettings>();
  add_fields(*command, settings->run);
  add_fields(*command, settings->model, {.prefix = "model-"});
  add_fields(*command, settings->optimizer);
  add_fields(*command, settings->balance, {.prefix = "balance-"});
  add_data(*command, settings->data);
  command->get_option("--out")->required();
  command->footer("Example:\n  starnest-train pretrain --out runs/parent");
  command->callback([settings] { pretrain(*settings, stop_when_interrupted); });
}

void add_rank(CLI::App& app) {
  CLI::App* command = app.add_subcommand("rank", "Sorts the channels of a model by importance");
  const auto job = std::make_shared<RankJob>();
  add_fields(*command, job->settings);
  add_data(*command, job->data);
  command->get_option("--model")->required();
  command->get_option("--out")->required();
  command->footer("Example:\n  starnest-train rank --model runs/parent --out runs/sorted");
  command->callback([job] {
    demand_one_process("rank");
    rank(*job, stop_when_interrupted);
  });
}

void add_elastify(CLI::App& app) {
  CLI::App* command = app.add_subcommand("elastify", "Distils a sorted model into several nested sizes");
  const auto settings = std::make_shared<ElastifySettings>();
  add_fields(*command, settings->run);
  add_fields(*command, settings->family);
  add_fields(*command, settings->search);
  add_fields(*command, settings->router, {.prefix = "router-"});
  add_fields(*command, settings->curriculum, {.prefix = "curriculum-"});
  add_fields(*command, settings->optimizer);
  add_data(*command, settings->data);
  for (const char* name : {"--model", "--out"}) command->get_option(name)->required();
  command->footer(
      "Example:\n"
      "  starnest-train elastify --model runs/sorted --out runs/family --size large \\\n"
      "      --size medium:hidden_size=48,moe_intermediate_size=48 --size "
      "small:hidden_size=32,moe_intermediate_size=48");
  command->callback([settings] { elastify(*settings, stop_when_interrupted); });
}

void add_cells(CLI::App& app) {
  CLI::App* command = app.add_subcommand("cells", "Costs every combination of widths and measures it without training");
  const auto settings = std::make_shared<CellSettings>();
  add_fields(*command, *settings, {.former = kFormer});
  for (const char* name : {"--model", "--out", "--choice"}) command->get_option(name)->required();
  command->footer(
      "Example:\n"
      "  starnest-train cells --model runs/sorted --out cells.jsonl --choice hidden_size=64,48,32 \\\n"
      "      --choice moe_intermediate_size=64,48,32 --least 0.475 --most 0.5");
  command->callback([settings] {
    demand_one_process("cells");
    measure_cells(*settings, stop_when_interrupted);
  });
}

void add_study(CLI::App& app) {
  CLI::App* command = app.add_subcommand("study", "Repeats an experiment on the method with several seeds");
  const auto settings = std::make_shared<StudySettings>();
  command->add_option("name", settings->name, join(study_names(), ", "))->required();
  add_fields(*command, *settings, {.former = kFormer});
  command->get_option("--out")->required();
  command->footer("Example:\n  starnest-train study twins --out runs/studies");
  command->callback([settings] {
    demand_one_process("study");
    run_study(*settings, [](uint64_t, uint64_t) {
      Interrupt::check("the study", "What is done stays: the same command goes on");
    });
  });
}

void add_gaps(CLI::App& app) {
  CLI::App* command = app.add_subcommand("gaps", "Tells which tasks gain from a larger size that answers");
  const auto settings = std::make_shared<GapSettings>();
  add_fields(*command, *settings, {.former = kFormer});
  command->get_option("--model")->required();
  command->footer("Example:\n  starnest-train gaps --model models/pocket --tasks r");
  command->callback([settings] {
    demand_one_process("gaps");
    print_gaps(*settings);
  });
}

void add_plot(CLI::App& app) {
  CLI::App* command = app.add_subcommand("plot", "Draws the log of a run as one HTML page");
  const auto settings = std::make_shared<PlotSettings>();
  command->add_option("log", settings->log, "log.jsonl of a run, or the folder of the run")->required();
  command->add_option("-o,--out", settings->out, "HTML file to write")->required();
  command->footer("Example:\n  starnest-train plot runs/family -o family.html");
  command->callback([settings] { plot(*settings); });
}

int run(int argc, char** argv) {
  CLI::App app{"Trains elastic language models: a parent, its ranking, and all nested sizes at once.",
               "starnest-train"};
  app.set_version_flag("--version", "starnest-train " STARNEST_VERSION);
  app.require_subcommand(1);
  // One file holds a whole recipe: a section per job, its keys the names of the flags. Flags win over the file.
  app.set_config("--config", "",
                 "TOML file with settings: NAME = VALUE under [pretrain], [rank], [elastify], ...; may follow COMMAND");
  app.fallthrough();  // --config may follow the name of the job
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.footer("'starnest-train COMMAND --help' says more about a command.");
  add_pretrain(app);
  add_rank(app);
  add_elastify(app);
  add_cells(app);
  add_study(app);
  add_gaps(app);
  add_plot(app);
  const Interrupt interrupt;
  return run_program(app, argc, argv);
}

}  // namespace
}  // namespace starnest::train

int main(int argc, char** argv) { return starnest::train::run(argc, argv); }

// `starnest`: opens, cuts, runs and measures elastic models, one subcommand each.
#include <string>

#include "cli/commands.h"
#include "program/program.h"
#include "starnest/family.h"

namespace starnest::cli {
namespace {

int run(int argc, char** argv) {
  CLI::App app{"One checkpoint, every size: opens, cuts and runs elastic language models.", "starnest"};
  app.set_version_flag("--version", [] { return "starnest " STARNEST_VERSION ", kernels " + Family::kernel_path(); });
  // Whatever the command: an instruction set that this machine lacks, asked for by STARNEST_ISA, is an Error.
  app.preparse_callback([](size_t) { Family::kernel_path(); });
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  starnest run -m models/pocket -p 'r:a5b+3c*7d-2?' --think-size small --answer-size large\n"
      "  starnest inspect -m models/pocket\n"
      "  starnest slice -m models/pocket --size small -o /tmp/small\n"
      "'starnest COMMAND --help' says more about a command.");
  add_inspect(app);
  add_slice(app);
  add_quantize(app);
  add_export(app);
  add_report(app);
  add_run(app);
  add_eval(app);
  add_compare(app);
  add_bench(app);
  add_chat(app);
  add_logits(app);
  add_tokenize(app);
  return run_program(app, argc, argv);
}

}  // namespace
}  // namespace starnest::cli

int main(int argc, char** argv) { return starnest::cli::run(argc, argv); }

#include "train/parallel/launch.h"

#include <cstdlib>
#include <optional>

#include "base/range.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

struct Launcher {
  const char *rank, *size;
  const char* on_this_machine;  // its number of processes on this machine; null: not told
};
constexpr Launcher kLaunchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},
    // Not SLURM_NTASKS: a batch script has it too, outside srun, where nobody else would come.
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE"},
};

std::optional<std::string> text_of(const Environment& environment, const char* name) {
  const char* value = environment(name);
  if (!value || !*value) return std::nullopt;
  return value;
}

std::optional<int> number_of(const Environment& environment, const char* name) {
  const std::optional<std::string> text = text_of(environment, name);
  if (!text) return std::nullopt;
  const std::optional<int> number = whole_number<int>(*text);
  if (!number)
    throw Error({.where = std::string("the variable ") + name,
                 .what = "is not a number",
                 .got = in_quotes(*text),
                 .hint = "It is set by what launches several processes; unset it to train in one"});
  return number;
}

bool all_on_this_machine(const Environment& environment, const Launcher& launcher, int size) {
  // Slurm writes "4" for one machine and "4(x2),3" for several.
  return text_of(environment, launcher.on_this_machine) == std::to_string(size);
}

}  // namespace

Launch read_launch(const Environment& environment) {
  for (const Launcher& launcher : kLaunchers) {
    const std::optional<int> size = number_of(environment, launcher.size);
    if (!size) continue;
    require_range(std::string("the variable ") + launcher.size, *size, 1, 1 << 16);
    const std::optional<int> rank = number_of(environment, launcher.rank);
    if (!rank)
      throw Error({.where = std::string("the variable ") + launcher.rank,
                   .what = std::string("is missing though ") + launcher.size + " is set"});
    require_range(std::string("the variable ") + launcher.rank, *rank, 0, *size - 1);
    Launch launch{.rank = *rank, .size = *size};
    if (*size == 1) return launch;
    if (const auto host = text_of(environment, "MASTER_ADDR"))
      launch.host = *host;
    else if (!all_on_this_machine(environment, launcher, *size))
      throw Error({.where = "the variable MASTER_ADDR",
                   .what = "is missing",
                   .expected = "the name of the machine with rank 0"});
    if (const auto port = number_of(environment, "MASTER_PORT")) launch.port = *port;
    require_range("the variable MASTER_PORT", launch.port, 1, 65535);
    if (text_of(environment, "TORCHELASTIC_USE_AGENT_STORE") == "True") {
      launch.store_of_launcher = true;
      launch.prefix = "/worker/attempt_" + text_of(environment, "TORCHELASTIC_RESTART_COUNT").value_or("0");
    }
    return launch;
  }
  return {};
}

Launch read_launch() {
  return read_launch([](const char* name) { return std::getenv(name); });
}

}  // namespace starnest::train

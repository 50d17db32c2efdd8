// Which process of how many this is, as launchers tell it in the environment.
#pragma once

#include <functional>
#include <string>

namespace starnest::train {

struct Launch {
  int rank = 0, size = 1;  // 0 <= rank < size
  std::string host = "127.0.0.1";
  int port = 29500;  // where the processes find one another: a store on `host`
  // The store is run by the launcher (torchrun) rather than by rank 0, and this group's keys in it begin with `prefix`.
  bool store_of_launcher = false;
  std::string prefix = {};
};

// Value of an environment variable, or null.
using Environment = std::function<const char*(const char* name)>;

// Reads, in this order: RANK and WORLD_SIZE (torchrun, or set by hand), OMPI_COMM_WORLD_RANK and _SIZE (Open MPI),
// PMI_RANK and PMI_SIZE (MPICH, Intel MPI), SLURM_PROCID and SLURM_STEP_NUM_TASKS (srun). None of them: one process.
// MASTER_ADDR and MASTER_PORT say where to meet; without MASTER_ADDR, this machine, when the launcher says that all
// processes are on it. Throws Error naming the variable that is missing or wrong.
Launch read_launch(const Environment& environment);
Launch read_launch();  // of this process

}  // namespace starnest::train

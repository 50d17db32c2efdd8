#include "train/parallel/launch.h"

#include <map>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

Launch launch_with(const std::map<std::string, std::string>& variables) {
  return read_launch([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Launch, IsOneProcessWithoutALauncher) {
  EXPECT_EQ(launch_with({}).size, 1);
  EXPECT_EQ(launch_with({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).size, 1);  // a batch script outside srun
  EXPECT_EQ(launch_with({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size, 1);
}

TEST(Launch, KnowsTheVariablesOfEachLauncher) {
  const Launch by_hand =
      launch_with({{"RANK", "3"}, {"WORLD_SIZE", "8"}, {"MASTER_ADDR", "node1"}, {"MASTER_PORT", "1234"}});
  EXPECT_EQ(by_hand.rank, 3);
  EXPECT_EQ(by_hand.size, 8);
  EXPECT_EQ(by_hand.host, "node1");
  EXPECT_EQ(by_hand.port, 1234);
  EXPECT_FALSE(by_hand.store_of_launcher);

  const Launch torchrun = launch_with({{"RANK", "1"},
                                       {"WORLD_SIZE", "2"},
                                       {"MASTER_ADDR", "localhost"},
                                       {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                       {"TORCHELASTIC_RESTART_COUNT", "2"}});
  EXPECT_TRUE(torchrun.store_of_launcher);
  EXPECT_EQ(torchrun.prefix, "/worker/attempt_2");

  const Launch open_mpi =
      launch_with({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_EQ(open_mpi.rank, 1);
  EXPECT_EQ(open_mpi.host, "127.0.0.1");
  EXPECT_EQ(launch_with({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}}).rank, 1);
  EXPECT_EQ(launch_with({{"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"MASTER_ADDR", "a"}}).host, "a");
}

std::string error_with(const std::map<std::string, std::string>& variables) {
  return error_of([&] { launch_with(variables); });
}

TEST(Launch, NamesTheVariableThatIsMissingOrWrong) {
  EXPECT_EQ(error_with({{"WORLD_SIZE", "2"}}), "the variable RANK: is missing though WORLD_SIZE is set.");
  EXPECT_EQ(error_with({{"RANK", "2"}, {"WORLD_SIZE", "2"}}),
            "the variable RANK: is out of range; expected 0 to 1, got 2.");
  EXPECT_EQ(error_with({{"RANK", "x"}, {"WORLD_SIZE", "2"}}),
            "the variable RANK: is not a number; got 'x'. It is set by what launches several processes; unset it to "
            "train in one.");
  EXPECT_EQ(error_with({{"RANK", "0"}, {"WORLD_SIZE", "2"}}),
            "the variable MASTER_ADDR: is missing; expected the name of the machine with rank 0.");
  EXPECT_EQ(error_with({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "99999"}}),
            "the variable MASTER_PORT: is out of range; expected 1 to 65535, got 99999.");
}

}  // namespace
}  // namespace starnest::train

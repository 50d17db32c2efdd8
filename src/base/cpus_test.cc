#include "base/cpus.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

TEST(UsableCpus, TheTightestGroupOfVersion2Counts) {
  const TestFolder root;
  const int all = usable_cpus(root.path());  // without a limit: those of the machine
  EXPECT_GE(all, 1);
  put_file(root / "proc/self/cgroup", "0::/user/job\n");
  put_file(root / "sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
  EXPECT_EQ(usable_cpus(root.path()), all);
  put_file(root / "sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(usable_cpus(root.path()), 1);
  put_file(root / "sys/fs/cgroup/cpu.max", "50000000 100000\n");
  EXPECT_EQ(usable_cpus(root.path()), all);
  put_file(root / "sys/fs/cgroup/user/cpu.max", "90000 100000\n");
  EXPECT_EQ(usable_cpus(root.path()), 1);
}

TEST(UsableCpus, Version1Counts) {
  const TestFolder root;
  const int all = usable_cpus(root.path());
  put_file(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  put_file(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(usable_cpus(root.path()), all);
  put_file(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "20000\n");
  EXPECT_EQ(usable_cpus(root.path()), 1);
}

}  // namespace
}  // namespace starnest

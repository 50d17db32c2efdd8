#include "base/memory.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

TEST(AvailableMemory, IsWhatTheSystemSaysWithoutALimit) {
  const TestFolder root;
  put_file(root / "proc/meminfo", "MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:   8000 kB\nBuffers: 1 kB\n");
  EXPECT_EQ(available_memory(root.path()), 8000u * 1024);
}

TEST(AvailableMemory, TheTightestGroupOfVersion2Counts) {
  const TestFolder root;
  put_file(root / "proc/meminfo", "MemAvailable: 8000 kB\n");
  put_file(root / "proc/self/cgroup", "0::/user/job\n");
  put_file(root / "sys/fs/cgroup/user/job/memory.max", "max\n");
  put_file(root / "sys/fs/cgroup/user/job/memory.current", "100\n");
  EXPECT_EQ(available_memory(root.path()), 8000u * 1024);
  put_file(root / "sys/fs/cgroup/user/memory.max", "5000\n");
  put_file(root / "sys/fs/cgroup/user/memory.current", "3000\n");
  EXPECT_EQ(available_memory(root.path()), 2000u);
  put_file(root / "sys/fs/cgroup/user/memory.stat", "anon 7\ninactive_file 600\nactive_file 1\n");
  EXPECT_EQ(available_memory(root.path()), 2600u);
  put_file(root / "sys/fs/cgroup/memory.max", "1000\n");  // a container sees its own group as the root
  put_file(root / "sys/fs/cgroup/memory.current", "1500\n");
  EXPECT_EQ(available_memory(root.path()), 0u);
}

TEST(AvailableMemory, Version1Counts) {
  const TestFolder root;
  put_file(root / "proc/meminfo", "MemAvailable: 8000 kB\n");
  put_file(root / "proc/self/cgroup", "5:memory:/job\n0::/\n");
  put_file(root / "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4096\n");
  put_file(root / "sys/fs/cgroup/memory/job/memory.usage_in_bytes", "96\n");
  EXPECT_EQ(available_memory(root.path()), 4000u);
}

TEST(AvailableMemory, ThisMachineHasSome) { EXPECT_GT(available_memory(), 1u << 20); }

}  // namespace
}  // namespace starnest

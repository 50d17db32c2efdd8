#include "kernels/exec.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/cpus.h"
#include "kernels/cpu/test_util.h"

namespace starnest {
namespace {

TEST(ThreadPool, CoversEveryIndexOnceForEveryCountGrainAndNumberOfThreads) {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (size_t count = 0; count < 20; ++count)
      for (const size_t grain : {0, 1, 2, 7, 100}) {
        std::vector<std::atomic<int>> visits(count);
        pool.parallel_for(count, grain, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) ++visits[i];
        });
        for (size_t i = 0; i < count; ++i) EXPECT_EQ(visits[i], 1) << "index " << i << " of " << count;
      }
  }
}

TEST(ThreadPool, UsesAllThreadsWhenThereIsWorkAndOnlyTheCallerWhenThereIsNot) {
  ThreadPool pool(3);
  // Every part waits for the others, so that none ends before each has a thread of its own.
  const auto used = [&](size_t count, size_t grain, size_t parts) {
    std::vector<std::thread::id> ids(count);
    std::atomic<size_t> begun = 0;
    pool.parallel_for(count, grain, [&](size_t begin, size_t end) {
      for (++begun; begun < parts;) std::this_thread::yield();
      for (size_t i = begin; i < end; ++i) ids[i] = std::this_thread::get_id();
    });
    EXPECT_EQ(begun, parts);
    return std::set<std::thread::id>(ids.begin(), ids.end());
  };
  EXPECT_EQ(used(30, 10, 3).size(), 3u);
  EXPECT_EQ(used(29, 10, 2).size(), 2u);
  EXPECT_EQ(used(19, 10, 1), std::set<std::thread::id>{std::this_thread::get_id()});
}

// As a worker without a processor does: the first one to come takes a part and keeps it, and the caller does the rest.
TEST(ThreadPool, TheCallerTakesThePartsOfWorkersThatDoNotCome) {
  ThreadPool pool(3);
  for (int job = 0; job < 200; ++job) {
    std::vector<int> visits(3);  // each part writes its own
    pool.parallel_for(3, 1, [&](size_t begin, size_t end) {
      if (begin > 0 && job % 10 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
      for (size_t i = begin; i < end; ++i) ++visits[i];
    });
    ASSERT_EQ(visits, std::vector<int>({1, 1, 1})) << job;
  }
}

TEST(ThreadPool, RunsManySmallJobsInARowAndAgainAfterItsWorkersFellAsleep) {
  ThreadPool pool(3);
  std::vector<uint32_t> sums(3);
  for (int round = 0; round < 3; ++round) {
    for (int job = 0; job < 2000; ++job)
      pool.parallel_for(3, 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) ++sums[i];
      });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(sums, std::vector<uint32_t>({6000, 6000, 6000}));
}

TEST(ThreadPool, ByDefaultEveryProcessorThatMayBeUsedHasAThread) { EXPECT_EQ(ThreadPool().threads(), usable_cpus()); }

TEST(Arena, GivesAlignedRowsThatDoNotOverlap) {
  Arena arena;
  std::vector<MatView<float>> taken;
  for (const size_t cols : {1, 15, 16, 17, 300}) taken.push_back(arena.matrix(7, cols));
  for (size_t i = 0; i < taken.size(); ++i)
    for (size_t r = 0; r < taken[i].rows; ++r) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(taken[i].row(r)) % 64, 0u);
      std::fill_n(taken[i].row(r), taken[i].cols, float(100 * i + r));
    }
  for (size_t i = 0; i < taken.size(); ++i)
    for (size_t r = 0; r < taken[i].rows; ++r) EXPECT_EQ(taken[i](r, taken[i].cols - 1), float(100 * i + r));
}

TEST(Arena, KeepsEarlierPointersValidWhileItGrows) {
  Arena arena;
  const VecView<float> first = arena.vector(10);
  first[9] = 5;
  for (int i = 0; i < 5; ++i) std::memset(arena.array<std::byte>(3 << 20).data(), 0, 3 << 20);
  EXPECT_EQ(first[9], 5);
}

TEST(Arena, ReusesRewoundMemoryAndDoesNotGrowTheSecondTime) {
  Arena arena;
  const auto step = [&] {
    const ScratchScope scope(arena);
    float* first = arena.vector(1000).data;
    arena.vector(2 << 20);
    {
      const ScratchScope inner(arena);
      arena.matrix(100, 1000);
    }
    arena.matrix(100, 1000);
    return first;
  };
  float* const first = step();
  const size_t capacity = arena.capacity();
  EXPECT_EQ(step(), first);
  EXPECT_EQ(arena.capacity(), capacity);
}

TEST(Arena, GivesNothingForNothingAndRefusesSizesThatOverflow) {
  Arena arena;
  EXPECT_EQ(arena.vector(0).size, 0u);
  EXPECT_THROW(arena.matrix(SIZE_MAX / 2, 1000), std::bad_alloc);
  EXPECT_THROW(arena.array<double>(SIZE_MAX / 4), std::bad_alloc);
}

TEST(KernelPath, NamesEachInstructionSetOfThisMachine) {
  std::set<std::string> names;
  test::for_each_instruction_set([&] { names.insert(std::string(kernel_path())); });
  EXPECT_TRUE(names.contains(std::string(kernel_path())));
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace starnest

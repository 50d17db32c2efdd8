// What every op needs besides its operands: threads and scratch memory. Owned by the engine, one per step at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/view.h"

namespace starnest {

// A fixed set of threads that work on static ranges. Idle workers watch for work for less than a
// millisecond, then sleep; the caller waits awake.
// Used by one thread at a time (the one that calls parallel_for); not re-entrant.
class ThreadPool {
 public:
  explicit ThreadPool(int threads = 0);  // counts the calling thread; 0 takes usable_cpus() (base/cpus.h)
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls body(begin, end) on disjoint ranges that cover [0, count), one per thread, each of at least `grain` (the
  // smallest range worth a thread) unless there is one only; a range's limits depend on count, grain and threads().
  // The calling thread takes part; returns when all are done. body must not throw and must not use the pool.
  template <class Body>
  void parallel_for(size_t count, size_t grain, const Body& body) {
    run(
        count, grain, [](const void* work, size_t begin, size_t end) { (*static_cast<const Body*>(work))(begin, end); },
        &body);
  }

 private:
  using Call = void (*)(const void* body, size_t begin, size_t end);
  struct State;

  void run(size_t count, size_t grain, Call call, const void* body);

  std::unique_ptr<State> state_;
};

// Scratch memory for one step, uninitialised and 64-byte aligned. Memory comes in chunks that are kept, so pointers
// stay valid until rewound and a warm arena does not allocate. Stack discipline: rewinding to a mark frees all that was
// taken after it. Not thread-safe: ops take their scratch before they start threads. Throws std::bad_alloc.
class Arena {
 public:
  struct Mark {
    size_t chunk = 0;
    size_t used = 0;
  };

  MatView<float> matrix(size_t rows, size_t cols);  // the stride is cols rounded up to 16: every row is 64-byte aligned
  VecView<float> vector(size_t n) { return {static_cast<float*>(take(n, sizeof(float))), n}; }

  // Elements are not constructed, hence trivial types only.
  template <class T>
  std::span<T> array(size_t n) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> && alignof(T) <= kAlignment);
    return {static_cast<T*>(take(n, sizeof(T))), n};
  }

  Mark mark() const { return position_; }
  void rewind(Mark mark) { position_ = mark; }
  size_t capacity() const;  // bytes in all chunks

 private:
  static constexpr size_t kAlignment = 64;
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  struct Chunk {
    std::unique_ptr<std::byte, Free> bytes;
    size_t size = 0;
  };

  void* take(size_t count, size_t element_size);

  std::vector<Chunk> chunks_;
  Mark position_;
};

// Gives back, at the end of a scope, all scratch taken inside it.
class ScratchScope {
 public:
  explicit ScratchScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~ScratchScope() { arena_.rewind(mark_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

struct Exec {
  ThreadPool& pool;
  Arena& arena;
};

// The instruction set in use: "avx512", "avx2", "neon", "scalar" ... An output's bits depend on it, on its token and on
// the weights, and on nothing else: never on the number of tokens in a call, on threads, strides or alignment.
std::string_view kernel_path();

}  // namespace starnest

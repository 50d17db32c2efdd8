// The threads that work on an op.
#pragma once

#include <cstddef>
#include <memory>

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

}  // namespace starnest

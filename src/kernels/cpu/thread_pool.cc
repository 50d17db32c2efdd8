#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <thread>

#include "base/cpus.h"
#include "kernels/exec.h"

namespace starnest {
namespace {

using Clock = std::chrono::steady_clock;

// A waiting thread spins for about 2 us, then offers its processor to others (to the thread it waits for, should both
// be on one), then sleeps. The watch outlasts the serial parts of a step.
constexpr int kSpins = 40;
constexpr std::chrono::microseconds kWatch{300};

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True as soon as done() is, false if it is not within `limit`.
template <class Done>
bool watch(const Done& done, Clock::duration limit) {
  for (int i = 0; i < kSpins; ++i) {
    if (done()) return true;
    pause();
  }
  for (const Clock::time_point start = Clock::now(); !done(); std::this_thread::yield())
    if (Clock::now() - start > limit) return false;
  return true;
}

}  // namespace

// Each worker has its own ticket, so a small job wakes only the workers that it needs. A part belongs to whoever claims
// it: its worker, or the caller, who has finished its own part while the worker was still waiting for a processor. So
// one busy neighbour costs a thread's share of the speed, not a scheduler's time slice per job. The job is read only
// between the claim and the count in `pending`, and every job's parts are claimed before the next one begins.
struct ThreadPool::State {
  struct Worker {
    alignas(64) std::atomic<uint32_t> ticket = 0;  // +1 per job; wraps
    std::atomic<uint32_t> claimed = 0;             // the last ticket whose part was taken
    size_t begin = 0, end = 0;
    std::thread thread;

    bool claim(uint32_t job) {
      uint32_t before = job - 1;
      return claimed.load(std::memory_order_relaxed) == before &&
             claimed.compare_exchange_strong(before, job, std::memory_order_acq_rel);
    }
  };

  std::deque<Worker> workers;  // a deque, since a worker cannot move
  Call call = nullptr;         // nullptr: stop
  const void* body = nullptr;
  alignas(64) std::atomic<uint32_t> pending = 0;

  void work(Worker& worker) {
    for (uint32_t seen = 0;;) {
      const auto called = [&] { return worker.ticket.load(std::memory_order_acquire) != seen; };
      if (!watch(called, kWatch)) worker.ticket.wait(seen, std::memory_order_acquire);
      seen = worker.ticket.load(std::memory_order_acquire);
      if (!worker.claim(seen)) continue;
      if (call == nullptr) return;
      run_part(worker);
    }
  }

  void run_part(const Worker& worker) {
    call(body, worker.begin, worker.end);
    pending.fetch_sub(1, std::memory_order_release);
  }

  void start(Worker& worker) {
    worker.ticket.fetch_add(1, std::memory_order_release);
    worker.ticket.notify_one();
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  const int wanted = threads > 0 ? threads : usable_cpus();
  for (int i = 1; i < wanted; ++i) {
    State::Worker& worker = state_->workers.emplace_back();
    worker.thread = std::thread([state = state_.get(), &worker] { state->work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  state_->call = nullptr;
  for (State::Worker& worker : state_->workers) state_->start(worker);
  for (State::Worker& worker : state_->workers) worker.thread.join();
}

int ThreadPool::threads() const { return int(state_->workers.size()) + 1; }

void ThreadPool::run(size_t count, size_t grain, Call call, const void* body) {
  if (count == 0) return;
  State& state = *state_;
  const size_t parts = std::clamp<size_t>(count / std::max<size_t>(grain, 1), 1, state.workers.size() + 1);
  if (parts == 1) return call(body, 0, count);
  const auto limit = [&](size_t part) { return count / parts * part + count % parts * part / parts; };
  state.call = call;
  state.body = body;
  state.pending.store(uint32_t(parts - 1), std::memory_order_relaxed);
  for (size_t part = 1; part < parts; ++part) {
    State::Worker& worker = state.workers[part - 1];
    worker.begin = limit(part);
    worker.end = limit(part + 1);
    state.start(worker);
  }
  call(body, 0, limit(1));
  for (size_t part = 1; part < parts; ++part) {
    State::Worker& worker = state.workers[part - 1];
    if (worker.claim(worker.ticket.load(std::memory_order_relaxed))) state.run_part(worker);
  }
  // The caller never sleeps: the other parts are as large as its own, so they end soon.
  const auto done = [&] { return state.pending.load(std::memory_order_acquire) == 0; };
  while (!watch(done, kWatch)) {
  }
}

}  // namespace starnest

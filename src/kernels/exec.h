// What every op needs besides its operands. Owned by the engine, one step at a time.
#pragma once

#include "kernels/arena.h"
#include "kernels/device.h"
#include "kernels/threads.h"

namespace starnest {

struct Exec {
  Device& device;
  ThreadPool& pool;
  Arena& arena;
};

}  // namespace starnest

// How long work reports to its caller: the library never prints.
#pragma once

#include <cstdint>
#include <functional>

namespace starnest {

// Called now and then from the thread that does the work with (units done, units in all). May throw to cancel.
using Progress = std::function<void(uint64_t done, uint64_t total)>;

}  // namespace starnest

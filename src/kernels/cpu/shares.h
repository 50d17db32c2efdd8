// Work of several kinds (the runs of a batch, experts), shared out among threads by what it costs.
#pragma once

#include <algorithm>
#include <span>

#include "kernels/cpu/grain.h"
#include "kernels/exec.h"

namespace starnest::cpu {

struct Share {
  size_t items = 0;  // of one kind
  size_t cost = 1;   // of an item, multiply-adds
};

// Calls body(kind, first, last) on disjoint ranges that cover the items of every kind, in one region of threads. Which
// item falls to which thread depends on the shares and the number of threads.
template <class Body>
void parallel_shares(const Exec& exec, std::span<const Share> shares, const Body& body) {
  size_t total = 0;
  for (const Share& share : shares) total += share.items * std::max<size_t>(share.cost, 1);
  exec.pool.parallel_for(total, kThreadWork, [&](size_t begin, size_t end) {
    size_t start = 0;  // what all kinds before cost
    for (size_t kind = 0; kind < shares.size() && start < end; ++kind) {
      const size_t items = shares[kind].items, cost = std::max<size_t>(shares[kind].cost, 1);
      const auto item_at = [&](size_t place) {  // the first that begins at or after it
        return place <= start ? size_t{0} : std::min(items, (place - start + cost - 1) / cost);
      };
      const size_t first = item_at(begin), last = item_at(end);
      if (first < last) body(kind, first, last);
      start += items * cost;
    }
  });
}

}  // namespace starnest::cpu

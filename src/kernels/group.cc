#include "kernels/group.h"

#include "kernels/ops.h"

namespace starnest {

ExpertGroups group_by_expert(const Exec& exec, MatView<const int32_t> ids, size_t experts) {
  const size_t pairs = ids.rows * ids.cols;
  const ExpertGroupArrays groups{exec.arena.array<size_t>(experts + 1),
                                 exec.arena.array<int32_t>(pairs),
                                 {exec.arena.array<int32_t>(pairs).data(), ids.rows, ids.cols, ids.cols}};
  exec.device.ops().group_by_expert(exec, ids, groups);
  return {groups.begin, groups.rows, groups.slots};
}

}  // namespace starnest

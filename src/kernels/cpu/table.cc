#include "kernels/cpu/table.h"

namespace starnest::cpu {

Ops table_of(Isa isa) {
  Ops ops{};
  put_embed(ops);
  put_rms_norm(ops, isa);
  put_elementwise(ops, isa);
  put_matmul(ops, isa);
  put_attention(ops, isa);
  put_conv(ops, isa);
  put_ssm_scan(ops, isa);
  put_gated_norm(ops, isa);
  put_route(ops);
  put_group(ops);
  put_expert_matmul(ops, isa);
  put_gather(ops);
  put_read_memory(ops, isa);
  return ops;
}

}  // namespace starnest::cpu

#include "kernels/cpu/table.h"

#include <array>

namespace starnest {
namespace cpu {
namespace {

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

}  // namespace

const Ops& ops_of(Isa isa) {
  static const std::array<Ops, kIsas.size()> kTables = [] {
    std::array<Ops, kIsas.size()> tables;
    for (const Isa of : kIsas) tables[size_t(of)] = table_of(of);
    return tables;
  }();
  return kTables[size_t(isa)];
}

}  // namespace cpu

const Ops& ops_of(const Exec&) { return cpu::ops_of(isa()); }

}  // namespace starnest

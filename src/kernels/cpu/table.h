// The table of ops of an instruction set: every file puts its own into it.
#pragma once

#include "kernels/cpu/isa.h"
#include "kernels/ops.h"

namespace starnest::cpu {

void put_embed(Ops& ops);
void put_rms_norm(Ops& ops, Isa isa);
void put_elementwise(Ops& ops, Isa isa);
void put_matmul(Ops& ops, Isa isa);
void put_attention(Ops& ops, Isa isa);
void put_conv(Ops& ops, Isa isa);
void put_ssm_scan(Ops& ops, Isa isa);
void put_gated_norm(Ops& ops, Isa isa);
void put_route(Ops& ops);
void put_group(Ops& ops);
void put_expert_matmul(Ops& ops, Isa isa);
void put_gather(Ops& ops);
void put_read_memory(Ops& ops, Isa isa);

Ops table_of(Isa isa);

}  // namespace starnest::cpu

// The instance for `isa` of a function template over instruction sets. A template's name takes no parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define STARNEST_FOR_ISA(op, isa)             \
  ((isa) == Isa::portable ? op<Isa::portable> \
   : (isa) == Isa::avx2   ? op<Isa::avx2>     \
   : (isa) == Isa::avx512 ? op<Isa::avx512>   \
                          : op<Isa::avx512bf16>)
// NOLINTEND(bugprone-macro-parentheses)

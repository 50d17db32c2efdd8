// What a back end can do: one function for every op, called after the op's file has checked the shapes. The contracts
// stand in the ops' headers.
#pragma once

#include "kernels/attention.h"
#include "kernels/conv.h"
#include "kernels/elementwise.h"
#include "kernels/embed.h"
#include "kernels/expert_matmul.h"
#include "kernels/gated_norm.h"
#include "kernels/gather.h"
#include "kernels/group.h"
#include "kernels/matmul.h"
#include "kernels/read_memory.h"
#include "kernels/rms_norm.h"
#include "kernels/route.h"
#include "kernels/ssm_scan.h"

namespace starnest {

struct Ops {
  decltype(&starnest::embed) embed;
  decltype(&starnest::rms_norm) rms_norm;
  decltype(&starnest::add) add;
  decltype(&starnest::add_bias) add_bias;
  decltype(&starnest::activate) activate;
  decltype(&starnest::softplus_add) softplus_add;
  decltype(&starnest::matmul) matmul;
  decltype(&starnest::kv_write) kv_write;
  decltype(&starnest::attention) attention;
  decltype(&starnest::causal_conv_silu) causal_conv_silu;
  decltype(&starnest::ssm_scan) ssm_scan;
  decltype(&starnest::gated_norm) gated_norm;
  decltype(&starnest::route) route;
  void (*group_by_expert)(const Exec& exec, MatView<const int32_t> ids, const ExpertGroupArrays& groups);
  decltype(&starnest::expert_matmul) expert_matmul;
  decltype(&starnest::gather_add) gather_add;
  decltype(&starnest::take_rows) take_rows;
  decltype(&starnest::read_memory) read_memory;
};

}  // namespace starnest

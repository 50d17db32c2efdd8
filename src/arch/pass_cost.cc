#include "arch/pass_cost.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace starnest {
namespace {

// The share of the experts of a block that one token chooses.
double routed_share(const NestedTensor& tensor, const Widths& widths) {
  return double(tensor.chosen) / widths.at(tensor.block)[Axis::experts];
}

bool is_product(Role role) { return is_linear(role) || role == Role::gate; }

struct TensorPass {
  const TensorSpec& tensor;
  Encoding encoding;
  bool head;  // of the model: needed for wanted logits only

  uint64_t users(const PassPart& part) const { return head ? part.logits : part.tokens; }

  // `parts` from the largest size down: what a smaller one needs is inside what a larger one has read.
  PassCost cost(std::span<const PassPart> parts) const {
    PassCost sum;
    double unread = 1;  // the chance that no token so far has needed the tensor
    for (const PassPart& part : parts) {
      if (!tensor.present(*part.widths) || users(part) == 0) continue;
      const uint64_t elements = tensor.elements(*part.widths);
      const double bytes = double(stored_bytes(encoding, elements));
      const double share = tensor.use == Use::routed ? routed_share(tensor, *part.widths) : 1;
      if (head || is_product(tensor.role)) sum.flops += 2 * double(elements) * share * double(users(part));
      if (tensor.use == Use::one_row) {
        sum.bytes += double(part.tokens) * bytes / double(tensor.shape(*part.widths).front());
      } else {
        const double skipped = std::pow(1 - share, double(users(part)));
        sum.bytes += unread * (1 - skipped) * bytes;
        unread *= skipped;
      }
    }
    return sum;
  }
};

}  // namespace

PassCost pass_cost_of(const ModelSpec& spec, StoredFormat format, std::span<const PassPart> parts) {
  std::vector<PassPart> largest_first(parts.begin(), parts.end());
  std::stable_sort(largest_first.begin(), largest_first.end(), [](const PassPart& a, const PassPart& b) {
    return contains(*a.widths, *b.widths) && !contains(*b.widths, *a.widths);
  });
  PassCost sum;
  for (const TensorSpec& tensor : tensors_of(spec, Naming{})) {
    const bool head = tensor.role == Role::head || (spec.tied_head && tensor.role == Role::embedding);
    const PassCost cost = TensorPass{tensor, encoding_of(spec, tensor, format), head}.cost(largest_first);
    sum.bytes += cost.bytes;
    sum.flops += cost.flops;
  }
  return sum;
}

}  // namespace starnest

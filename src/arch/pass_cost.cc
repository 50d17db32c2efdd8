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

bool is_head(const ModelSpec& spec, const TensorSpec& tensor) {
  return tensor.role == Role::head || (spec.tied_head && tensor.role == Role::embedding);
}

}  // namespace

bool PassCosts::Group::is_like(const Group& other) const {
  const auto same_share = [](const AtSize& a, const AtSize& b) { return a.share == b.share; };
  return head == other.head && one_row == other.one_row &&
         std::ranges::equal(sizes.ascending(), other.sizes.ascending(), same_share);
}

// `parts` from the largest size down: what a smaller one needs is inside what a larger one has read.
PassCost PassCosts::Group::cost(std::span<const Part> parts) const {
  PassCost sum;
  double unread = 1;  // the chance that no token so far has needed a tensor of the group
  for (const Part& part : parts) {
    const AtSize& at = sizes.at(part.size);
    const uint64_t users = head ? part.logits : part.tokens;
    if (at.share == 0 || users == 0) continue;
    sum.flops += at.flops * at.share * double(users);
    if (one_row) {
      sum.bytes += double(part.tokens) * at.bytes;
    } else {
      const double skipped = std::pow(1 - at.share, double(users));
      sum.bytes += unread * (1 - skipped) * at.bytes;
      unread *= skipped;
    }
  }
  return sum;
}

PassCosts::PassCosts(const ModelSpec& spec, const EncodingOf& encoding_of, std::span<const Widths* const> ascending) {
  for (const TensorSpec& tensor : unnamed_tensors(spec, Experts::apart)) {
    const Encoding encoding = encoding_of(tensor);
    Group group{.head = is_head(spec, tensor), .one_row = tensor.use == Use::one_row, .sizes = {}};
    for (const Widths* widths : ascending) {
      Group::AtSize at;
      if (tensor.present(*widths)) {
        const uint64_t elements = tensor.elements(*widths);
        at.share = tensor.use == Use::routed ? routed_share(tensor, *widths) : 1;
        at.bytes = double(stored_bytes(encoding, elements));
        if (group.one_row) at.bytes /= double(tensor.shape(*widths).front());
        if (group.head || is_product(tensor.role)) at.flops = 2 * double(elements);
      }
      group.sizes.add(at);
    }
    const auto like = std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.is_like(group); });
    if (like == groups_.end()) {
      groups_.push_back(std::move(group));
      continue;
    }
    for (size_t size = 1; size <= ascending.size(); ++size) {
      like->sizes.at(size).bytes += group.sizes.at(size).bytes;
      like->sizes.at(size).flops += group.sizes.at(size).flops;
    }
  }
}

PassCost PassCosts::of(std::vector<Part> parts) const {
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.size > b.size; });
  PassCost sum;
  for (const Group& group : groups_) {
    const PassCost cost = group.cost(parts);
    sum.bytes += cost.bytes;
    sum.flops += cost.flops;
  }
  return sum;
}

PassCost pass_cost_of(const ModelSpec& spec, const EncodingOf& encoding_of, std::span<const PassPart> parts) {
  std::vector<PassPart> smallest_first(parts.begin(), parts.end());
  std::stable_sort(smallest_first.begin(), smallest_first.end(), [](const PassPart& a, const PassPart& b) {
    return contains(*b.widths, *a.widths) && !contains(*a.widths, *b.widths);
  });
  std::vector<const Widths*> sizes;
  std::vector<PassCosts::Part> at;
  for (const PassPart& part : smallest_first) {
    sizes.push_back(part.widths);
    at.push_back({sizes.size(), part.tokens, part.logits});
  }
  return PassCosts(spec, encoding_of, sizes).of(std::move(at));
}

}  // namespace starnest

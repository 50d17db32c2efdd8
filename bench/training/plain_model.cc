#include "plain_model.h"

#include <cmath>

namespace starnest::train {
namespace {

Tensor plain_norm(const Tensor& x, const Tensor& gain, double eps) {
  return x * (x.pow(2).mean(-1, true) + eps).rsqrt() * gain;
}

Tensor squared_relu(const Tensor& x) { return torch::relu(x).pow(2); }

// exp of the sums of a [..., T] over (j, i], lower triangle: [..., T, T].
Tensor decays(const Tensor& a) {
  const int64_t T = a.size(-1);
  const Tensor lower = torch::ones({T, T}, torch::kBool).tril();
  const Tensor sums = a.cumsum(-1);
  return (sums.unsqueeze(-1) - sums.unsqueeze(-2)).masked_fill(~lower, -INFINITY).exp();
}

struct PlainBlock {
  const Parameters& weights;
  int block;
  const Tensor& u;  // [R, T, D]

  const Tensor& w(Role role) const { return weights(role, block); }

  // One chunk: the whole row, every head with its own copy of B and C.
  Tensor operator()(const Mamba2Spec& s) const {
    const int64_t T = u.size(1), inner = int64_t(s.heads) * s.head_dim, bc = int64_t(s.groups) * s.state;
    const auto p = torch::matmul(u, w(Role::mamba_in).t()).split_with_sizes({inner, inner + 2 * bc, s.heads}, -1);
    const Tensor conv = torch::conv1d(p[1].transpose(1, 2), w(Role::conv_taps), w(Role::conv_bias), 1,
                                      w(Role::conv_taps).size(2) - 1, 1, inner + 2 * bc)
                            .narrow(2, 0, T)
                            .transpose(1, 2);
    const auto xBC = torch::silu(conv).split_with_sizes({inner, bc, bc}, -1);
    const auto per_head = [&](const Tensor& t) {
      return t.unflatten(-1, {s.groups, s.state}).repeat_interleave(s.heads / s.groups, 2).transpose(1, 2);
    };
    const Tensor x = xBC[0].unflatten(-1, {s.heads, s.head_dim}).transpose(1, 2);  // [R, M, T, P]
    const Tensor B = per_head(xBC[1]), C = per_head(xBC[2]);                       // [R, M, T, N]
    const Tensor dt = torch::softplus(p[2] + w(Role::dt_bias)).transpose(1, 2);    // [R, M, T]
    const Tensor A = -w(Role::decay_log).exp();
    const Tensor scores = torch::matmul(C, B.transpose(-1, -2)) * decays(dt * A.unsqueeze(-1));
    const Tensor y = torch::matmul(scores, x * dt.unsqueeze(-1)) + x * w(Role::skip).view({-1, 1, 1});
    const Tensor v = (y.transpose(1, 2).flatten(-2) * torch::silu(p[0])).unflatten(-1, {s.groups, -1});
    const Tensor normed = v * (v.pow(2).mean(-1, true) + double(weights.spec().norm_eps)).rsqrt();
    return torch::matmul(normed.flatten(-2) * w(Role::gated_norm), w(Role::mamba_out).t());
  }

  Tensor operator()(const AttentionSpec& s) const {
    const int64_t T = u.size(1);
    const auto heads = [&](Role role, int64_t count) {
      const Tensor t = torch::matmul(u, w(role).t()).unflatten(-1, {count, -1}).transpose(1, 2);
      return t.repeat_interleave(s.query_heads / count, 1);
    };
    const Tensor q = heads(Role::query, s.query_heads), k = heads(Role::key, s.kv_heads),
                 v = heads(Role::value, s.kv_heads);
    const Tensor future = torch::ones({T, T}, torch::kBool).triu(1);
    const Tensor scores = (torch::matmul(q, k.transpose(-1, -2)) * double(s.scale)).masked_fill(future, -INFINITY);
    return torch::matmul(torch::matmul(torch::softmax(scores, -1), v).transpose(1, 2).flatten(-2),
                         w(Role::attention_out).t());
  }

  Tensor operator()(const MlpSpec&) const {
    return torch::matmul(squared_relu(torch::matmul(u, w(Role::up).t())), w(Role::down).t());
  }

  Tensor operator()(const MoeSpec& s) const {
    const Tensor x = u.flatten(0, 1);
    const Tensor scores = torch::sigmoid(torch::matmul(x, w(Role::gate).t()));
    const Tensor chosen = std::get<1>((scores.detach() + w(Role::gate_bias)).topk(s.experts_per_token, -1));
    Tensor gates = scores.gather(1, chosen);
    if (s.normalize) gates = gates / (gates.sum(-1, true) + 1e-20);
    gates = gates * double(s.scale);
    Tensor y = torch::zeros_like(x);
    for (int64_t e = 0; e < s.experts; ++e) {
      const std::vector<Tensor> at = chosen.eq(e).nonzero_numpy();  // tokens, slots
      if (at[0].numel() == 0) continue;
      const Tensor h = squared_relu(torch::matmul(x.index_select(0, at[0]), w(Role::expert_up)[e].t()));
      const Tensor out = torch::matmul(h, w(Role::expert_down)[e].t());
      y = y.index_add(0, at[0], out * gates.index({at[0], at[1]}).unsqueeze(-1));
    }
    const Tensor shared =
        torch::matmul(squared_relu(torch::matmul(x, w(Role::shared_up).t())), w(Role::shared_down).t());
    return (y + shared).view_as(u);
  }
};

}  // namespace

Tensor plain_completion_logits(const Parameters& weights, const BatchTensors& batch) {
  const double eps = double(weights.spec().norm_eps);
  Tensor x = torch::embedding(weights(Role::embedding), batch.ids);
  for (int b = 0; b < int(weights.spec().blocks.size()); ++b) {
    const Tensor u = plain_norm(x, weights(Role::block_norm, b), eps);
    x = x + std::visit(PlainBlock{weights, b, u}, weights.spec().blocks[size_t(b)]);
  }
  const Tensor hidden = plain_norm(x, weights(Role::final_norm), eps).flatten(0, 1);
  return torch::matmul(hidden.index_select(0, batch.completion), weights(Role::head).t());
}

PlainAdamW::PlainAdamW(const Parameters& weights, double rate, double weight_decay)
    : parameters_(weights.trained()), rate_(rate), weight_decay_(weight_decay) {
  for (const Tensor& parameter : parameters_) {
    first_.push_back(torch::zeros_like(parameter, torch::requires_grad(false)));
    second_.push_back(torch::zeros_like(parameter, torch::requires_grad(false)));
  }
}

void PlainAdamW::step(std::span<const Tensor> gradients) {
  const torch::NoGradGuard no_gradients;
  const double beta1 = 0.9, beta2 = 0.98;
  ++steps_;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    first_[i].mul_(beta1).add_(gradients[i], 1 - beta1);
    second_[i].mul_(beta2).addcmul_(gradients[i], gradients[i], 1 - beta2);
    const Tensor root = (second_[i] / (1 - std::pow(beta2, steps_))).sqrt().add_(1e-8);
    parameters_[i].mul_(1 - rate_ * weight_decay_);
    parameters_[i].addcdiv_(first_[i], root, -rate_ / (1 - std::pow(beta1, steps_)));
  }
}

}  // namespace starnest::train

# SPDX-License-Identifier: Apache-2.0
"""Watches the router of a model, and picks token ids for which no choice of experts is close.

Two correct programs differ in the last bits. Where the k-th and the next expert nearly tie, that is
enough to pick another expert and move the logits by percents: such a golden would test luck.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from transformers import NemotronHForCausalLM
from transformers.models.nemotron_h.modeling_nemotron_h import NemotronHTopkRouter

import hf


class Watch:
    """Smallest distance of any choice, and the experts chosen, per block."""

    def __init__(self) -> None:
        self.gap = float("inf")
        self.chosen: list[torch.Tensor] = []

    def see(self, router: NemotronHTopkRouter, _: object, output: tuple[torch.Tensor, ...]) -> None:
        """Forward hook of a router."""
        logits, _, indices = output
        key = logits.float().sigmoid() + router.e_score_correction_bias
        self.chosen.append(indices.sort(-1).values)
        if router.num_group > 1:
            groups = key.view(len(key), router.num_group, -1).topk(2).values.sum(-1)
            order = groups.sort(-1, descending=True)
            gaps = order.values[:, router.topk_group - 1] - order.values[:, router.topk_group]
            self.gap = min(self.gap, gaps.min().item())
            dropped = torch.ones_like(groups, dtype=torch.bool)
            dropped.scatter_(1, order.indices[:, : router.topk_group], False)
            per_group = router.num_experts // router.num_group
            key = key.masked_fill(dropped.repeat_interleave(per_group, 1), -torch.inf)
        best = key.sort(-1, descending=True).values
        if router.top_k < router.num_experts:
            gaps = best[:, router.top_k - 1] - best[:, router.top_k]
            self.gap = min(self.gap, gaps.min().item())


@contextmanager
def watched(model: NemotronHForCausalLM) -> Iterator[Watch]:
    """Watches all routers of `model` inside a with block."""
    watch = Watch()
    routers = [m for m in model.modules() if isinstance(m, NemotronHTopkRouter)]
    hooks = [router.register_forward_hook(watch.see) for router in routers]
    try:
        yield watch
    finally:
        for hook in hooks:
            hook.remove()


def smallest_gap(model: NemotronHForCausalLM, ids: list[int]) -> float:
    """The closest choice of experts for any token in any block; infinite without routers."""
    with watched(model) as watch:
        hf.prefill(model, ids)
    return watch.gap


def uses_all_experts(model: NemotronHForCausalLM, ids: list[int]) -> bool:
    """Whether every expert of every block is chosen at least once."""
    with watched(model) as watch:
        hf.prefill(model, ids)
    return all(c.unique().numel() == model.config.n_routed_experts for c in watch.chosen)


def choose_ids(models: list[NemotronHForCausalLM], length: int, gap: float, seed: int) -> list[int]:
    """Random ids, each kept only if every size routes every token with at least `gap` to spare.

    The models are causal, so an id can be judged when it is added and stays good. The first
    model is the full one: all its experts must be used, or their tensors would go untested."""
    generator = np.random.default_rng(seed)
    ids: list[int] = []
    while len(ids) < length:
        for candidate in generator.permutation(models[0].config.vocab_size).tolist():
            if all(smallest_gap(model, [*ids, candidate]) >= gap for model in models):
                ids.append(candidate)
                break
        else:
            raise RuntimeError(f"no id at position {len(ids)} keeps a gap of {gap}")
        if len(ids) == length and not uses_all_experts(models[0], ids):
            ids.clear()
    return ids

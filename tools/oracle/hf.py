# SPDX-License-Identifier: Apache-2.0
"""What the other programs here need of transformers' own NemotronH."""

import re
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import DynamicCache, NemotronHForCausalLM

Tensors = dict[str, torch.Tensor]

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
# One thread: the order of sums, hence the last bits, must not depend on the machine's load.
torch.set_num_threads(1)


def load(folder: Path, dtype: torch.dtype) -> NemotronHForCausalLM:
    """Loads `folder`, insisting that transformers finds every tensor and leaves none over."""
    loaded: Any = NemotronHForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    model, info = loaded
    problems = {key: value for key, value in info.items() if value}
    if problems:
        raise RuntimeError(f"{folder}: transformers reports {problems}")
    return model.eval()


def prefill(model: NemotronHForCausalLM, ids: list[int]) -> torch.Tensor:
    """Logits [T, V] of one pass over all tokens."""
    return model(torch.tensor([ids]), use_cache=False).logits[0]


def decode(model: NemotronHForCausalLM, ids: list[int]) -> torch.Tensor:
    """Logits [T, V] of one token at a time: transformers has separate equations for this."""
    cache = DynamicCache(config=model.config)
    rows = []
    for token in ids:
        out = model(torch.tensor([[token]]), past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        rows.append(out.logits[0, 0])
    return torch.stack(rows)


def relative_error(ours: torch.Tensor, reference: torch.Tensor) -> float:
    """max |a - b| / max |b|: the one measure of error used for logits."""
    difference = (ours.double() - reference.double()).abs().max()
    return (difference / reference.double().abs().max()).item()


def to_release(tensors: Tensors) -> Tensors:
    """Module names of transformers -> names of the released files (one tensor per expert)."""
    out: Tensors = {}
    for name, value in tensors.items():
        name = re.sub(r"^model\.", "backbone.", name)
        fused = re.fullmatch(r"(.*\.experts)\.(up_proj|down_proj)", name)
        if fused is None:
            out[name] = value
            continue
        for expert, matrix in enumerate(value):
            out[f"{fused[1]}.{expert}.{fused[2]}.weight"] = matrix
    return out


def to_memory(tensors: Tensors) -> Tensors:
    """Inverse of `to_release`."""
    out: Tensors = {}
    experts: dict[str, dict[int, torch.Tensor]] = {}
    for name, value in tensors.items():
        name = re.sub(r"^backbone\.", "model.", name)
        single = re.fullmatch(r"(.*\.experts)\.(\d+)\.(up_proj|down_proj)\.weight", name)
        if single is None:
            out[name] = value
        else:
            experts.setdefault(f"{single[1]}.{single[3]}", {})[int(single[2])] = value
    for name, matrices in experts.items():
        out[name] = torch.stack([matrices[expert] for expert in range(len(matrices))])
    return out

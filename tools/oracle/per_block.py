# SPDX-License-Identifier: Apache-2.0
"""Sizes whose widths differ from block to block: the full model in transformers, masked block by block.

An ordinary config holds one number per width, so transformers cannot run such a size as it is; the masks of
check_masked.py, with each block's own width, give the same numbers.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

import hf
from check_masked import mask_tensor
from engine import Engine
from slice_reference import read_folder

MAMBA = ("mamba_num_heads", "mamba_head_dim")

# fmt: off
LISTS: dict[str, dict[str, list[int]]] = {
    "moe_f32": {  # M*EM*E
        "mamba_num_heads": [2, 0, 0, 4, 0, 0],
        "num_attention_heads": [0, 4, 0, 0, 2, 0],
        "n_routed_experts": [0, 0, 4, 0, 0, 3],
        "moe_intermediate_size": [0, 0, 16, 0, 0, 32],
        "moe_shared_expert_intermediate_size": [0, 0, 48, 0, 0, 32],
    },
    "dense_f32": {  # M-*M-
        "mamba_num_heads": [4, 0, 0, 2, 0],
        "intermediate_size": [0, 32, 0, 0, 64],
        "num_attention_heads": [0, 0, 4, 0, 0],
    },
    "mixed_bf16": {  # M-ME*E
        "mamba_num_heads": [4, 0, 2, 0, 0, 0],
        "mamba_head_dim": [16, 0, 32, 0, 0, 0],
        "intermediate_size": [0, 48, 0, 0, 0, 0],
        "n_routed_experts": [0, 0, 0, 5, 0, 4],
    },
}
# fmt: on


@torch.no_grad()
def masked_logits(folder: Path, lists: dict[str, list[int]], ids: list[int]) -> torch.Tensor:
    """Logits [T, V] in F32 of the full model, each block masked to its own widths."""
    config, narrow = read_folder(folder)
    tensors = {name: value.float() for name, value in narrow.items()}
    for name, value in tensors.items():
        block = re.search(r"layers\.(\d+)\.", name)
        for axis, widths in lists.items() if block else ():
            kept = widths[int(block[1])]
            if 0 < kept < config[axis]:
                mask_tensor(config, axis, kept, name, value)
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "config.json").write_text(json.dumps(config))
        save_file(tensors, Path(scratch) / "model.safetensors", {"format": "pt"})
        model: Any = hf.load(Path(scratch), torch.float32)
        for i, layer in enumerate(model.model.layers):
            for axis in MAMBA:  # zeros lower the mean square, so eps must fall with it
                kept = lists.get(axis, [0] * (i + 1))[i]
                if kept > 0:
                    layer.mixer.norm.variance_epsilon *= kept / config[axis]
        return hf.prefill(model, ids)


def comparisons(engine: Engine, golden: Path, scratch: Path) -> Iterator[tuple[str, float]]:
    """Name and error of each family's size, in place and sliced, against the masked run."""
    for name, lists in LISTS.items():
        folder = golden / name
        ids: list[int] = json.loads((folder / "ids.json").read_text())
        theirs = masked_logits(folder, lists, ids)
        size = {"name": "uneven"} | lists
        elastic = scratch / f"{name}_lists.json"
        elastic.write_text(
            json.dumps({"format": "starnest-elastic", "version": 1, "sizes": [{"name": "full"}, size]})
        )
        out = scratch / "logits.safetensors"
        ours = engine.logits(folder, ids, out, "uneven", elastic)
        yield f"{name} widths per block in place", hf.relative_error(ours, theirs)
        sliced = scratch / f"{name}_uneven"
        engine.slice(folder, "uneven", sliced, "--allow-lists", "--elastic", str(elastic))
        ours = engine.logits(sliced, ids, out)
        yield f"{name} widths per block sliced", hf.relative_error(ours, theirs)

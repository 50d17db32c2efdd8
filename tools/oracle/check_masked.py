# SPDX-License-Identifier: Apache-2.0
"""Guards the slicer: on every axis, the full model with channels masked equals the sliced model.

Usage: check_masked.py --dir DIR

The masks use reshapes and zeros, the slicer lists of indices, so that one error is not made twice.
Where a mask leaves zeros inside a norm, its weight takes the factor sqrt(kept / full) (eps is made
negligible).
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

import hf
from shapes import SHAPES
from slice_reference import Config, Tensors, read_folder, read_sizes, slice_config, slice_tensors

TOLERANCE = 1e-5


def logits(config: Config, tensors: Tensors, ids: list[int]) -> torch.Tensor:
    """Runs tensors held in memory, with a negligible eps."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "config.json").write_text(json.dumps(config | {"layer_norm_epsilon": 1e-12}))
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return hf.prefill(hf.load(folder, torch.float32), ids)


def kept_inner(config: Config, axis: str, kept: int) -> torch.Tensor:
    """1 for Mamba channels that stay, 0 for others, [M * P]."""
    heads, groups = config["mamba_num_heads"], config["n_groups"]
    mask = torch.zeros(groups, heads // groups, config["mamba_head_dim"])
    if axis == "mamba_num_heads":
        mask[:, : kept // groups] = 1
    else:
        mask[:, :, :kept] = 1
    return mask.reshape(-1)


def mask_tensor(config: Config, axis: str, kept: int, name: str, value: torch.Tensor) -> None:
    """Zeroes, in place, what `axis` at `kept` must not use of one tensor."""
    into_residual = name.endswith(("out_proj.weight", "o_proj.weight", "out_proj.bias"))
    into_residual |= "down_proj" in name
    fused = value.dim() == 3
    if axis == "hidden_size":
        if name.endswith("embeddings.weight"):
            value[:, kept:] = 0
        elif into_residual:
            (value.transpose(0, 1) if fused else value)[kept:] = 0
        elif name.endswith("norm_f.weight") or ".norm.weight" in name and ".mixer" not in name:
            value[kept:] = 0
            value *= math.sqrt(kept / len(value))
    elif axis == "n_routed_experts":
        if name.endswith("e_score_correction_bias"):
            value[kept:] = -100  # scores lie in (0, 1): never chosen
    elif axis == "num_attention_heads":
        if name.endswith("o_proj.weight"):
            kv_heads = config["num_key_value_heads"]
            per_group = config[axis] // kv_heads
            grouped = value.view(len(value), kv_heads, per_group, -1)
            grouped[:, :, kept // kv_heads :] = 0
    elif axis in ("mamba_num_heads", "mamba_head_dim"):
        mask = kept_inner(config, axis, kept)
        if name.endswith("mixer.norm.weight"):
            value *= mask * mask.mean().sqrt()
        elif name.endswith("in_proj.weight"):
            value[len(mask) : 2 * len(mask)] *= mask[:, None]
        elif name.endswith(("in_proj.bias", "conv1d.bias")):
            start = len(mask) if "in_proj" in name else 0
            value[start : start + len(mask)] *= mask
    else:
        part = {"intermediate_size": "mixer.down_proj", "moe_intermediate_size": ".experts."}
        if part.get(axis, "shared_experts.") in name and "down_proj" in name and value.dim() > 1:
            value[..., kept:] = 0


@torch.no_grad()
def check_folder(folder: Path) -> Iterator[tuple[dict[str, Any], float, float]]:
    """For each size and axis: the cut, masked against sliced, full against sliced."""
    config, narrow = read_folder(folder)
    tensors = {name: value.float() for name, value in narrow.items()}
    ids: list[int] = json.loads((folder / "ids.json").read_text())
    full = logits(config, tensors, ids)
    for size in read_sizes(folder).values():
        for axis in size.keys() - {"name", "layers"}:
            cut = {axis: size[axis]}
            sliced = logits(slice_config(config, cut), slice_tensors(config, tensors, cut), ids)
            masked = {name: value.clone() for name, value in tensors.items()}
            for name, value in masked.items():
                mask_tensor(config, axis, size[axis], name, value)
            error = hf.relative_error(logits(config, masked, ids), sliced)
            yield cut, error, hf.relative_error(full, sliced)


def main() -> None:
    """Prints one line per cut; exit code 1 if masked and sliced differ, or if the cut is idle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    root: Path = parser.parse_args().dir
    failed = False
    for shape in SHAPES:
        for cut, error, moved in check_folder(root / shape.name):
            good = error < TOLERANCE and moved > 1e-2
            failed |= not good
            print(f"{'ok' if good else 'FAIL'} {shape.name} {cut}: {error:.1e} (moved {moved:.1e})")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

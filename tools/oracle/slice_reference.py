# SPDX-License-Identifier: Apache-2.0
"""Cuts one nested size out of a nemotron_h family: the slow version, written from the rules alone.

Usage: slice_reference.py -m DIR --size NAME -o OUT

A size keeps a prefix of every axis. Heads keep an equal prefix of every group (groups of B/C for
Mamba heads, KV heads for query heads), so that the mapping of heads to groups still holds. B and C
are never cut. Each rule below is a list of the indices that stay along each dimension of a tensor.
"""

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]
Config = dict[str, Any]

PATTERN_OF = {
    "linear_attention": "M", "mamba": "M", "full_attention": "*", "attention": "*",
    "moe": "E", "mlp": "-",
}  # fmt: skip
AXES = (
    "hidden_size", "intermediate_size", "moe_intermediate_size",
    "moe_shared_expert_intermediate_size", "n_routed_experts", "mamba_num_heads",
    "mamba_head_dim", "num_attention_heads",
)  # fmt: skip


def read_folder(folder: Path) -> tuple[Config, Tensors]:
    """config.json and all tensors, whether in one file or in shards (goldens lie beside them)."""
    config = json.loads((folder / "config.json").read_text())
    tensors: Tensors = {}
    for file in sorted(folder.glob("model*.safetensors")):
        tensors |= load_file(file)
    return config, tensors


def read_sizes(folder: Path) -> dict[str, dict[str, Any]]:
    """Name -> entry of elastic.json, largest first."""
    sizes = json.loads((folder / "elastic.json").read_text())["sizes"]
    return {size["name"]: size for size in sizes}


def block_pattern(config: Config) -> str:
    """One letter per block, from either generation of config."""
    for key in ("layers_block_type", "layer_types"):
        if key in config:
            return "".join(PATTERN_OF[block] for block in config[key])
    return config["hybrid_override_pattern"]


def prefix_of_groups(full: int, kept: int, groups: int) -> list[int]:
    """Heads that stay, as numbers in the full model: the first kept/groups of each group."""
    if full % groups or kept % groups or kept > full:
        raise ValueError(f"{kept} of {full} heads is no equal prefix of {groups} groups")
    per_group = full // groups
    return [g * per_group + i for g in range(groups) for i in range(kept // groups)]


def channels(heads: list[int], full_width: int, kept_width: int) -> list[int]:
    """Rows of the heads that stay, the first kept_width of each."""
    return [head * full_width + channel for head in heads for channel in range(kept_width)]


@dataclass(frozen=True)
class Kept:
    """Indices that stay along each axis of the full model; `None` in a rule means all."""

    hidden: list[int]
    dense: list[int]
    expert: list[int]
    shared: list[int]
    experts: list[int]
    mamba_heads: list[int]
    inner: list[int]
    conv: list[int]
    in_rows: list[int]
    query: list[int]


def kept_indices(full: Config, size: dict[str, Any]) -> Kept:
    """What `size` keeps of a model with config `full`."""

    def width(key: str) -> int:
        value = size.get(key, full.get(key, 0))
        if not isinstance(value, int):
            raise ValueError(f"{key}: a list per block has no place in an ordinary config")
        return value

    if "n_routed_experts" in size and full.get("n_group", 1) != 1:
        raise ValueError("n_routed_experts can be cut only when n_group is 1")
    groups = full["n_groups"]
    heads = prefix_of_groups(full["mamba_num_heads"], width("mamba_num_heads"), groups)
    inner = channels(heads, full["mamba_head_dim"], width("mamba_head_dim"))
    di = full["mamba_num_heads"] * full["mamba_head_dim"]
    bc = 2 * groups * full["ssm_state_size"]
    conv = inner + list(range(di, di + bc))  # x | B | C
    in_rows = inner + [di + row for row in conv] + [2 * di + bc + h for h in heads]  # z | xBC | dt
    query = channels(
        prefix_of_groups(
            full["num_attention_heads"], width("num_attention_heads"), full["num_key_value_heads"]
        ),
        full["head_dim"],
        full["head_dim"],
    )
    return Kept(
        hidden=list(range(width("hidden_size"))),
        dense=list(range(width("intermediate_size"))),
        expert=list(range(width("moe_intermediate_size"))),
        shared=list(range(width("moe_shared_expert_intermediate_size"))),
        experts=list(range(width("n_routed_experts"))),
        mamba_heads=heads, inner=inner, conv=conv, in_rows=in_rows, query=query,
    )  # fmt: skip


def rule(leaf: str, kept: Kept) -> tuple[list[int] | None, ...]:
    """Indices per dimension for a tensor called `leaf` below its block or at the top level."""
    k = kept
    rules: dict[str, tuple[list[int] | None, ...]] = {
        "embeddings.weight": (None, k.hidden),
        "lm_head.weight": (None, k.hidden),
        "norm_f.weight": (k.hidden,),
        "norm.weight": (k.hidden,),
        "mixer.in_proj.weight": (k.in_rows, k.hidden),
        "mixer.in_proj.bias": (k.in_rows,),
        "mixer.conv1d.weight": (k.conv, None, None),
        "mixer.conv1d.bias": (k.conv,),
        "mixer.A_log": (k.mamba_heads,),
        "mixer.D": (k.mamba_heads,),
        "mixer.dt_bias": (k.mamba_heads,),
        "mixer.norm.weight": (k.inner,),
        "mixer.out_proj.weight": (k.hidden, k.inner),
        "mixer.out_proj.bias": (k.hidden,),
        "mixer.q_proj.weight": (k.query, k.hidden),
        "mixer.k_proj.weight": (None, k.hidden),
        "mixer.v_proj.weight": (None, k.hidden),
        "mixer.o_proj.weight": (k.hidden, k.query),
        "mixer.up_proj.weight": (k.dense, k.hidden),
        "mixer.up_proj.bias": (k.dense,),
        "mixer.down_proj.weight": (k.hidden, k.dense),
        "mixer.down_proj.bias": (k.hidden,),
        "mixer.gate.weight": (k.experts, k.hidden),
        "mixer.gate.e_score_correction_bias": (k.experts,),
        "mixer.experts.up_proj": (k.experts, k.expert, k.hidden),
        "mixer.experts.down_proj": (k.experts, k.hidden, k.expert),
        "mixer.experts.K.up_proj.weight": (k.expert, k.hidden),
        "mixer.experts.K.down_proj.weight": (k.hidden, k.expert),
        "mixer.shared_experts.up_proj.weight": (k.shared, k.hidden),
        "mixer.shared_experts.up_proj.bias": (k.shared,),
        "mixer.shared_experts.down_proj.weight": (k.hidden, k.shared),
        "mixer.shared_experts.down_proj.bias": (k.hidden,),
    }
    return rules[leaf]


def slice_tensors(config: Config, tensors: Tensors, size: dict[str, Any]) -> Tensors:
    """The tensors of one size under the source's names, blocks numbered anew."""
    kept = kept_indices(config, size)
    layers = size.get("layers", range(len(block_pattern(config))))
    new_number = {old: new for new, old in enumerate(layers)}
    out: Tensors = {}
    for name, value in tensors.items():
        leaf = re.sub(r"^(backbone|model)\.", "", name)
        block = re.match(r"layers\.(\d+)\.", leaf)
        if block is not None:
            if int(block[1]) not in new_number:
                continue
            leaf = leaf[block.end() :]
            name = re.sub(r"layers\.\d+", f"layers.{new_number[int(block[1])]}", name, count=1)
        expert = re.search(r"experts\.(\d+)\.", leaf)
        if expert is not None:
            if int(expert[1]) not in kept.experts:
                continue
            leaf = re.sub(r"experts\.\d+\.", "experts.K.", leaf)
        for dim, index in enumerate(rule(leaf, kept)):
            if index is not None:
                value = value.index_select(dim, torch.tensor(index))
        out[name] = value.contiguous()
    return out


def slice_config(config: Config, size: dict[str, Any]) -> Config:
    """The config of one size: the source's keys, with new widths and block order."""
    out = dict(config)
    out |= {key: size[key] for key in AXES if key in size}
    if "layers" in size:
        layers: list[int] = size["layers"]
        for key in ("layers_block_type", "layer_types"):
            if key in config:
                out[key] = [config[key][layer] for layer in layers]
        if "hybrid_override_pattern" in config:
            pattern = config["hybrid_override_pattern"]
            out["hybrid_override_pattern"] = "".join(pattern[layer] for layer in layers)
        if "num_hidden_layers" in config:
            out["num_hidden_layers"] = len(layers)
    return out


def slice_folder(source: Path, size_name: str, out: Path) -> None:
    """Writes one size as a folder that transformers loads."""
    config, tensors = read_folder(source)
    size = read_sizes(source)[size_name]
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(slice_config(config, size), indent=2) + "\n")
    sliced = slice_tensors(config, tensors, size)
    save_file(sliced, out / "model.safetensors", {"format": "pt"})


def main() -> None:
    """Command line: see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--model", type=Path, required=True)
    parser.add_argument("--size", required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    slice_folder(args.model, args.size, args.out)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Writes the small random nemotron_h checkpoints of `shapes.py` as ordinary model folders.

Usage: make_checkpoints.py --out DIR

Initialisers of real training leave norms and D at 1 and biases at 0, which hides errors. Here every
tensor is random with a visible spread, scaled so that a change of any of them moves the logits.
"""

import argparse
import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import GenerationConfig, NemotronHConfig, NemotronHForCausalLM

import hf
from shapes import SHAPES, Shape

# transformers clamps dt to time_step_min in its prefill scan but not in its one-token step, and the
# released models are run elsewhere without a clamp. 1e-30 turns it off (0 breaks an initialiser).
COMMON: dict[str, Any] = dict(
    time_step_min=1e-30, use_mamba_kernels=False, bos_token_id=1, eos_token_id=2, pad_token_id=0
)
GENERATION = dict(bos_token_id=1, eos_token_id=[2, 11], pad_token_id=0, do_sample=True)


def mean_and_spread(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Normal distribution of one tensor. Matrices keep unit variance: 1 / sqrt(fan in)."""
    fan_in = 1 / math.sqrt(shape[-1])
    rules: tuple[tuple[str, float, float], ...] = (
        ("norm.weight", 1.0, 0.2),
        ("norm_f.weight", 1.0, 0.2),
        ("embeddings.weight", 0.0, 1.0),
        ("lm_head.weight", 0.0, 2 * fan_in),
        ("A_log", -0.5, 0.6),
        ("mixer.D", 1.0, 0.3),
        ("dt_bias", -0.7, 0.5),
        ("e_score_correction_bias", 0.0, 0.1),
        ("conv1d.weight", 0.0, fan_in),
        # Wide: expert scores differ clearly. Not wider: sigmoids would saturate into ties.
        ("gate.weight", 0.0, 1.6 * fan_in),
        # Scores of unit size, so that attention is neither flat nor a copy of one token.
        ("q_proj.weight", 0.0, 1.5 * fan_in),
        ("k_proj.weight", 0.0, 1.5 * fan_in),
        ("o_proj.weight", 0.0, 1.5 * fan_in),
        (".bias", 0.0, 0.3),
    )
    for suffix, mean, spread in rules:
        if name.endswith(suffix):
            return mean, spread
    return 0.0, fan_in


def random_tensor(shape: Shape, name: str, dims: tuple[int, ...]) -> torch.Tensor:
    """The tensor `name`: it depends on its name and the seed only, never on other tensors."""
    mean, spread = mean_and_spread(name, dims)
    generator = np.random.Generator(np.random.PCG64([shape.seed, zlib.crc32(name.encode())]))
    values = mean + spread * generator.standard_normal(dims)
    kept_in_f32 = name.endswith(shape.f32_tensors)
    return torch.from_numpy(values).to(
        torch.float32 if kept_in_f32 else getattr(torch, shape.dtype)
    )


def legacy_config(shape: Shape) -> dict[str, Any]:
    """config.json with the keys of the released models: pattern string, torch_dtype, no list."""
    return {
        "architectures": ["NemotronHForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "expand": 2,
        "hidden_dropout": 0.0,
        "hybrid_override_pattern": shape.pattern,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "norm_eps": shape.config.get("layer_norm_epsilon", 1e-5),
        "mamba_hidden_act": "silu",
        "mamba_proj_bias": False,
        "mamba_ssm_cache_dtype": "float32",
        "max_position_embeddings": 4096,
        "mlp_bias": False,
        "mlp_hidden_act": "relu2",
        "model_type": "nemotron_h",
        "num_hidden_layers": len(shape.pattern),
        "num_logits_to_keep": 1,
        "partial_rotary_factor": 1.0,
        "rescale_prenorm_residual": True,
        "residual_in_fp32": False,
        "rope_theta": 10000,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "time_step_floor": 1e-4,
        "time_step_max": 0.1,
        "torch_dtype": shape.dtype,
        "transformers_version": "4.55.4",
        "use_bias": False,
        "use_cache": True,
        "use_conv_bias": True,
        **({"n_group": 1, "topk_group": 1, "n_shared_experts": 1} if "E" in shape.pattern else {}),
        **COMMON,
        **shape.config,
    }


def write_shards(folder: Path, tensors: hf.Tensors, shards: int) -> None:
    """One file, or `shards` files of about equal bytes with an index as large models have."""
    metadata = {"format": "pt"}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata)
        return
    total = sum(value.nbytes for value in tensors.values())
    parts: list[hf.Tensors] = [{} for _ in range(shards)]
    done = 0
    for name, value in tensors.items():
        parts[min(done * shards // total, shards - 1)][name] = value
        done += value.nbytes
    weight_map: dict[str, str] = {}
    for number, part in enumerate(parts, start=1):
        file = f"model-{number:05}-of-{shards:05}.safetensors"
        save_file(part, folder / file, metadata)
        weight_map |= {name: file for name in part}
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(folder / "model.safetensors.index.json", index)


def write_json(path: Path, value: Any) -> None:
    """JSON as Hugging Face writes it: indented by 2, one line feed at the end."""
    path.write_text(json.dumps(value, indent=2, sort_keys=path.name == "config.json") + "\n")


def make_checkpoint(shape: Shape, folder: Path) -> None:
    """Writes one model folder with its elastic.json."""
    folder.mkdir(parents=True, exist_ok=True)
    keys: dict[str, Any] = COMMON | shape.config | {"hybrid_override_pattern": shape.pattern}
    config = NemotronHConfig(**keys, dtype=shape.dtype)
    model = NemotronHForCausalLM(config)
    names = hf.to_release(model.state_dict())
    tensors = {
        name: random_tensor(shape, name, tuple(value.shape)) for name, value in names.items()
    }

    if shape.naming == "saved":
        # assign keeps the dtype of each tensor; a plain copy would cast F32 ones to the model's.
        model.load_state_dict(hf.to_memory(tensors), assign=True)
        model.save_pretrained(folder)
    elif shape.naming == "memory":
        config.architectures = ["NemotronHForCausalLM"]
        config.save_pretrained(folder)
        write_shards(folder, hf.to_memory(tensors), shape.shards)
    else:
        write_json(folder / "config.json", legacy_config(shape))
        write_shards(folder, tensors, shape.shards)

    GenerationConfig(**GENERATION).save_pretrained(folder)
    elastic: dict[str, Any] = {"format": "starnest-elastic", "version": 1, "sizes": shape.sizes}
    elastic["mamba_head_order"] = "per_group"
    if shape.default_plan:
        elastic["default_plan"] = shape.default_plan
    elastic["provenance"] = {"ranked_on": "nothing: random weights", "seed": shape.seed}
    write_json(folder / "elastic.json", elastic)


def main() -> None:
    """Writes all checkpoints below --out, one folder each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    for shape in SHAPES:
        make_checkpoint(shape, out / shape.name)
        size = sum(file.stat().st_size for file in (out / shape.name).glob("model*.safetensors"))
        print(f"{shape.name}: {size} bytes of weights")


if __name__ == "__main__":
    main()

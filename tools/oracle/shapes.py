# SPDX-License-Identifier: Apache-2.0
"""The five small checkpoints: their shapes, nested sizes and how their files are written.

Each one covers what the others leave out; together their sizes turn every elastic axis. Widths
that a size cuts along a contraction are multiples of 16, the others are odd on purpose.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Shape:
    """One checkpoint. `naming` is `saved` (save_pretrained of transformers 5), `release` (names
    and config keys of the released models) or `memory` (names of the modules in transformers)."""

    name: str
    seed: int
    dtype: str
    naming: str
    pattern: str
    config: dict[str, Any]
    sizes: list[dict[str, Any]]
    shards: int = 1
    f32_tensors: tuple[str, ...] = ("gate.weight", "e_score_correction_bias")
    default_plan: dict[str, str] = field(default_factory=dict)


# fmt: off
SHAPES: tuple[Shape, ...] = (
    Shape(
        name="moe_f32",
        seed=11,
        dtype="float32",
        naming="saved",
        pattern="M*EM*E",
        config=dict(
            vocab_size=64, hidden_size=48, mamba_num_heads=4, mamba_head_dim=16, n_groups=2,
            ssm_state_size=8, conv_kernel=4, chunk_size=16, num_attention_heads=4,
            num_key_value_heads=2, head_dim=16, n_routed_experts=4, num_experts_per_tok=2,
            moe_intermediate_size=32, moe_shared_expert_intermediate_size=48,
            routed_scaling_factor=1.5, norm_topk_prob=True,
        ),
        sizes=[
            {"name": "full"},
            {"name": "mid", "moe_intermediate_size": 16, "n_routed_experts": 3},
            {
                "name": "small", "hidden_size": 32, "moe_intermediate_size": 16,
                "moe_shared_expert_intermediate_size": 32, "n_routed_experts": 3,
                "num_attention_heads": 2, "mamba_num_heads": 2, "layers": [0, 1, 2, 3, 5],
            },
        ],
        default_plan={"think": "small", "answer": "full"},
    ),
    Shape(
        name="dense_f32",
        seed=12,
        dtype="float32",
        naming="release",
        pattern="M-*M-",
        config=dict(
            vocab_size=64, hidden_size=80, mamba_num_heads=6, mamba_head_dim=16, n_groups=2,
            ssm_state_size=8, conv_kernel=4, chunk_size=8, num_attention_heads=6,
            num_key_value_heads=2, head_dim=16, intermediate_size=80, layer_norm_epsilon=1e-3,
        ),
        sizes=[
            {"name": "full"},
            {
                "name": "mid", "hidden_size": 64, "intermediate_size": 64,
                "mamba_num_heads": 4, "num_attention_heads": 4,
            },
            {
                "name": "small", "hidden_size": 48, "intermediate_size": 32,
                "mamba_num_heads": 2, "num_attention_heads": 2, "layers": [0, 1, 2, 4],
            },
        ],
    ),
    Shape(
        name="grouped_f32",
        seed=13,
        dtype="float32",
        naming="memory",
        pattern="ME*E",
        config=dict(
            vocab_size=69, hidden_size=48, mamba_num_heads=6, mamba_head_dim=10, n_groups=3,
            ssm_state_size=12, conv_kernel=3, chunk_size=16, num_attention_heads=3,
            num_key_value_heads=1, head_dim=12, n_routed_experts=8, num_experts_per_tok=2,
            n_group=2, topk_group=1, moe_intermediate_size=24,
            moe_shared_expert_intermediate_size=40, routed_scaling_factor=2.5,
            norm_topk_prob=True, use_bias=True, mlp_bias=True,
        ),
        sizes=[
            {"name": "full"},
            {"name": "mid", "moe_shared_expert_intermediate_size": 32},
            {
                "name": "small", "hidden_size": 32, "moe_intermediate_size": 16,
                "moe_shared_expert_intermediate_size": 32,
            },
        ],
    ),
    Shape(
        name="mixed_bf16",
        seed=14,
        dtype="bfloat16",
        naming="release",
        pattern="M-ME*E",
        config=dict(
            vocab_size=72, hidden_size=64, mamba_num_heads=4, mamba_head_dim=32, n_groups=2,
            ssm_state_size=16, conv_kernel=4, chunk_size=128, num_attention_heads=4,
            num_key_value_heads=2, head_dim=16, intermediate_size=64, n_routed_experts=6,
            num_experts_per_tok=2, moe_intermediate_size=32,
            moe_shared_expert_intermediate_size=64, routed_scaling_factor=2.5,
            norm_topk_prob=True,
        ),
        sizes=[
            {"name": "full"},
            {
                "name": "mid", "hidden_size": 48, "intermediate_size": 48,
                "n_routed_experts": 5, "mamba_head_dim": 16,
            },
            {
                "name": "small", "hidden_size": 48, "intermediate_size": 32,
                "moe_intermediate_size": 16, "moe_shared_expert_intermediate_size": 48,
                "n_routed_experts": 4, "mamba_num_heads": 2, "mamba_head_dim": 16,
                "num_attention_heads": 2, "layers": [0, 1, 3, 4],
            },
        ],
        shards=2,
        default_plan={"think": "mid", "answer": "full"},
    ),
    Shape(
        name="wide_bf16",
        seed=15,
        dtype="bfloat16",
        naming="saved",
        pattern="ME*",
        config=dict(
            vocab_size=96, hidden_size=96, mamba_num_heads=8, mamba_head_dim=16, n_groups=1,
            ssm_state_size=24, conv_kernel=4, chunk_size=128, num_attention_heads=4,
            num_key_value_heads=4, head_dim=16, n_routed_experts=6, num_experts_per_tok=3,
            moe_intermediate_size=48, moe_shared_expert_intermediate_size=96,
            routed_scaling_factor=0.75, norm_topk_prob=False,
        ),
        sizes=[
            {"name": "full"},
            {"name": "mid", "hidden_size": 80, "moe_intermediate_size": 32, "mamba_num_heads": 5},
            {
                "name": "small", "hidden_size": 64, "moe_intermediate_size": 16,
                "mamba_num_heads": 3, "n_routed_experts": 4,
            },
        ],
        # Kept in F32 by some writers; a reader must take either width for these.
        f32_tensors=("gate.weight", "e_score_correction_bias", "A_log", ".D", "dt_bias"),
    ),
)
# fmt: on


def by_name(name: str) -> Shape:
    """The shape called `name`."""
    return next(shape for shape in SHAPES if shape.name == name)

# SPDX-License-Identifier: Apache-2.0
"""Changes every tensor of every checkpoint by 5 % and checks that the logits move by over 0.1 %.

Usage: check_sensitivity.py --dir DIR

A tensor that does not move the logits could be read wrongly without any golden noticing.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

import hf
import routing
from shapes import SHAPES

NEEDED = 1e-3


@torch.no_grad()
def movements(folder: Path) -> dict[str, float]:
    """Relative movement of the logits per tensor, and per expert of fused tensors."""
    model = hf.load(folder, torch.float32)
    ids = json.loads((folder / "ids.json").read_text())
    with routing.watched(model) as watch:
        reference = hf.prefill(model, ids)
    for chosen in watch.chosen:
        used = chosen.unique().numel()
        assert used == model.config.n_routed_experts, f"{folder.name}: only {used} experts used"
    out = {}
    # to_release gives views of the fused tensors, so writing to them changes the model.
    for name, value in hf.to_release(model.state_dict()).items():
        before = value.clone()
        torch.manual_seed(0)
        if name.endswith("e_score_correction_bias"):
            # It only chooses, and the ids leave every choice a margin: does it choose at all?
            value.zero_()
        else:
            value.mul_(1 + 0.05 * torch.randn_like(value))
        out[name] = hf.relative_error(hf.prefill(model, ids), reference)
        value.copy_(before)
    return out


def main() -> None:
    """Prints the five smallest movements per checkpoint; exit code 1 if one is too small."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    root: Path = parser.parse_args().dir
    failed = False
    for shape in SHAPES:
        moved = sorted(movements(root / shape.name).items(), key=lambda item: item[1])
        failed |= moved[0][1] < NEEDED
        print(f"{shape.name}: {len(moved)} tensors, least moving:")
        for name, amount in moved[:5]:
            print(f"  {amount:.1e} {name}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

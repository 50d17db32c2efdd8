# SPDX-License-Identifier: Apache-2.0
"""Writes the file that the engine's safetensors writer must reproduce byte for byte.

Usage: make_safetensors_fixture.py --out FILE

Names are given out of order and widths differ, so that order of tensors, alignment and padding of
the header all show.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file


def fixture() -> dict[str, torch.Tensor]:
    """Small tensors of every dtype that the engine writes; values 0, 1, 2 ... unless said."""

    def counting(dtype: torch.dtype, *shape: int) -> torch.Tensor:
        return torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape).to(dtype)

    return {
        "z.weight": counting(torch.float32, 3, 5) / 7,
        "b.weight": counting(torch.bfloat16, 3, 3),
        "a.weight": counting(torch.bfloat16, 5) - 2.5,
        "h.half": counting(torch.float16, 2, 1, 3) / 3,
        "q.weight": counting(torch.float8_e4m3fn, 3, 7),
        "q.weight_scale": torch.tensor(0.0078125),
        "packed": counting(torch.uint8, 13),
        "counts": counting(torch.int64, 2) - 1,
        "empty": torch.empty(0, 4),
        "B.upper": counting(torch.float32, 1),
        'name with "quotes", \\ and ü/\u4e16': counting(torch.uint8, 1),
    }


def write(path: Path) -> None:
    """Writes the fixture with the one metadata key that Hugging Face files carry."""
    save_file(fixture(), path, {"format": "pt"})


def main() -> None:
    """Command line: see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()

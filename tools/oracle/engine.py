# SPDX-License-Identifier: Apache-2.0
"""Runs the `starnest` program: the only file that knows its command line."""

import subprocess
from pathlib import Path

import torch
from safetensors.torch import load_file


class Engine:
    """One `starnest` binary."""

    def __init__(self, binary: Path) -> None:
        self.binary = binary

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Standard output of one command; raises with its own message if it fails."""
        done = subprocess.run(
            [str(self.binary), *arguments], input=stdin.encode(), capture_output=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"exit {done.returncode}: {done.stderr.decode().strip()[:300]}")
        return done.stdout.decode()

    def slice(self, model: Path, size: str, out: Path, *options: str) -> None:
        """Writes one size as a folder of its own."""
        self.run("slice", "-m", str(model), "--size", size, "-o", str(out), *options)

    def logits(
        self,
        model: Path,
        ids: list[int],
        out: Path,
        size: str | None = None,
        elastic: Path | None = None,
    ) -> torch.Tensor:
        """Logits [T, V] of `ids`, of one size of a family or of an ordinary model."""
        chosen = ["--size", size] if size else []
        chosen += ["--elastic", str(elastic)] if elastic else []
        text = ",".join(map(str, ids))
        self.run("logits", "-m", str(model), *chosen, "--ids", text, "-o", str(out))
        return load_file(out)["logits"]

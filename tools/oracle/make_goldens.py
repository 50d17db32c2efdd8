# SPDX-License-Identifier: Apache-2.0
"""Runs every size of every checkpoint in transformers and writes what the engine must reproduce.

Usage: make_goldens.py --dir DIR      (DIR holds the folders that make_checkpoints.py wrote)

golden_<size>.safetensors:  ids [T] I64, logits [T, V] F32; BF16 checkpoints also logits_f32: the
                            same weights widened to F32, by which rounding is judged.
grads.safetensors:          F32 checkpoints, full size: loss [] and grad.<tensor name>.
ids.json:                   the token ids; kept when present, else chosen.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

import hf
import routing
from shapes import SHAPES, Shape
from slice_reference import read_folder, read_sizes, slice_folder

Report = Callable[[str], None]

LENGTH = 28
GAP = {"float32": 0.01, "bfloat16": 0.04}


def gradients(folder: Path, ids: list[int]) -> hf.Tensors:
    """Mean next-token cross entropy over the T-1 predictions, and its gradients by file name."""
    model = hf.load(folder, torch.float32)
    tokens = torch.tensor(ids)
    loss = torch.nn.functional.cross_entropy(hf.prefill(model, ids)[:-1], tokens[1:])
    loss.backward()
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    names = read_folder(folder)[1]
    by_file_name = {
        name: grad
        for form in (grads, hf.to_release(grads))
        for name, grad in form.items()
        if name in names
    }
    # The correction bias chooses experts but weighs nothing: the only tensor without a gradient.
    missing = [name for name in names if name not in by_file_name]
    assert all(name.endswith("e_score_correction_bias") for name in missing), missing
    out = {f"grad.{name}": grad.contiguous() for name, grad in sorted(by_file_name.items())}
    return out | {"loss": loss.detach()}


@torch.no_grad()
def make_golden(shape: Shape, sizes: dict[str, Path], folder: Path, report: Report) -> None:
    """Writes ids.json and the goldens of all sizes; `sizes` are folders of ordinary models."""
    wide = {name: hf.load(path, torch.float32) for name, path in sizes.items()}
    ids_file = folder / "ids.json"
    if not ids_file.exists():
        ids = routing.choose_ids(list(wide.values()), LENGTH, GAP[shape.dtype], shape.seed)
        ids_file.write_text(json.dumps(ids) + "\n")
    ids = json.loads(ids_file.read_text())

    for name, model in wide.items():
        with routing.watched(model) as watch:
            logits = hf.prefill(model, ids)
        line = f"{shape.name} {name}: T={len(ids)} max|logit| {logits.abs().max():.2f}"
        stepwise = hf.relative_error(hf.decode(model, ids), logits)
        line += f", decode vs prefill {stepwise:.1e}, routing gap {watch.gap:.3f}"
        assert stepwise < 1e-5, line
        out = {"ids": torch.tensor(ids), "logits": logits.contiguous()}
        if shape.dtype == "bfloat16":
            narrow = hf.load(sizes[name], torch.bfloat16)
            with routing.watched(narrow) as narrow_watch:
                rounded = hf.prefill(narrow, ids)
            pairs = zip(watch.chosen, narrow_watch.chosen, strict=True)
            assert all(torch.equal(a, b) for a, b in pairs), f"{line}: BF16 chose other experts"
            line += f", BF16 vs F32 {hf.relative_error(rounded, logits):.1e}"
            out |= {"logits": rounded.contiguous(), "logits_f32": logits.contiguous()}
        save_file(out, folder / f"golden_{name}.safetensors")
        report(line)


def make_goldens(root: Path, report: Report = print) -> None:
    """Writes the goldens beside all checkpoints below `root`."""
    for shape in SHAPES:
        folder = root / shape.name
        with tempfile.TemporaryDirectory() as scratch:
            sizes = {}
            for name, size in read_sizes(folder).items():
                sizes[name] = folder if len(size) == 1 else Path(scratch) / name
                if len(size) > 1:
                    slice_folder(folder, name, sizes[name])
            make_golden(shape, sizes, folder, report)
        if shape.dtype == "float32":
            ids = json.loads((folder / "ids.json").read_text())
            save_file(gradients(folder, ids), folder / "grads.safetensors")


def main() -> None:
    """Command line: see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    make_goldens(parser.parse_args().dir)


if __name__ == "__main__":
    main()

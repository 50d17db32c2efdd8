# SPDX-License-Identifier: Apache-2.0
"""`make interop`: the committed goldens against transformers, and starnest against both.

Usage: check_interop.py [--starnest PATH] [--tests DIR] [--skip-starnest]

One line per check, then a count; exit code 1 if any check failed.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

import hf
import make_chat_goldens
import make_checkpoints
import make_goldens
import make_safetensors_fixture
import per_block
import tokenizer_checks
from engine import Engine
from shapes import SHAPES, Shape
from slice_reference import (
    AXES,
    block_pattern,
    read_folder,
    read_sizes,
    slice_config,
    slice_tensors,
)

REPOSITORY = Path(__file__).resolve().parents[2]
SEPARATOR = "\n__ggml_vocab_test__\n"
REPRODUCED = 1e-5  # transformers on another machine, relative
BF16_AGAIN = 1e-2  # the same in BF16
EQUAL_F32 = 1e-4  # two programs in F32, relative
PER_BLOCK_BF16 = 2e-2  # ours with BF16 weights on BF16 dot products, against F32
BF16_RATIO = 1.1  # our rounding error in terms of that of transformers in BF16


class Checks:
    """Counts and prints; a check that raises has failed, and the next one still runs."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def __call__(self, what: str, check: Callable[..., tuple[bool, str]], *arguments: Any) -> None:
        """`check(*arguments)` returns whether it holds and the numbers to show."""
        try:
            good, detail = check(*arguments)
        except Exception as error:
            good, detail = False, f"{type(error).__name__}: {error}"
        self.passed += good
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {what}: {detail}", flush=True)


def holds(good: bool, detail: str) -> tuple[bool, str]:
    """A check whose answer is known already."""
    return good, detail


def same_tensors(ours: hf.Tensors, reference: hf.Tensors) -> tuple[bool, str]:
    """Same names, dtypes, shapes and bits."""
    if ours.keys() != reference.keys():
        return False, f"names differ: {sorted(ours.keys() ^ reference.keys())[:4]}"
    for name, value in reference.items():
        mine = ours[name]
        if mine.dtype != value.dtype or mine.shape != value.shape:
            return (
                False,
                f"{name}: {mine.dtype} {tuple(mine.shape)}, not {value.dtype} {value.shape}",
            )
        flat = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (mine, value))
        if not torch.equal(*flat):
            return False, f"{name}: bits differ"
    return True, f"{len(reference)} tensors bit-equal"


def same_numbers(ours: hf.Tensors, reference: hf.Tensors) -> tuple[bool, str]:
    """Same names and, tensor by tensor, the same numbers to rounding."""
    if ours.keys() != reference.keys():
        return False, f"names differ: {sorted(ours.keys() ^ reference.keys())[:4]}"
    errors = {name: hf.relative_error(ours[name], value) for name, value in reference.items()}
    good = all(error <= limit_of(name, reference) for name, error in errors.items())
    return good, f"{len(reference)} tensors, largest error {max(errors.values()):.1e}"


def limit_of(name: str, golden: hf.Tensors) -> float:
    """Transformers' own logits in BF16 may round either way when the last bit of a sum moves."""
    return BF16_AGAIN if name == "logits" and "logits_f32" in golden else REPRODUCED


def check_reproduction(check: Checks, shape: Shape, fresh: Path, golden: Path) -> None:
    """Checkpoint and goldens made anew equal the committed ones."""
    check(
        f"{shape.name} weights made anew",
        same_tensors,
        read_folder(golden)[1],
        read_folder(fresh)[1],
    )
    for file in ("config.json", "elastic.json", "generation_config.json"):
        old, new = (json.loads((folder / file).read_text()) for folder in (golden, fresh))
        check(f"{shape.name} {file} made anew", holds, old == new, "keys and values")
    files = [f"golden_{name}.safetensors" for name in read_sizes(golden)]
    files += ["grads.safetensors"] if shape.dtype == "float32" else []
    for file in files:
        old, new = (load_file(folder / file) for folder in (golden, fresh))
        check(f"{shape.name} {file} made anew", same_numbers, old, new)


def check_logits(ours: torch.Tensor, golden: hf.Tensors) -> tuple[bool, str]:
    """F32: equal to rounding. BF16: no farther from the F32 run than transformers is, times 1.1."""
    if ours.dtype != torch.float32 or ours.shape != golden["logits"].shape:
        return False, f"{ours.dtype} {tuple(ours.shape)}, not F32 {tuple(golden['logits'].shape)}"
    if "logits_f32" not in golden:
        error, limit = hf.relative_error(ours, golden["logits"]), EQUAL_F32
    else:
        error = hf.relative_error(ours, golden["logits_f32"])
        limit = BF16_RATIO * hf.relative_error(golden["logits"], golden["logits_f32"])
    return error <= limit, f"error {error:.1e}, limit {limit:.1e}"


def check_size(check: Checks, engine: Engine, folder: Path, name: str, scratch: Path) -> None:
    """One size: sliced by us against the reference slicer and transformers, and run in place."""
    what = f"{folder.name} {name}"
    out = scratch / f"{folder.name}_{name}"
    golden = load_file(folder / f"golden_{name}.safetensors")
    ids: list[int] = golden["ids"].tolist()
    config, tensors = read_folder(folder)
    size = read_sizes(folder)[name]
    dtype = torch.bfloat16 if "logits_f32" in golden else torch.float32

    def sliced() -> tuple[bool, str]:
        engine.slice(folder, name, out)
        return same_tensors(read_folder(out)[1], slice_tensors(config, tensors, size))

    def config_of_slice() -> tuple[bool, str]:
        ours, reference = read_folder(out)[0], slice_config(config, size)
        kept = ("n_groups", "num_key_value_heads", "num_experts_per_tok", "vocab_size")
        wrong = [key for key in AXES + kept if ours.get(key) != reference.get(key)]
        if not any(letter == "-" for letter in block_pattern(reference)):
            wrong = [key for key in wrong if key != "intermediate_size"]  # no block reads it
        if block_pattern(ours) != block_pattern(reference):
            wrong.append("pattern")
        return not wrong, f"differing keys: {wrong}" if wrong else "widths and pattern equal"

    def in_transformers() -> tuple[bool, str]:
        with torch.no_grad():
            theirs = hf.prefill(hf.load(out, dtype), ids)
        error = hf.relative_error(theirs, golden["logits"])
        return (
            error <= limit_of("logits", golden),
            f"loads with no key missing or left over, error {error:.1e}",
        )

    def run(model: Path, size_name: str | None = None) -> tuple[bool, str]:
        ours = engine.logits(model, ids, scratch / "logits.safetensors", size_name)
        return check_logits(ours, golden)

    check(f"{what} slice", sliced)
    check(f"{what} slice config", config_of_slice)
    check(f"{what} slice in transformers", in_transformers)
    check(f"{what} logits of slice", run, out)
    check(f"{what} logits in place", run, folder, name)


def check_tokenizers(check: Checks, engine: Engine | None, data: Path, scratch: Path) -> None:
    """The committed ids against Hugging Face, and ours against it on every text (tokenizer_checks.py)."""
    folder = data / "tokenizers"
    # The separator also ends the file: the last text is the empty one, which has no expected line.
    texts = (folder / "bpe_vectors.inp").read_bytes().decode().split(SEPARATOR)
    for file, vectors in {"gpt2_tokenizer.json": "gpt2", "neox_20b_tokenizer.json": "neox"}.items():
        tokenizer = Tokenizer.from_file(str(folder / file))
        encode = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        lines = (folder / f"bpe_vectors.{vectors}.out").read_text().splitlines()
        known = [[int(word) for word in line.split()] for line in lines]
        count = sum(a == b for a, b in zip(encode, known, strict=False))
        detail = f"{count} of {len(known)} texts"
        check(f"{file} Hugging Face against committed ids", holds, count == len(known), detail)
    if engine is None:
        return
    for what, result in tokenizer_checks.all_comparisons(engine.binary, data, scratch):
        check(what, holds, *result)


def check_chats(golden: Path) -> tuple[bool, str]:
    fresh = make_chat_goldens.lines()
    return holds(golden.read_text(encoding="utf-8").splitlines() == fresh, f"{len(fresh)} conversations")


def main() -> None:
    """Runs everything; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starnest", type=Path, default=REPOSITORY / "build/release/bin/starnest")
    parser.add_argument("--tests", type=Path, default=REPOSITORY / "tests")
    parser.add_argument("--skip-starnest", action="store_true", help="check the oracles only")
    args = parser.parse_args()
    golden: Path = args.tests / "golden"
    if not args.skip_starnest and not args.starnest.exists():
        parser.error(f"{args.starnest} does not exist: build it or pass --starnest PATH")
    engine = None if args.skip_starnest else Engine(args.starnest)
    check = Checks()

    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        for shape in SHAPES:
            make_checkpoints.make_checkpoint(shape, scratch / shape.name)
            # The ids were chosen once; another machine must not choose others.
            shutil.copy(golden / shape.name / "ids.json", scratch / shape.name)
        make_goldens.make_goldens(scratch, report=lambda line: None)
        for shape in SHAPES:
            check_reproduction(check, shape, scratch / shape.name, golden / shape.name)

        fixture = "safetensors/python_written.safetensors"
        make_safetensors_fixture.write(scratch / "fixture.safetensors")
        same = (scratch / "fixture.safetensors").read_bytes() == (golden / fixture).read_bytes()
        check(f"{fixture} made anew", holds, same, "byte by byte")

        if engine is not None:
            for shape in SHAPES:
                for name in read_sizes(golden / shape.name):
                    check_size(check, engine, golden / shape.name, name, scratch)
            for what, error in per_block.comparisons(engine, golden, scratch):
                limit = PER_BLOCK_BF16 if "bf16" in what else EQUAL_F32
                check(what, holds, error <= limit, f"error {error:.1e}, limit {limit:.0e}")
        check_tokenizers(check, engine, args.tests / "data", scratch)
        conversations = args.tests / "data/chat/conversations.jsonl"
        check("conversations rendered anew by jinja2", check_chats, conversations)

    print(f"{check.passed} passed, {check.failed} failed")
    sys.exit(1 if check.failed else 0)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Training steps in turn: transformers (eager), plain ATen, starnest-train; and a small size beside a small model.

All train the same weights on the same batch with as many threads, in F32: forward, backward, clip, AdamW. Every round
times each arm once, in an order that rotates, so that what else the machine does falls on all alike.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import NemotronHForCausalLM

MODELS = {
    "A": "--model-pattern M*EM*EME --model-hidden 128 --model-mamba-heads 8 --model-experts 16"
    " --model-expert-ffn 128 --model-shared-ffn 128",
    "C": "",
}
SMALL = {
    "A": "small:hidden_size=80,moe_intermediate_size=48,num_attention_heads=6",
    "C": "small:hidden_size=32,moe_intermediate_size=48",
}


class Steps:
    """bench_training as a process that answers commands."""

    def __init__(self, program: Path, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, command: str) -> Any:
        assert self.process.stdin and self.process.stdout
        print(command, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class Transformers:
    """The same model and step in transformers, with the fused AdamW of PyTorch."""

    def __init__(self, folder: Path, batch: dict[str, Any], threads: int) -> None:
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self.model = NemotronHForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager"
        ).train()
        self.ids = torch.tensor(batch["ids"])
        self.completion = torch.tensor(batch["completion"])
        self.targets = self.ids.flatten()[self.completion + 1]
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-6, betas=(0.9, 0.98), weight_decay=0.05, fused=True
        )

    def seconds(self, count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            logits = self.model(self.ids, use_cache=False).logits.flatten(0, 1)[self.completion]
            loss = torch.nn.functional.cross_entropy(logits, self.targets)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
        return (time.perf_counter() - start) / count


def make_family(folder: Path, binaries: Path, model: str) -> tuple[Path, Path]:
    """A new model of the widths, made a family of two sizes, and the small one cut out."""
    parent, family, small = folder / "parent", folder / "family", folder / "small"
    train = [binaries / "starnest-train"]
    none = ["--steps", "0", "--dev-problems", "1"]
    for command in (
        [*train, "pretrain", *none, "--out", parent, *MODELS[model].split()],
        [*train, "elastify", *none, "--model", parent, "--out", family, "--size", "large"] + ["--size", SMALL[model]],
        [binaries / "starnest", "slice", "-m", family, "--size", "small", "-o", small],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return family, small


def matmul_rate(size: int = 1024, rounds: int = 5) -> float:
    """Floating-point operations per second of a large F32 product, the best of some."""
    a = torch.randn(size, size)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        torch.mm(a, a)
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=Path, default=Path("build/release/bin"))
    parser.add_argument("--model", choices=MODELS, default="A")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=5, help="steps of each arm in a round")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        family, small = make_family(Path(folder), options.binaries, options.model)
        steps = Steps(
            options.binaries / "bench_training", [str(family), str(small), str(options.threads), str(options.rows)]
        )
        batch = steps.ask("batch")
        theirs = Transformers(family, batch, options.threads)
        arms = {"transformers": theirs.seconds} | {
            name: (lambda count, name=name: steps.ask(f"{name} {count}")) for name in ("plain", "ours", "narrow", "small")
        }
        for arm in arms.values():
            arm(2)  # warm-up
        times: dict[str, list[float]] = {name: [] for name in arms}
        names = list(arms)
        for round_number in range(options.rounds):
            turn = round_number % len(names)
            for name in names[turn:] + names[:turn]:
                times[name].append(arms[name](options.steps))

        def ratio(slow: str, fast: str) -> str:
            ratios = [a / b for a, b in zip(times[slow], times[fast], strict=True)]
            return f"{statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})"

        tokens = len(batch["ids"]) * len(batch["ids"][0])
        print(
            f"model {options.model}, {options.threads} threads, {options.rows} rows of {len(batch['ids'][0])} tokens, "
            f"{options.rounds} rounds of {options.steps} steps; logits of plain and ours differ by "
            f"{steps.ask('check'):.1e}"
        )
        for name in names:
            print(f"{name:13} {1e3 * statistics.median(times[name]):7.1f} ms a step, {tokens / statistics.median(times[name]):7.0f} tokens/s")
        print(f"ours against transformers   {ratio('transformers', 'ours')}")
        print(f"ours against plain ATen     {ratio('plain', 'ours')}")
        print(f"small size / small model    {ratio('narrow', 'small')}")
        rate = matmul_rate()
        used = steps.ask("flops") / statistics.median(times["ours"])
        print(f"utilisation of ours         {100 * used / rate:.0f} % of {rate / 1e9:.0f} GFLOP/s of a large product")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Prints the accuracy tables of a family's model card: every size and effort, and every ordered pair under a budget.

Each cell is one call of `starnest eval` on the same held-out problems, by greedy generation.
Needs nothing but the standard library.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

ENDS = ("natural", "boundary", "forced")


def evaluate(arguments: argparse.Namespace, task: str, *options: str) -> dict:
    """One report of `starnest eval`."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [arguments.starnest, "eval", "-m", arguments.model, "--task", task]
        command += ["-n", str(arguments.count), "--json", str(report), *options]
        subprocess.run(command, check=True, capture_output=True)
        return json.loads(report.read_text())


def accuracy(report: dict) -> str:
    """Percent right with the 95 % Wilson interval."""
    result = report["result"]
    low, high = 100 * result["wilson_low"], 100 * result["wilson_high"]
    return f"{100 * result['accuracy']:.1f} ({low:.1f}-{high:.1f})"


def size_names(starnest: str, model: str) -> list[str]:
    out = subprocess.run([starnest, "inspect", "-m", model, "--json"], check=True, capture_output=True, text=True)
    return [size["name"] for size in json.loads(out.stdout)["sizes"]]


def print_sizes(arguments: argparse.Namespace, task: str, sizes: list[str]) -> None:
    print(f"\nTask {task}:\n\n| size | e2 (long) | e1 (terse) | e0 (none) |\n|---|---|---|---|")
    for size in sizes:
        cells = [accuracy(evaluate(arguments, task, "--size", size, "--effort", effort)) for effort in ("e2", "e1", "e0")]
        print(f"| {size} | " + " | ".join(cells) + " |", flush=True)


def print_pairs(arguments: argparse.Namespace, task: str, sizes: list[str], budget: int, grace: int) -> None:
    print(f"\nTask {task}, budget {budget}, grace {grace}:\n")
    print("| thinks | answers | right | natural / boundary / forced |\n|---|---|---|---|")
    for thinks in sizes:
        for answers in sizes:
            plan = ("--think-size", thinks, "--answer-size", answers)
            limits = ("--think-budget", str(budget), "--think-grace", str(grace), "--effort", "e2")
            report = evaluate(arguments, task, *plan, *limits)
            ends = " / ".join(str(report["think_ends"][end]) for end in ENDS)
            print(f"| {thinks} | {answers} | {accuracy(report)} | {ends} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models/pocket")
    parser.add_argument("--tasks", nargs="+", default=["r"])
    parser.add_argument("--starnest", default="build/release/bin/starnest")
    parser.add_argument("--count", type=int, default=1000, help="problems per cell")
    parser.add_argument("--pairs", action="append", default=[], metavar="BUDGET,GRACE", help="repeat per table")
    arguments = parser.parse_args()
    sizes = size_names(arguments.starnest, arguments.model)
    for task in arguments.tasks:
        print_sizes(arguments, task, sizes)
        for pair in arguments.pairs:
            budget, grace = (int(number) for number in pair.split(","))
            print_pairs(arguments, task, sizes, budget, grace)


if __name__ == "__main__":
    main()

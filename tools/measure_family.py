#!/usr/bin/env python3
"""Prints the accuracy tables of a family's model card: every size and effort, and every ordered pair under a budget.

Each cell is one call of `starnest eval` on the same held-out problems, by greedy generation. Models of one size (the
parent, a size that was distilled alone) give one row. Needs nothing but the standard library.
"""

import argparse
import json
import math
import pathlib
import subprocess
import tempfile

ENDS = ("natural", "boundary", "forced")
Z95 = 1.959963984540054


def k_options(arguments: argparse.Namespace) -> list[str]:
    """--k LOW,HIGH as `starnest eval` has it."""
    if not arguments.k:
        return []
    low, high = arguments.k.split(",")
    return ["--k-low", low, "--k-high", high]


def evaluate(arguments: argparse.Namespace, model: str, task: str, *options: str) -> dict:
    """One report of `starnest eval`."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [arguments.starnest, "eval", "-m", model, "--task", task, "-t", str(arguments.threads)]
        command += ["-n", str(arguments.count), "--json", str(report), *k_options(arguments), *options]
        subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(report.read_text())


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share, as src/report/intervals.h has it."""
    p, z2 = right / n, Z95 * Z95
    middle, reach = p + z2 / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (middle - reach) / (1 + z2 / n), (middle + reach) / (1 + z2 / n)


def accuracy(right: int, n: int) -> str:
    """Percent right with its interval."""
    low, high = wilson(right, n)
    return f"{100 * right / n:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def counts(report: dict) -> tuple[int, int]:
    return report["result"]["right"], report["result"]["n"]


def size_names(starnest: str, model: str) -> list[str]:
    out = subprocess.run([starnest, "inspect", "-m", model, "--json"], check=True, capture_output=True, text=True)
    return [size["name"] for size in json.loads(out.stdout)["sizes"]]


def print_row(name: str, cells: list[tuple[int, int]]) -> None:
    """A cell per task, and all problems together when there are several."""
    if len(cells) > 1:
        cells = [*cells, (sum(right for right, _ in cells), sum(n for _, n in cells))]
    print(f"| {name} | " + " | ".join(accuracy(*cell) for cell in cells) + " |", flush=True)


def print_header(first: str, tasks: list[str]) -> None:
    columns = [*tasks, "all"] if len(tasks) > 1 else tasks
    print(f"| {first} | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))


def print_sizes(arguments: argparse.Namespace) -> None:
    for effort in arguments.efforts:
        print(f"\nEffort {effort}, {arguments.count} problems of each family:\n")
        print_header("size", arguments.tasks)
        for model in arguments.model:
            sizes = size_names(arguments.starnest, model)
            for size in sizes:
                name = f"{pathlib.Path(model).name} {size}" if len(arguments.model) > 1 else size
                options = ("--size", size, "--effort", effort)
                print_row(name, [counts(evaluate(arguments, model, task, *options)) for task in arguments.tasks])


def print_pairs(arguments: argparse.Namespace, budget: int, grace: int) -> None:
    model = arguments.model[0]
    sizes = size_names(arguments.starnest, model)
    print(f"\nBudget {budget}, grace {grace}, effort {arguments.efforts[0]}, hand-over {arguments.hand_over}:\n")
    columns = [*arguments.tasks, "all"] if len(arguments.tasks) > 1 else arguments.tasks
    print("| thinks | answers | " + " | ".join(columns) + " | natural / boundary / forced |")
    print("|---|---|" + "---|" * (len(columns) + 1))
    for thinks in sizes:
        for answers in sizes:
            plan = ("--think-size", thinks, "--answer-size", answers, "--hand-over", arguments.hand_over)
            limits = ("--think-budget", str(budget), "--think-grace", str(grace), "--effort", arguments.efforts[0])
            reports = [evaluate(arguments, model, task, *plan, *limits) for task in arguments.tasks]
            cells = [counts(report) for report in reports]
            if len(cells) > 1:
                cells.append((sum(right for right, _ in cells), sum(n for _, n in cells)))
            ends = " / ".join(str(sum(report["think_ends"][end] for report in reports)) for end in ENDS)
            row = " | ".join(accuracy(*cell) for cell in cells)
            print(f"| {thinks} | {answers} | {row} | {ends} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["models/reasoner"], help="pairs are of the first one")
    parser.add_argument("--tasks", nargs="+", default=["r", "h", "c", "a", "p"])
    parser.add_argument("--efforts", nargs="+", default=["e2", "e1", "e0"], help="pairs take the first one")
    parser.add_argument("--starnest", default="build/release/bin/starnest")
    parser.add_argument("--count", type=int, default=1600, help="problems of each task")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--pairs", action="append", default=[], metavar="BUDGET,GRACE", help="repeat per table")
    parser.add_argument("--hand-over", default="recompute")
    parser.add_argument("--k", metavar="LOW,HIGH", help="range of the tasks' knob; by default 2 to where training ends")
    parser.add_argument("--only-pairs", action="store_true")
    arguments = parser.parse_args()
    if not arguments.only_pairs:
        print_sizes(arguments)
    for pair in arguments.pairs:
        budget, grace = (int(number) for number in pair.split(","))
        print_pairs(arguments, budget, grace)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.stderr.strip()) from None

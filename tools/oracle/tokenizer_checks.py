# SPDX-License-Identifier: Apache-2.0
"""Our tokenizer against Hugging Face `tokenizers`: ids and decoded text, for four vocabularies.

Two are published (tests/data/tokenizers); two are trained here on the patterns that Nemotron models use, with 1,000
added tokens first, one with ignore_merges. STARNEST_TEST_DATA names a folder of larger texts (*.txt, *.jsonl, *.csv
below it); without it one line says that they are skipped.
"""

import json
import os
import random
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

RANDOM_STRINGS = 10_000
MOST_BYTES = 1 << 20  # of one file
PATTERNS = {
    "nemotron": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+",
    "llama": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+",
}


def train(pattern: str, ignore_merges: bool, texts: list[str], out: Path) -> None:
    """A byte-level BPE of 4,000 ids whose first 1,000 are added tokens."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    added = ["<unk>", "<s>", "</s>"] + [f"<SPECIAL_{number}>" for number in range(3, 1000)]
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        show_progress=False,
        special_tokens=[AddedToken(text, special=True, normalized=False) for text in added],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(out))


def known_character(code: int) -> bool:
    """Whether both libraries treat it alike: an assigned character; of those that NFC reorders only old ones, since
    `tokenizers` normalises as Unicode 9 did."""
    character = chr(code)
    if unicodedata.combining(character):
        return unicodedata.ucd_3_2_0.category(character) != "Cn"
    return unicodedata.category(character) not in ("Cn", "Cs", "Co")


def random_strings(count: int, seed: int = 1) -> Iterator[str]:
    """Strings that mix scripts, white space, marks and punctuation."""
    chooser = random.Random(seed)
    spans = [(32, 127)] * 6 + [(0x80, 0x250), (0x300, 0x370), (0x400, 0x530), (0x5D0, 0x700), (0x900, 0xE00)]
    spans += [(0x2000, 0x2070), (0x3000, 0x3100), (0x4E00, 0x4F00), (0xAC00, 0xAD00), (0x1F300, 0x1F650), (9, 14)]
    for _ in range(count):
        text = ""
        for _ in range(chooser.randint(0, 40)):
            low, high = chooser.choice(spans)
            code = chooser.randrange(low, high)
            text += chr(code) if known_character(code) else " "
        yield text


def corpora() -> list[str]:
    """The larger texts, each cut to a megabyte at a line end."""
    folder = os.environ.get("STARNEST_TEST_DATA")
    if not folder:
        print("skipped: texts of STARNEST_TEST_DATA, which is not set")
        return []
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix in (".txt", ".jsonl", ".csv", ".tsv"))
    if not files:
        raise FileNotFoundError(f"STARNEST_TEST_DATA={folder} holds no text")
    return [path.read_bytes()[:MOST_BYTES].decode(errors="ignore") for path in files]


def ours(starnest: Path, model: Path, lines: list[str], *options: str) -> list[str]:
    """One line of JSON in, one out."""
    command = [str(starnest), "tokenize", "-m", str(model), "--jsonl", *options]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n").split("\n")  # splitlines would also cut at U+2028 inside a string


def compare(starnest: Path, model: Path, texts: list[str]) -> tuple[bool, str]:
    """Ids of all texts, and the text of all ids."""
    tokenizer = Tokenizer.from_file(str(model))
    expected = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    lines = ours(starnest, model, [json.dumps(text, ensure_ascii=True) for text in texts], "--no-special")
    got = [json.loads(line) for line in lines]
    wrong = [number for number, ids in enumerate(expected) if got[number] != ids]
    decoded = ours(starnest, model, [json.dumps(ids) for ids in expected], "--decode")
    back = [tokenizer.decode(ids, skip_special_tokens=False) for ids in expected]
    wrong_text = [number for number, text in enumerate(back) if json.loads(decoded[number]) != text]
    tokens = sum(len(ids) for ids in expected)
    detail = f"{len(texts)} texts, {tokens:,} ids; wrong ids in {wrong[:5]}, wrong text in {wrong_text[:5]}"
    return not wrong and not wrong_text, detail


def all_comparisons(starnest: Path, data: Path, scratch: Path) -> Iterator[tuple[str, tuple[bool, str]]]:
    """(what, (good, detail)) for every vocabulary."""
    large = corpora()
    own = [path.read_bytes().decode()[:65536] for path in sorted(data.rglob("*.txt")) + sorted(data.rglob("*.md"))]
    texts = own + large + list(random_strings(RANDOM_STRINGS))
    published = [data / "tokenizers" / name for name in ("gpt2_tokenizer.json", "neox_20b_tokenizer.json")]
    trained = []
    for name, pattern in PATTERNS.items():
        for ignore_merges in (False, True):
            out = scratch / f"{name}_{'ignore' if ignore_merges else 'merge'}.json"
            train(pattern, ignore_merges, [text[:200_000] for text in own + large], out)
            trained.append(out)
    for model in published + trained:
        yield f"tokenizer {model.stem} against Hugging Face", compare(starnest, model, texts)


if __name__ == "__main__":
    import tempfile

    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as folder:
        results = list(all_comparisons(root / "build/release/bin/starnest", root / "tests/data", Path(folder)))
    for what, (good, detail) in results:
        print("ok  " if good else "FAIL", what, detail)
    sys.exit(0 if all(good for _, (good, _) in results) else 1)

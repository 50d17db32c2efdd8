"""Trains a byte-level BPE tokenizer on text, for models with a small vocabulary of their own.

    .venv/bin/python tools/make_tokenizer.py --vocabulary 2048 --out tokenizer.json stories.txt ...

Documents are separated by lines of <|endoftext|>, which becomes token 0.
"""

import argparse
import pathlib

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"


def documents(files):
    for file in files:
        for document in file.read_text(encoding="utf-8").split(END):
            if document.strip():
                yield document.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=arguments.vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents(arguments.files), trainer)
    tokenizer.save(str(arguments.out))

    texts = list(documents(arguments.files))[:1000]
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))
    bytes_read = sum(len(text.encode()) for text in texts)
    print(f"{tokenizer.get_vocab_size()} tokens, {bytes_read / tokens:.2f} bytes per token on the first {len(texts)} documents")


if __name__ == "__main__":
    main()

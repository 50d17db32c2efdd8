# SPDX-License-Identifier: Apache-2.0
"""Converts a nemotron_h model folder without a tokenizer to a BF16 GGUF with llama.cpp's own converter.

Usage: PYTHONPATH=LLAMA_CPP/gguf-py:LLAMA_CPP to_gguf.py MODEL_DIR OUT.gguf

The converter insists on a tokenizer that it knows; a benchmark feeds token ids, so the file says that it has none.
"""

import sys
from pathlib import Path

import gguf
import torch
from conversion.nemotron import NemotronHModel


class WithoutTokenizer(NemotronHModel):
    """Everything as llama.cpp converts it, but the vocabulary is a number only."""

    model_arch = NemotronHModel.model_arch  # must be set anew; the constructor chooses with or without experts

    def set_vocab(self) -> None:
        self._set_vocab_none()
        self.gguf_writer.add_vocab_size(self.hparams["vocab_size"])


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with torch.inference_mode():
        WithoutTokenizer(Path(sys.argv[1]), gguf.LlamaFileType.MOSTLY_BF16, Path(sys.argv[2])).write()


if __name__ == "__main__":
    main()

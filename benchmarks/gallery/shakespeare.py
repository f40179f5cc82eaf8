"""A small transformer that writes plays, character by character.

    python -m benchmarks.gallery.shakespeare

trains for about twelve CPU minutes and writes `coursepkg/weights/shakespeare.pt`, a `state_dict` in
half precision with the characters beside it (their code points, in the order of their numbers), and
`benchmarks/results/gallery-shakespeare.json`: sizes, and bits per character of the held-out plays.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.gallery.publish import save
from benchmarks.recipe import on_text
from coursepkg.data.text import Text, Vocabulary, load_shakespeare
from coursepkg.gallery.sequences import SHAKESPEARE, player
from coursepkg.models.language.stream import bits_per_character, stream_log_prob
from coursepkg.nets.transformer import Transformer
from coursepkg.rng import seeded

STEPS, BATCH, RATE = 4000, 4, 3e-3


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    steps: Annotated[int, typer.Option(help="of the training")] = STEPS,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    start, text = time.process_time(), load_shakespeare()
    code = Vocabulary.from_text(text.train)
    net = network(code)
    number = 2 if quick else steps
    on_text(net, code.encode(text.train), steps=number, length=net.context, batch_size=BATCH,
            rate=RATE, generator=seeded(1))  # fmt: skip
    row: dict[str, Any] = {
        **SHAKESPEARE, "steps": number, "symbols": len(code),
        "cpu_seconds": time.process_time() - start, "source": text.source, "sha256": text.sha256,
    }  # fmt: skip
    save("shakespeare", net, row, lambda: scores(net, text, code, 2000 if quick else None),
         quick=quick, out=out)  # fmt: skip


def network(code: Vocabulary) -> Transformer:
    """The untrained network, with its characters."""
    return player(torch.tensor([ord(c) for c in code.characters]), generator=seeded(0))


def scores(
    net: Transformer, text: Text, code: Vocabulary, short: int | None
) -> dict[str, dict[str, float]]:
    """Bits per character of both held-out parts."""

    def bits(y: Tensor) -> float:
        return bits_per_character(stream_log_prob(net, y, context=net.context), len(y) - 1)

    parts = {"valid": text.valid[:short], "test": text.test[:short]}
    return {part: {"bits": bits(code.encode(piece))} for part, piece in parts.items()}


if __name__ == "__main__":
    typer.run(main)

"""The reader of chapter 20's live figure: two layers, in half precision.

    python -m benchmarks.live.attention

trains nothing: it takes the network that `python -m benchmarks.gallery.induction` trained and
writes it, in the half precision in which it is kept, to `book/live/attention-weights.js`.
"""

import json
import textwrap
from pathlib import Path
from typing import Annotated

import typer
from torch import Tensor

from benchmarks.live.export import LIVE, read_weights, write_weights
from benchmarks.provenance import RESULTS, provenance
from coursepkg.gallery.sequences import reader
from coursepkg.nets.trained import load_weights
from coursepkg.nets.transformer import Transformer
from coursepkg.rng import seeded

WEIGHTS = LIVE / "attention-weights.js"
CONTEXT = 41  # a start and the letters that the page takes


def main(
    quick: Annotated[bool, typer.Option(help="as without it, but writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the weights")] = None,
) -> None:
    """Writes the network."""
    score = json.loads((RESULTS / "gallery-induction.json").read_text(encoding="utf-8"))["rows"][0]
    made = provenance()
    comment = (
        "A transformer of two layers that reads made-up words, in half precision; "
        f"{score['certain']:.3f} nats a letter where the letter is certain. Trained for "
        f"{score['cpu_seconds']:.0f} CPU seconds by `python -m benchmarks.gallery.induction`; "
        f"written by `{made['command']}`, torch {made['torch']}, commit {made['commit'][:12]}, "
        f"{made['date']}."
    )
    print(comment)
    if quick and out is None:
        return
    path = (out or LIVE) / WEIGHTS.name
    path.parent.mkdir(exist_ok=True)
    write_weights(path, load_weights("induction"), textwrap.fill(comment, 100))


def trained() -> Transformer:
    """The published network, in eval mode."""
    net = reader(2, CONTEXT, generator=seeded(0))
    net.load_state_dict(load_weights("induction"))
    return net.eval()


def load(path: Path = WEIGHTS) -> dict[str, Tensor]:
    """What the file holds."""
    return read_weights(path)


if __name__ == "__main__":
    typer.run(main)

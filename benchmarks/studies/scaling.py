"""How the loss falls with parameters, data and compute: twenty transformers on Shakespeare.

    python -m benchmarks.studies.scaling

writes `benchmarks/results/scaling.json`. Four sizes, and for each five numbers of characters seen,
each a whole training of its own with its own warm-up and cosine: a curve's middle is no such run.
The loss is in nats a character of the validation plays' first 100,000. Rows are written after every
run, and runs that the file has are not done again (`--anew` does them all).
"""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import on_text
from coursepkg.data.text import Vocabulary, load_shakespeare
from coursepkg.models.language.scaling import operations
from coursepkg.models.language.stream import stream_log_prob
from coursepkg.nets.transformer import rotary_transformer
from coursepkg.rng import seeded

CONTEXT, BATCH, HELD_OUT = 64, 8, 100_000
SIZES = {16: 1, 32: 2, 64: 2, 96: 3}  # width and depth
SEEN = (2**17, 2**18, 2**19, 2**20, 2**21)  # characters


def main(
    widths: Annotated[list[int] | None, typer.Argument(help="of the networks")] = None,
    seen: Annotated[list[int] | None, typer.Option(help="characters; default the study's")] = None,
    anew: Annotated[bool, typer.Option(help="forget the rows that are there")] = False,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains what is missing, prints a line for each run, writes the results."""
    torch.set_num_threads(1)
    path = out / "scaling.json"
    rows = [] if anew or not path.exists() else json.loads(path.read_text("utf8"))["rows"]
    there = {(row["width"], row["seen"]) for row in rows}
    text = load_shakespeare()
    code = Vocabulary.from_text(text.train)
    train, valid = code.encode(text.train), code.encode(text.valid[:HELD_OUT])
    for characters in seen or SEEN:
        for width in widths or SIZES:
            if (width, characters) not in there:
                row = run(width, characters, train, valid, len(code))
                rows.append(row | {"source": text.source, "sha256": text.sha256})
                print(rows[-1], flush=True)
                write_results(path, sorted(rows, key=lambda row: (row["width"], row["seen"])))


def run(width: int, seen: int, train: Tensor, valid: Tensor, symbols: int) -> dict[str, Any]:
    """One training, on as many characters as it may see."""
    start, generator = time.process_time(), seeded(width)
    net = rotary_transformer(symbols=symbols, context=CONTEXT, width=width, heads=width // 16,
                             depth=SIZES[width], spread=0.1, generator=generator)  # fmt: skip
    on_text(net, train, steps=seen // (CONTEXT * BATCH), length=CONTEXT, batch_size=BATCH,
            rate=0.05 / width**0.6, generator=generator)  # fmt: skip
    loss = -stream_log_prob(net, valid, context=CONTEXT).double().mean().item()
    size = sum(p.numel() for p in net.parameters())
    return {
        "width": width, "depth": SIZES[width], "size": size, "seen": seen, "loss": loss,
        "operations": operations(size, seen), "cpu_seconds": time.process_time() - start,
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

"""The small transformer that has learnt to look for what followed last time.

    python -m benchmarks.gallery.induction

trains the two layers of `benchmarks.studies.induction` for half a minute and writes
`coursepkg/weights/induction.pt`, a `state_dict` in half precision, and what it costs where the next
letter is certain in `benchmarks/results/gallery-induction.json`.
"""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.gallery.publish import save
from benchmarks.studies.induction import measured, trained
from coursepkg.gallery.sequences import INDUCTION
from coursepkg.rng import seeded

DEPTH, STEPS = 2, 500


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    start, steps = time.process_time(), 2 if quick else STEPS
    net = trained(DEPTH, steps, seeded(0))
    row = {"depth": DEPTH, **INDUCTION, "steps": steps, "cpu_seconds": time.process_time() - start}
    save("induction", net.net, row, lambda: measured(net, seeded(1)), quick=quick, out=out)


if __name__ == "__main__":
    typer.run(main)

"""What an RBM costs as it grows: its exact log Z, an epoch of learning, and a step of its chain.

    python -m benchmarks.rbm_growth

writes `benchmarks/results/rbm_growth.json`. All are timed in one process, on one thread: log Z
against the size of the smaller layer, which doubles the work with each unit; and, against the size
of the hidden layer, CD-1 and PCD on 1,000 images of 64 pixels, and a step of block Gibbs for 100
chains, which grow in proportion.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest
from coursepkg.data import digits
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.gibbs import BlockGibbs
from coursepkg.models.rbm.learning import ContrastiveDivergence, PersistentChains, train
from coursepkg.rng import seeded

REPEATS, D = 5, 64
ENUMERATED = (8, 10, 12, 14, 16, 18, 20)
LAYERS = (25, 50, 100, 200, 400, 800)


def main(
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures, prints a line for each size, and writes the results."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    x = digits.binarise(digits.load_split().train)
    sizes = [("log Z", M) for M in ENUMERATED]
    sizes += [(kind, M) for kind in ("CD-1 epoch", "PCD epoch", "Gibbs step") for M in LAYERS]
    rows = []
    for kind, hidden in sizes:
        rows.append(cost(kind, hidden, x))
        print("{kind:10} D = {D}, M = {M:3d}: {seconds:.2e} s".format(**rows[-1]))
    write_results(out / "rbm_growth.json", rows)


def cost(kind: str, hidden: int, x: Tensor) -> dict[str, Any]:
    """Least CPU seconds of one piece of work for a machine with `hidden` units."""
    generator = seeded(0)
    rbm = RBM(D, hidden, generator=generator)
    kernel = BlockGibbs(rbm)
    state = kernel.init(x[:100])

    def epoch(negative: ContrastiveDivergence | PersistentChains) -> object:
        return train(
            rbm, x, negative=negative, epochs=1, batch_size=50, step_size=0.01, generator=generator
        )

    work: dict[str, Callable[[], object]] = {
        "log Z": rbm.log_z,
        "CD-1 epoch": lambda: epoch(ContrastiveDivergence(1)),
        "PCD epoch": lambda: epoch(PersistentChains(50)),
        "Gibbs step": lambda: kernel.step(state, generator=generator),
    }
    with torch.no_grad():
        return {"kind": kind, "D": D, "M": hidden, "seconds": fastest(work[kind], repeats=REPEATS)}


if __name__ == "__main__":
    typer.run(main)

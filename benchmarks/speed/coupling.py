"""Seconds of an affine coupling flow's log_prob beside zuko's of the same size.

    python -m benchmarks.speed.coupling

writes `benchmarks/results/coupling_speed.json`. Both flows have as many couplings with perceptrons
of the same widths, on the same points, in one process on one thread. Compare the ratios.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest
from coursepkg.models.flows import Affine, Chain, Coupling, StandardNormal, half
from coursepkg.models.transformed import Transformed
from coursepkg.nets.mlp import MLP
from coursepkg.rng import global_state_from, seeded

MISSING = ""  # what is not installed
try:
    import zuko
except ImportError as error:
    MISSING = error.name or str(error)

COUPLINGS, HIDDEN = 8, (128, 128)


def main(
    batches: Annotated[list[int] | None, typer.Argument(help="numbers of examples")] = None,
    dim: Annotated[int, typer.Option(help="number of variables")] = 64,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Times every size of batch, prints the ratios, writes the results."""
    if MISSING:
        raise SystemExit(f"benchmarks.speed.coupling: {MISSING} is not installed, and is optional")
    torch.set_num_threads(1)
    rows = [race(torch.randn(B, dim, generator=seeded(0))) for B in batches or (64, 256, 1024)]
    for row in rows:
        print("B = {batch}: {ours:.5f} s and {theirs:.5f} s, × {ratio:.2f}".format(**row))
    write_results(out / "coupling_speed.json", rows)


@torch.no_grad()
def race(x: Tensor) -> dict[str, Any]:
    """One row: CPU seconds of one log_prob of x, (B, D), ours and zuko's."""
    D = x.shape[1]
    layers = [
        Coupling(MLP([D, *HIDDEN, 2 * D], activation=torch.relu, generator=seeded(n)),
                 half(D, parity=n % 2), monotone=Affine())
        for n in range(COUPLINGS)
    ]  # fmt: skip
    ours = Transformed(Chain(layers), StandardNormal(D))
    with global_state_from(seeded(0)):
        theirs = zuko.flows.NICE(
            features=D, transforms=COUPLINGS, randmask=False, hidden_features=HIDDEN
        )
    seconds = [
        fastest(work, repeats=7, least=0.1)
        for work in (lambda: ours.log_prob(x), lambda: theirs().log_prob(x))
    ]
    return {"batch": len(x), "dim": D, "ours": seconds[0], "theirs": seconds[1],
            "ratio": seconds[0] / seconds[1]}  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

"""What log Z of an RBM costs as it grows: summed exactly, and estimated by annealing.

    python -m benchmarks.partition_growth

writes `benchmarks/results/partition_growth.json`. The machines have 64 visible units and M hidden
ones with random weights; the sum runs over 2^M states, while annealed importance sampling has the
same number of chains and temperatures for each M, and its own error beside the true one where the
sum can be paid for.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.rng import seeded
from coursepkg.samplers.annealed import annealed_importance

VISIBLE, CHAINS, TEMPERATURES, LARGEST_SUM, REPEATS = 64, 100, 1000, 20, 3
SPREAD = 0.5  # standard deviation of the weights: a trained machine's, about
LINE = "M = {M}: sum {sum_seconds} s, annealing {ais_seconds:.2f} s, off by {off} ± {ais_error:.3f}"


def main(
    hidden: Annotated[list[int] | None, typer.Argument(help="values of M")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures every M, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows = []
    for M in hidden or (4, 8, 10, 12, 14, 16, 18, 20, 50, 100, 200):
        rows.append(measure(M))
        print(LINE.format(**rows[-1]))
    write_results(out / "partition_growth.json", rows)


def measure(M: int) -> dict[str, Any]:
    """CPU seconds of both, the estimate's own error, and how far it is from the sum, nats."""
    rbm = machine(M)
    betas = torch.linspace(0, 1, TEMPERATURES + 1)
    began = time.process_time()
    ais = annealed_importance(RBMPath(rbm), betas, chains=CHAINS, generator=seeded(1))
    ais_seconds = time.process_time() - began
    row = {"M": M, "chains": CHAINS, "temperatures": TEMPERATURES, "ais_seconds": ais_seconds,
           "ais_error": ais.error, "sum_seconds": None, "off": None}  # fmt: skip
    if M > LARGEST_SUM:
        return row
    with torch.no_grad():
        off = ais.log_Z - rbm.log_z().item()
        seconds = fastest(rbm.log_z, repeats=REPEATS)
    return row | {"sum_seconds": seconds, "off": off}


def machine(M: int) -> RBM:
    """64 visible and M hidden units with random weights; each field has mean zero at h = 1/2."""
    rbm = RBM(VISIBLE, M, generator=seeded(0), scale=SPREAD)
    with torch.no_grad():
        rbm.b.copy_(-rbm.W.sum(1) / 2)
        rbm.c.copy_(-rbm.W.sum(0) / 2)
    return rbm


if __name__ == "__main__":
    typer.run(main)

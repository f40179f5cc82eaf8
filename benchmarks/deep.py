"""What deep machines cost as they grow: with the width of a layer, and with the number of layers.

    python -m benchmarks.deep

writes `benchmarks/results/deep.json`: CPU seconds, the fastest of several. "log Z" is the sum over
the states of the smaller side of a deep Boltzmann machine with layers of 64, M and M units, 2^M of
them. The others are for 100 images: one sweep of mean field ("mean field") and one step of block
Gibbs ("Gibbs") in the deep machine, and one draw of the bound of a belief network ("bound"), whose
layers have M units. Against width there are two hidden layers; against depth, L layers of 200.
"""

import time
import timeit
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.models.boltzmann.dbm import DBM
from coursepkg.models.boltzmann.dbn import DBN
from coursepkg.models.rbm.binary import RBM
from coursepkg.rng import seeded

VISIBLE, IMAGES, WIDE = 64, 100, 200
SUMS = (4, 6, 8, 10, 12, 14, 16, 18)
WIDTHS = (50, 100, 200, 400, 800, 1600)
DEPTHS = (1, 2, 3, 4, 6, 8)
REPEATS, LEAST = 5, 0.02  # runs to choose the fastest of, and CPU seconds that each takes at least


def main(
    sums: Annotated[list[int] | None, typer.Option(help="widths at which log Z is summed")] = None,
    widths: Annotated[list[int] | None, typer.Option(help="widths of two hidden layers")] = None,
    depths: Annotated[list[int] | None, typer.Option(help="numbers of hidden layers")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures each, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    shapes = [("width", M, [M, M]) for M in widths or WIDTHS]
    shapes += [("depth", L, [WIDE] * L) for L in depths or DEPTHS]
    rows: list[dict[str, Any]] = []
    for M in sums or SUMS:
        rows.append(row("log Z", "width", M, _sum_of(M)))
    for against, n, hidden in shapes:
        rows += [row(what, against, n, work) for what, work in _passes(hidden).items()]
    write_results(out / "deep.json", rows)


def row(what: str, against: str, n: int, work: Callable[[], object]) -> dict[str, Any]:
    """One measurement, printed."""
    found: dict[str, Any] = {"what": what, "against": against, "n": n, "seconds": seconds(work)}
    print("{what:10} {against} {n:4}: {seconds:.2g} s".format(**found), flush=True)
    return found


@torch.no_grad()
def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call, the fastest of `REPEATS` runs of as many calls as take `LEAST`."""
    timer = timeit.Timer(work, timer=time.process_time)
    calls = 1
    while timer.timeit(calls) < LEAST:
        calls *= 2
    return min(timer.repeat(REPEATS, calls)) / calls


def deep_machine(hidden: list[int], *, sweeps: int = 1) -> DBM:
    """Layers above 64 visible units, with small random weights."""
    return DBM([VISIBLE, *hidden], generator=seeded(0), sweeps=sweeps)


def belief_network(hidden: list[int]) -> DBN:
    """The same layers, as a belief network."""
    sizes = [VISIBLE, *hidden]
    return DBN([RBM(*pair, generator=seeded(0)) for pair in pairwise(sizes)])


def _sum_of(M: int) -> Callable[[], Tensor]:
    return deep_machine([M, M]).log_z


def _passes(hidden: list[int]) -> dict[str, Callable[[], object]]:
    dbm, dbn, generator = deep_machine(hidden), belief_network(hidden), seeded(1)
    x = torch.bernoulli(torch.full((IMAGES, VISIBLE), 0.5), generator=generator)
    return {
        "mean field": lambda: dbm.mean_field(x),
        "Gibbs": lambda: dbm.sample(IMAGES, generator=generator, steps=1),
        "bound": lambda: dbn.unnormalised_log_weight(x, generator=generator),
    }


if __name__ == "__main__":
    typer.run(main)

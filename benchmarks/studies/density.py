"""Nats that a histogram, a kernel estimate and a Gaussian lose as the dimension D grows.

    python -m benchmarks.studies.density

writes `benchmarks/results/density.json`. The truth is N(0, I), and the loss is KL(p ‖ estimate),
the mean of log p(x) - log q(x) over fresh draws. Bins and bandwidth are chosen by the likelihood of
left-out points.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.distributions import MultivariateNormal

from benchmarks.provenance import RESULTS, write_results
from coursepkg.models.nonparametric import Histogram, KernelDensity
from coursepkg.rng import seeded

SIDE = 5.5  # the box [-SIDE, SIDE]^D of the histogram holds the truth but for 1e-7 an axis
MOST_CELLS = 2_000_000
BANDWIDTHS = torch.logspace(-1.0, 0.1, 17).tolist()
SMOOTHINGS = (0.001, 0.01, 0.1, 1.0)
BINS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48)
FRESH = 4000
DIMS = (1, 2, 3, 4, 5, 6, 8, 10)
SIZES = (125, 500, 2000)
LINE = (
    "D = {D:2d}, N = {N:4d}: histogram {histogram:.3f}, kernel {kernel:.3f}, "
    "Gaussian {gaussian:.3f}"
)


def main(
    dims: Annotated[list[int] | None, typer.Argument(help="values of D")] = None,
    sizes: Annotated[list[int] | None, typer.Option(help="values of N")] = None,
    seeds: Annotated[int, typer.Option(help="data sets to average over")] = 3,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures every D and N, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    rows = []
    for D in dims or DIMS:
        for N in sizes or SIZES:
            rows.append(measure(D, N, seeds))
            print(LINE.format(**rows[-1]), flush=True)
    write_results(out / "density.json", rows)


def measure(D: int, N: int, seeds: int) -> dict[str, Any]:
    """One row: mean losses in nats and their standard errors over data sets."""
    start = time.process_time()
    runs = [_one_data_set(D, N, seed) for seed in range(seeds)]
    row = {key: sum(run[key] for run in runs) / seeds for key in runs[0]}
    errors = {
        f"{key}_error": torch.tensor([run[key] for run in runs], dtype=torch.float64).std().item()
        / math.sqrt(seeds)
        for key in ("histogram", "kernel", "gaussian")
        if seeds > 1
    }
    return {"D": D, "N": N, "seeds": seeds, **row, **errors,
            "cpu_seconds": time.process_time() - start}  # fmt: skip


def _one_data_set(D: int, N: int, seed: int) -> dict[str, float]:
    x, fresh = _draws(D, N + FRESH, seed).split([N, FRESH])
    truth = MultivariateNormal(torch.zeros(D).to(x), torch.eye(D).to(x)).log_prob(fresh)
    histogram = max(_histograms(x), key=lambda model: model.leave_one_out())
    kernels = (KernelDensity(h, dim=D).fit(x) for h in BANDWIDTHS)
    kernel = max(kernels, key=lambda model: model.leave_one_out())
    gaussian = MultivariateNormal(x.mean(0), x.T.cov().reshape(D, D))
    return {
        "histogram": (truth - histogram.log_prob(fresh)).mean().item(),
        "kernel": (truth - kernel.log_prob(fresh)).mean().item(),
        "gaussian": (truth - gaussian.log_prob(fresh)).mean().item(),
        "bins": histogram.bins,
        "bandwidth": kernel.bandwidth,
    }


def _draws(D: int, n: int, seed: int) -> Tensor:
    x = torch.randn(n, D, generator=seeded(seed), dtype=torch.float64)
    return x.clamp(-SIDE, SIDE)


def _histograms(x: Tensor) -> Iterator[Histogram]:
    """Fitted, with every number of bins whose table fits, and several pseudo-counts."""
    D = x.shape[1]
    for bins in BINS:
        if bins**D <= MOST_CELLS:
            for smoothing in SMOOTHINGS:
                yield Histogram(bins, low=-SIDE, high=SIDE, dim=D, smoothing=smoothing).fit(x)


if __name__ == "__main__":
    typer.run(main)

"""Estimates of log Z beside the truth: are their error bars honest?

    python -m benchmarks.studies.partition

writes `benchmarks/results/partition.json`: RBMs with 10 and 20 hidden units, trained on the
binarised digits, and the smaller one with all its weights three times as large; log Z exactly, by
annealed importance sampling (AIS), by reverse AIS from exact draws, and by bridge sampling of the
two, each with T changes of β. With T = 1 these are importance sampling, its reverse and plain
bridge sampling. One run with its own error bar, then bias and spread over repetitions: an error bar
is honest if it is as large as the spread. CPU seconds are those of one thread.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data import digits
from coursepkg.models.rbm.binary import RBM, marginal_rates
from coursepkg.models.rbm.learning import PersistentChains, train
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.rng import seeded
from coursepkg.samplers.annealed import (
    Annealed,
    annealed_importance,
    reverse_annealed_importance,
)
from coursepkg.samplers.bridge import optimal_bridge

CHAINS, STEPS, REPEATS = 1000, (1, 10, 100, 1000), 6
Row = dict[str, Any]


def machines(*, epochs: int) -> Iterator[tuple[str, RBM, Tensor]]:
    """Name, machine, and the rates of its path at β = 0."""
    x = digits.binarise(digits.load_split().train).to(torch.get_default_dtype())
    rates = marginal_rates(x)
    for hidden in (10, 20):
        rbm = trained(x, hidden, epochs=epochs)
        yield f"{hidden} hidden", rbm, rates
        if hidden == 10:
            yield "10 hidden, cold", cold(rbm, 3.0), rates


def trained(x: Tensor, hidden: int, *, epochs: int) -> RBM:
    """An RBM of the digits by persistent chains, centred, with averaged weights."""
    generator = seeded(hidden)
    rbm = RBM(x.shape[1], hidden, generator=generator)
    rbm.start_from(x)
    train(
        rbm, x, negative=PersistentChains(100), epochs=epochs, batch_size=50, step_size=0.2,
        last_step_size=0.0, average=0.99, generator=generator,
    )  # fmt: skip
    return rbm


def cold(rbm: RBM, beta: float) -> RBM:
    """The same energy times β: deeper valleys, and rarer ways from one to the next."""
    D, M = rbm.W.shape
    colder = RBM(D, M, generator=seeded(0))
    colder.load_state_dict({name: beta * value for name, value in rbm.state_dict().items()})
    return colder


def estimates(
    path: RBMPath, x: Tensor, T: int, seed: int
) -> dict[str, tuple[float, float, float | None]]:
    """log Z, its error and the effective sample size, by each method, from one pair of runs.

    Backwards the chains start at x, exact draws of the machine.
    """
    betas, generator = torch.linspace(0, 1, T + 1), seeded(seed)
    there = annealed_importance(path, betas, chains=len(x), generator=generator)
    back = reverse_annealed_importance(path, betas, x, generator=generator)
    ratio = optimal_bridge(back.log_w, there.log_w)
    return {
        "AIS": _read(there),
        "reverse AIS": _read(back),
        "bridge": (path.log_z0().item() + ratio.value, ratio.error, None),
    }


def measure(name: str, path: RBMPath, *, largest: int, repeats: int) -> list[Row]:
    """One row a method and T; every T starts backwards from the same exact draws."""
    exact = path.rbm.log_z().item()
    draws = path.rbm.sample(repeats * CHAINS, generator=seeded(0)).split(CHAINS)
    rows = []
    for T in (T for T in STEPS if largest >= T):
        start = time.process_time()
        runs = [estimates(path, x, T, seed) for seed, x in enumerate(draws, start=1)]
        seconds = (time.process_time() - start) / repeats
        for method, (log_Z, error, ess) in runs[0].items():
            values = torch.tensor([run[method][0] for run in runs])
            rows.append({
                "machine": name, "hidden": len(path.rbm.c), "T": T, "chains": CHAINS,
                "method": method, "exact": exact, "log_Z": log_Z, "error": error, "ess": ess,
                "repeats": repeats, "bias": values.mean().item() - exact,
                "spread": values.std().item(), "cpu_seconds": seconds,  # of both runs together
            })  # fmt: skip
    return rows


def print_table(rows: list[Row]) -> None:
    """One line for each machine and T, the methods side by side."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    print(" " * 33 + "".join(f"{method:^36}" for method in methods))
    print(f"{'machine':16}{'T':>5}  {'= exact':8}" + 3 * "    log Z ± error      bias  spread  ")
    for i in range(0, len(rows), len(methods)):
        first = rows[i]
        line = f"{first['machine']:16}{first['T']:5}  {first['exact']:8.3f}"
        for row in rows[i : i + len(methods)]:
            line += "  ≈{log_Z:8.3f} ± {error:6.3f}  {bias:+8.3f} {spread:7.3f} ".format(**row)
        print(line, flush=True)


def _read(run: Annealed) -> tuple[float, float, float]:
    return run.log_Z, run.error, run.ess


def main(
    largest: Annotated[int, typer.Option(help="leave out larger T")] = STEPS[-1],
    repeats: Annotated[int, typer.Option(help="runs of each estimate, at least 2")] = REPEATS,
    epochs: Annotated[int, typer.Option(help="of training, for each machine")] = 300,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures, prints the table and writes the results."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows: list[Row] = []
    for name, rbm, rates in machines(epochs=epochs):
        rows += measure(name, RBMPath(rbm, rates), largest=largest, repeats=repeats)
    print_table(rows)
    write_results(out / "partition.json", rows)


if __name__ == "__main__":
    typer.run(main)

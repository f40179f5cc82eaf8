"""How near the samples of a grid come to the truth.

    python -m benchmarks.studies.lattice

writes `benchmarks/results/lattice.json`. Glued Ising grids of 8 × 8 and 32 × 32 sites are sampled
at several temperatures, half of the chains from a random start and half from all spins up; their
mean energy and magnetisation stand beside Onsager's and Yang's, and those of the small one beside
exact sums.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator

from benchmarks.provenance import RESULTS, write_results
from coursepkg.graphs.lattice import (
    CheckerboardGibbs,
    ising,
    onsager_energy,
    spontaneous_magnetisation,
)
from coursepkg.rng import seeded
from coursepkg.samplers.run import run

BETAS = (0.2, 0.3, 0.38, 0.42, 0.44, 0.46, 0.5, 0.6)
LINE = (
    "{side} × {side}, β = {beta}: energy {energy:.4f} ± {energy_error:.4f}, Onsager {onsager:.4f}"
)


def main(
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
    steps: Annotated[int, typer.Option(help="sweeps of each run, half of them burn-in")] = 1000,
) -> None:
    """Samples every grid, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    generator = seeded(0)
    rows = []
    for side in (8, 32):
        for beta in BETAS:
            rows.append(physics(side, beta, steps=steps, generator=generator))
            print(LINE.format(**rows[-1]))
    write_results(out / "lattice.json", rows)


def physics(
    side: int, beta: float, *, steps: int, generator: Generator, chains: int = 16
) -> dict[str, Any]:
    """Mean energy and |magnetisation| a site, and the truth; the error is over the chains.

    Every other chain starts with all spins up: if the two halves disagree, the runs are too short.
    """
    lattice, sites = ising(side, side, beta=beta, periodic=True), side * side
    start = torch.randint(2, (chains, sites), generator=generator)
    start[1::2] = 1
    draws = run(
        CheckerboardGibbs(lattice), start, steps=steps // 2, burn_in=steps // 2, thin=5,
        generator=generator,
    ).x  # fmt: skip
    energy = torch.stack([lattice.energy(x) for x in draws]) / sites  # (T, C)
    magnetisation = (2 * draws.double().mean(2) - 1).abs().mean(0)
    exact = lattice.mean_energy().item() / sites if side <= 8 else None
    return {
        "kind": "physics", "side": side, "beta": beta, "sweeps": steps, "chains": chains,
        "energy": energy.mean().item(),
        "energy_error": energy.mean(0).std().item() / chains**0.5,
        "exact": exact,
        "onsager": onsager_energy(beta),
        "magnetisation": magnetisation.mean().item(),
        "by_chain": magnetisation.tolist(),
        "yang": spontaneous_magnetisation(beta),
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

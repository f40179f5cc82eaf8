"""What the second machine of a belief network is worth, and what sparse links are, over seeds.

    python -m benchmarks.studies.second_layer

writes `benchmarks/results/second_layer.json`, with the machines and recipes of chapter 8, in nats.
"greedy": a machine with 12 hidden units on the binarised digits; a second one on top that starts
as the first turned upside down or from small random weights, `--epochs` long; and, fitted by EM
with p(v | h) held, the best prior of any kind. "real": the same with grey levels and a fresh second
machine. "sparse": machines with equally many links that lie in different places.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import binarise, load_levels, load_split
from coursepkg.enumeration import Normalised, NormalisedBound, binary_states
from coursepkg.evaluation import nats
from coursepkg.models.boltzmann.dbn import DBN, transposed
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.gaussian import GaussianRBM
from coursepkg.models.rbm.harmonium import Harmonium
from coursepkg.models.rbm.learning import (
    ContrastiveDivergence,
    Negative,
    PersistentChains,
    train,
)
from coursepkg.rng import seeded

HIDDEN, EM_STEPS = 12, 300
Row = dict[str, Any]


def learn(
    machine: Harmonium, x: Tensor, negative: Negative, *, seed: int, epochs: int, size: float,
    batch: int = 50, last: float = 0.01,
) -> None:  # fmt: skip
    """Averaged weights, falling steps."""
    train(machine, x, negative=negative, epochs=epochs, batch_size=batch, step_size=size,
          last_step_size=last, average=0.99, generator=seeded(seed))  # fmt: skip


def started(machine: RBM, x: Tensor) -> RBM:
    """The machine with its visible biases at the rates of x."""
    machine.start_from(x)
    return machine


def log_likelihood(first: RBM, x: Tensor) -> Tensor:
    """log p(v | h) for every state of h, (N, 2^M)."""
    h = binary_states(len(first.c), like=x)
    log_joint = (x @ first.b)[:, None] + (x @ first.W + first.c) @ h.T
    return (log_joint + first.hidden_free_energy(h)).detach()


def best_prior(log_given: Tensor, prior: Tensor) -> Tensor:
    """EM over all laws of h, p(v | h) held: the mean posterior becomes the prior."""
    given = (log_given - log_given.max(1, keepdim=True).values).exp()
    for _ in range(EM_STEPS):
        prior = prior * ((1 / (given @ prior)) @ given) / len(given)
    return prior


def greedy(x: Tensor, valid: Tensor, *, seed: int, epochs: int) -> Iterator[Row]:
    """The first machine, two starts of the second, and the best prior: exact -log p."""
    first = started(RBM(x.shape[1], HIDDEN, generator=seeded(seed)), x)
    learn(first, x, ContrastiveDivergence(1), seed=seed, epochs=150, size=0.2)
    h, given = binary_states(HIDDEN, like=x), [log_likelihood(first, part) for part in (x, valid)]

    def row(name: str, log_prior: Tensor, bound: float | None = None) -> Row:
        value = [-torch.logsumexp(part + log_prior, 1).mean().item() for part in given]
        return {"study": "greedy", "name": name, "train": value[0], "valid": value[1],
                "bound": bound}  # fmt: skip

    log_prior = torch.log_softmax(-first.hidden_free_energy(h), 0).detach()
    posterior = torch.log_softmax(given[0] + log_prior, 1).exp()
    average = posterior.mean(0)
    ceiling = (torch.special.xlogy(average, average) - average * log_prior).sum().item()
    yield row("first machine", log_prior) | {"ceiling": ceiling}
    yield row("best prior", best_prior(given[0], log_prior.exp()).log())
    seen = first.sample_hidden(x.repeat(10, 1), generator=seeded(seed))
    for name, top in (("upside down", transposed(first)),
                      ("fresh", RBM(HIDDEN, x.shape[1], generator=seeded(seed)))):  # fmt: skip
        learn(top, seen, PersistentChains(100), seed=seed, epochs=epochs, size=0.5, batch=100)
        log_prior = torch.log_softmax(-top.free_energy(h), 0).detach()
        bound = -(posterior @ log_prior - torch.special.xlogy(posterior, posterior).sum(1)
                  + (posterior * given[0]).sum(1)).mean().item()  # fmt: skip
        yield row(name, log_prior, bound)


def real(x: Tensor, valid: Tensor, *, seed: int) -> Iterator[Row]:
    """A machine of grey levels, and a fresh one on top of it: validation, = and ≤."""
    first = GaussianRBM(x.shape[1], HIDDEN, sigma=0.25, generator=seeded(seed))
    learn(first, x, PersistentChains(100), seed=seed, epochs=50, size=0.1, last=0.001)
    h = first.sample_hidden(x.repeat(10, 1), generator=seeded(seed))
    top = started(RBM(HIDDEN, x.shape[1], generator=seeded(seed)), h)
    learn(top, h, PersistentChains(100), seed=seed, epochs=20, size=0.5, batch=100)
    network = NormalisedBound(DBN([first, top]))
    yield {"study": "real", "name": "machine", "valid": nats(Normalised(first), valid).value}
    yield {"study": "real", "name": "network",
           "valid": nats(network, valid, generator=seeded(seed), draws=10).value}  # fmt: skip


def masks(*, seed: int) -> dict[str, Tensor]:
    """256 links in three places, and all 1,024 of 16 units: (64, M) of zeros and ones."""
    corner = [0, 1, 3, 4]  # of 4 × 4 windows, rows and columns
    windows = torch.zeros(8, 8, 16)
    for j in range(16):
        row, column = corner[j // 4], corner[j % 4]
        windows[row : row + 4, column : column + 4, j] = 1
    generator = seeded(seed)
    anywhere = [torch.randperm(64, generator=generator) < 16 for _ in range(16)]
    return {
        "4 units, all pixels": torch.ones(64, 4),
        "16 units, windows": windows.view(64, 16),
        "16 units, random pixels": torch.stack(anywhere, 1).to(windows),
        "16 units, all pixels": torch.ones(64, 16),
    }


def sparse(x: Tensor, valid: Tensor, *, seed: int) -> Iterator[Row]:
    """One machine for each mask: exact, validation."""
    for name, mask in masks(seed=seed).items():
        machine = started(RBM(*mask.shape, generator=seeded(seed), mask=mask), x)
        learn(machine, x, PersistentChains(100), seed=seed, epochs=60, size=0.4)
        value = nats(Normalised(machine), valid).value
        yield {"study": "sparse", "name": name, "valid": value}


def main(
    seeds: Annotated[int, typer.Option(help="repetitions")] = 5,
    epochs: Annotated[int, typer.Option(help="of the second machine")] = 60,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains everything from every seed, prints and writes the values."""
    torch.set_num_threads(1)
    x, valid, _ = (binarise(part) for part in load_split())
    grey = load_levels().to(x) / 16
    grey = grey - grey[: len(x)].mean(0)
    grey_train, grey_valid = grey[: len(x)], grey[len(x) : len(x) + len(valid)]
    rows = []
    for seed in range(seeds):
        for row in (
            *greedy(x, valid, seed=seed, epochs=epochs),
            *real(grey_train, grey_valid, seed=seed),
            *sparse(x, valid, seed=seed),
        ):
            rows.append({"seed": seed} | row)
            print(rows[-1], flush=True)
    write_results(out / "second_layer.json", rows)


if __name__ == "__main__":
    typer.run(main)

"""The race of chapter 7 with several starts: who is near the exact fit, and is noise to blame?

    python -m benchmarks.studies.race

writes `benchmarks/results/race.json`. An RBM with 8 hidden units learns the middle 4x4 pixels of
the binarised training digits from several starts: by 15 epochs of Adam, as in the chapter, with
each objective, and by L-BFGS to the end with the exact and the pseudo-likelihood. NCE runs again
with one thing changed: the noise, a mixture of 20 laws of independent pixels, fitted by EM, in
place of one; or the number of epochs. All numbers are exact nats of the training pixels.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Generator, Tensor
from torch.optim.lr_scheduler import LinearLR

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data import digits
from coursepkg.enumeration import Normalised
from coursepkg.evaluation import nats
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.rbm import RBM, BlockGibbs
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.objectives.noise import IndependentBernoulli, NoiseContrastive
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.objectives.pseudo import PseudoLikelihood, RatioMatching
from coursepkg.rng import seeded
from coursepkg.training import fit

SIDE, HIDDEN, COMPONENTS = 4, 8, 20
Make = Callable[[RBM, Generator], Any]  # an objective


class Blend(NamedTuple):
    """A mixture of independent pixels as noise: zeros and ones for its levels."""

    mixture: CategoricalMixture

    def log_prob(self, x: Tensor) -> Tensor:
        """log q(x), (B, D) -> (B,), nats."""
        return self.mixture.log_prob(x.long())

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        return self.mixture.sample(n, generator=generator).double()


def by_adam(objective: Any, x: Tensor, *, epochs: int, generator: Generator) -> None:
    """The chapter's recipe."""
    optimizer = torch.optim.Adam(objective.parameters(), 0.1)
    schedule = LinearLR(optimizer, 1.0, 0.02, total_iters=epochs * len(x) // 50)
    fit(objective, x, epochs=epochs, batch_size=50, optimizer=optimizer, schedule=schedule,
        generator=generator, progress=False)  # fmt: skip


def to_the_end(objective: Any, x: Tensor, *, iterations: int, generator: Generator) -> None:
    """L-BFGS on all examples."""
    optimizer = torch.optim.LBFGS(
        objective.parameters(), max_iter=iterations, line_search_fn="strong_wolfe",
        tolerance_change=0.0,
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = objective.loss(x, generator=generator).mean()
        loss.backward()
        return loss

    optimizer.step(closure)


def main(
    seeds: Annotated[int, typer.Option(help="starts, batches and chains")] = 5,
    epochs: Annotated[int, typer.Option(help="of Adam")] = 15,
    iterations: Annotated[int, typer.Option(help="of L-BFGS, at most")] = 400,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains every machine, prints a line for each kind and writes the results."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    images = digits.binarise(digits.load_split().train).double().view(-1, 8, 8)
    x = images[:, 2 : 2 + SIDE, 2 : 2 + SIDE].flatten(1)
    rates = (x.sum(0) + 1) / (len(x) + 2)
    independent = IndependentBernoulli(rates)
    mixture = CategoricalMixture(
        COMPONENTS, dim=SIDE**2, levels=2, smoothing=1.0, shrinkage=1.0, generator=seeded(0)
    )
    blend = Blend(mixture.fit(x.long()))

    def contrast(noise: Any) -> Make:
        return lambda m, _: NoiseContrastive(m, noise, ratio=10, log_Z=m.log_z().item())

    def chains(m: RBM, g: Generator) -> StochasticMaximumLikelihood:
        return StochasticMaximumLikelihood(
            m, lambda _: BlockGibbs(m), independent, buffer=500, steps=2, generator=g
        )

    adam = partial(by_adam, epochs=epochs)
    lbfgs = partial(to_the_end, iterations=iterations)
    kinds: dict[str, tuple[Make, Callable[..., None]]] = {
        "exact gradient": (lambda m, _: ExactLikelihood(m), adam),
        "SML": (chains, adam),
        "pseudo-likelihood": (lambda m, _: PseudoLikelihood(m), adam),
        "ratio matching": (lambda m, _: RatioMatching(m), adam),
        "NCE": (contrast(independent), adam),
        "NCE, mixture noise": (contrast(blend), adam),
        "NCE, four times the epochs": (contrast(independent), partial(by_adam, epochs=4 * epochs)),
        "exact gradient, L-BFGS": (lambda m, _: ExactLikelihood(m), lbfgs),
        "pseudo-likelihood, L-BFGS": (lambda m, _: PseudoLikelihood(m), lbfgs),
    }
    rows = []
    for name, (make, learn) in kinds.items():
        found, start = [], time.process_time()
        for seed in range(seeds):
            generator = seeded(seed)
            rbm = RBM(SIDE**2, HIDDEN, generator=generator, scale=0.1)
            rbm.b.data = rates.logit()
            learn(make(rbm, generator), x, generator=generator)
            found.append(nats(Normalised(rbm), x).value)
        seconds = (time.process_time() - start) / seeds
        print(f"{name:27}{seconds:6.1f} s  " + " ".join(f"{value:.3f}" for value in found))
        rows.append({"run": name, "nats": found, "cpu_seconds": seconds})
    print(f"the mixture: {nats(blend, x)} nats; independent pixels: {nats(independent, x)}")
    write_results(out / "race.json", rows)


if __name__ == "__main__":
    typer.run(main)

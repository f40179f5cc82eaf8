"""Bias, variance and cost of the estimators of an unnormalised law, where the truth is known.

    python -m benchmarks.studies.estimators

writes `benchmarks/results/estimators.json`. Two families of known truth are fitted to many data
sets of 1,000 exact draws: a Boltzmann machine of 8 visible units, and a Gaussian in 4 dimensions.
Every objective of `coursepkg.objectives` is started from the same weights. Most are minimised by
L-BFGS, with their noise drawn once (for denoising and sliced score matching 10 times for each
example); the two with chains take 1,000 steps of falling size, and the last half of the way is
averaged.

`bias` and `spread` are root mean squares over the parameters: of the mean error, and of the
standard deviation from one data set to the next. `excess` is KL(truth ‖ fit) in nats, averaged over
the data sets, less that of maximum likelihood: the price of not knowing Z. `cpu_seconds` is for one
fit on one thread.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.toy import IsotropicMixture
from coursepkg.enumeration import Normalised, binary_states
from coursepkg.models.boltzmann.machine import BoltzmannMachine
from coursepkg.models.energy import GaussianEnergy
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.objectives.noise import IndependentBernoulli, NoiseContrastive
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.objectives.pseudo import PseudoLikelihood, RatioMatching
from coursepkg.objectives.score import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    SlicedScoreMatching,
)
from coursepkg.rng import seeded
from coursepkg.samplers.gibbs import SystematicGibbs
from coursepkg.samplers.langevin import MALA

UNITS, DIM, EXAMPLES, CHAINS, STEPS = 8, 4, 1000, 500, 1000
ITERATIONS = 200  # of L-BFGS, at most
Row = dict[str, Any]
Objective = Callable[[Any, Tensor], Any]  # of a model and its data


class Family(NamedTuple):
    """A law of known parameters, and how to fit it."""

    name: str
    truth: Any
    draw: Callable[..., Tensor]  # n exact draws
    start: Callable[[], Any]  # a model to be fitted
    parameters: Callable[[Any], Tensor]  # those that mean something, as a vector
    distance: Callable[[Any], float]  # KL(truth ‖ model), nats
    objectives: dict[str, Objective]
    step_size: float  # of the steps with chains


class Rows(NamedTuple):
    """The empirical law: draws from it are examples."""

    x: Tensor

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """n examples, with replacement."""
        return self.x[torch.randint(len(self.x), (n,), generator=generator)]


def boltzmann() -> Family:
    """Eight binary units; couplings from -2 to 2 or so, all of one strength as they come."""
    truth = BoltzmannMachine(UNITS, generator=seeded(1), scale=0.8)
    truth.b.data.normal_(0, 0.5, generator=seeded(2))
    states = binary_states(UNITS, like=truth.b)
    log_p = Normalised(truth).log_prob(states).detach()
    upper = torch.triu_indices(UNITS, UNITS, 1).unbind()

    def distance(model: BoltzmannMachine) -> float:
        log_q = Normalised(model).log_prob(states).detach()
        return (log_p.exp() * (log_p - log_q)).sum().item()

    def noise(x: Tensor) -> IndependentBernoulli:
        return IndependentBernoulli((x.sum(0) + 1) / (len(x) + 2))

    def gibbs(model: BoltzmannMachine, _: object) -> SystematicGibbs:
        return SystematicGibbs(model.draw_conditional)

    return Family(
        "Boltzmann machine", truth, truth.sample,
        lambda: BoltzmannMachine(UNITS, generator=seeded(0)),
        lambda model: torch.cat([model.R[upper], model.b]).detach(), distance,
        {
            "maximum likelihood": lambda model, _: ExactLikelihood(model),
            "pseudo-likelihood": lambda model, _: PseudoLikelihood(model),
            "ratio matching": lambda model, _: RatioMatching(model),
            "NCE, 1 noise draw": lambda model, x: NoiseContrastive(model, noise(x)),
            "NCE, 10 noise draws": lambda model, x: NoiseContrastive(model, noise(x), ratio=10),
            "SML": lambda model, x: chains(model, partial(gibbs, model), x),
            "CD-1": lambda model, x: chains(model, partial(gibbs, model), x, fresh=1.0),
        }, 2.0,
    )  # fmt: skip


def gaussian() -> Family:
    """Four correlated coordinates."""
    truth = GaussianEnergy(DIM, generator=seeded(3))
    truth.factor.data += 0.5 * torch.randn(DIM, DIM, generator=seeded(4)).tril(-1)
    truth.mean.data.normal_(generator=seeded(5))
    upper = torch.triu_indices(DIM, DIM).unbind()

    def law(model: GaussianEnergy) -> MultivariateNormal:
        return MultivariateNormal(model.mean.detach(), precision_matrix=model.precision.detach())

    def draw(n: int, *, generator: Generator) -> Tensor:
        noise = torch.randn(n, DIM, generator=generator)
        return law(truth).mean + noise @ law(truth).scale_tril.T

    def noise(x: Tensor) -> IsotropicMixture:
        return IsotropicMixture(x.mean(0, keepdim=True), 1.5 * x.std(0).max()[None])

    def mala(log_density: Callable[[Tensor], Tensor]) -> MALA:
        return MALA(log_density, step_size=0.1)

    return Family(
        "Gaussian", truth, draw, lambda: GaussianEnergy(DIM, generator=seeded(0)),
        lambda model: torch.cat([model.precision[upper], model.mean]).detach(),
        lambda model: kl_divergence(law(truth), law(model)).item(),
        {
            "maximum likelihood": lambda model, _: ExactLikelihood(model),
            "score matching": lambda model, _: ExplicitScoreMatching(model),
            "sliced score matching": lambda model, _: SlicedScoreMatching(model),
            "denoising, σ = 0.1": lambda model, _: DenoisingScoreMatching(model, sigma=0.1),
            "denoising, σ = 0.5": lambda model, _: DenoisingScoreMatching(model, sigma=0.5),
            "NCE, 1 noise draw": lambda model, x: NoiseContrastive(model, noise(x)),
            "NCE, 10 noise draws": lambda model, x: NoiseContrastive(model, noise(x), ratio=10),
            "SML": lambda model, x: chains(model, mala, x),
            "CD-1": lambda model, x: chains(model, mala, x, fresh=1.0),
        }, 0.1,
    )  # fmt: skip


def chains(
    model: Any, kernel: Callable[..., Any], x: Tensor, *, fresh: float = 0.0
) -> StochasticMaximumLikelihood:
    """Chains that start at examples: once, or (CD-1) at every step."""
    return StochasticMaximumLikelihood(
        model, kernel, Rows(x), buffer=CHAINS, fresh=fresh, generator=seeded(6)
    )


def fit(objective: Any, x: Tensor, *, step_size: float, seed: int) -> None:
    """Minimises the mean loss over x, in place."""
    if isinstance(objective, StochasticMaximumLikelihood):
        descend(objective, x, step_size=step_size, seed=seed)
        return
    if isinstance(objective, SlicedScoreMatching | DenoisingScoreMatching):
        x = x.repeat(10, 1)
    optimizer = torch.optim.LBFGS(
        objective.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = objective.loss(x, generator=seeded(seed)).mean()  # the same noise each time
        loss.backward()
        return loss

    optimizer.step(closure)


def descend(objective: Any, x: Tensor, *, step_size: float, seed: int) -> None:
    """Steps of size step_size / (1 + t / 100), then the mean of the last half of the path."""
    generator, parameters, path = seeded(seed), list(objective.parameters()), []
    for t in range(STEPS):
        loss = objective.loss(x, generator=generator).mean()
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for value, slope in zip(parameters, slopes, strict=True):
                value.sub_(slope, alpha=step_size / (1 + t / 100))
        path.append([value.detach().clone() for value in parameters])
    with torch.no_grad():
        for value, visited in zip(parameters, zip(*path[STEPS // 2 :], strict=True), strict=True):
            value.copy_(torch.stack(visited).mean(0))


def measure(family: Family, *, fits: int) -> Iterator[Row]:
    """One row an objective."""
    data = [family.draw(EXAMPLES, generator=seeded(100 + r)) for r in range(fits)]
    truth, least = family.parameters(family.truth), 0.0
    for name, make in family.objectives.items():
        found, distances, start = [], [], time.process_time()
        for seed, x in enumerate(data):
            model = family.start()
            fit(make(model, x), x, step_size=family.step_size, seed=seed)
            found.append(family.parameters(model))
            distances.append(family.distance(model))
        seconds = (time.process_time() - start) / fits
        theta, mean_distance = torch.stack(found), sum(distances) / fits
        least = mean_distance if name == "maximum likelihood" else least
        yield {
            "family": family.name, "estimator": name, "examples": EXAMPLES, "fits": fits,
            "parameters": theta.shape[1],
            "bias": (theta.mean(0) - truth).square().mean().sqrt().item(),
            "spread": theta.var(0).mean().sqrt().item(),
            "kl": mean_distance, "excess": mean_distance - least, "cpu_seconds": seconds,
        }  # fmt: skip


def main(
    fits: Annotated[int, typer.Option(help="data sets for each family, at least 2")] = 12,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Fits every family by every objective, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows = []
    for family in (boltzmann(), gaussian()):
        for row in measure(family, fits=fits):
            rows.append(row)
            print(
                "{family:18} {estimator:21} bias {bias:.3f}  spread {spread:.3f}  "
                "KL {kl:.4f} ({excess:+.4f})  {cpu_seconds:.2f} s a fit".format(**row), flush=True,
            )  # fmt: skip
    write_results(out / "estimators.json", rows)


if __name__ == "__main__":
    typer.run(main)

"""Targets with exact draws, and views of them whose laws are known: what every kernel must keep.

A view maps (n, D) to (n,) and has a continuous distribution function. `same_law` looks at a sample
through all views, `detects` being the Kolmogorov–Smirnov distance that each is sure to see.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from coursepkg.data.toy import Banana, IsotropicMixture
from coursepkg.samplers.run import run
from tests.statistics import assert_cdf

View = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]
EXACT = 200_000  # draws; two samples of this size that differ by 0.0125 are told apart


@dataclass(frozen=True)
class Law:
    """A target, its exact draws and its views."""

    log_prob: Callable[[Tensor], Tensor]
    sample: Callable[..., Tensor]
    views: list[View]
    far: list[float]  # a point a chain must find home from


def normal(x: Tensor) -> Tensor:
    return torch.special.ndtr(x)


def square_of_two(x: Tensor) -> Tensor:
    """Distribution function of chi-square with two degrees of freedom."""
    return 1 - torch.exp(-x / 2)


def gaussian(covariance: Tensor, mean: Tensor, *, far: list[float]) -> Law:
    factor = torch.linalg.cholesky(covariance)

    def whitened(x: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(factor, (x.double() - mean).T, upper=False).T

    def log_prob(x: Tensor) -> Tensor:
        precision = torch.linalg.inv(covariance).to(x)
        return -((x - mean.to(x)) @ precision * (x - mean.to(x))).sum(1) / 2 + 7

    def sample(n: int, *, generator: Generator) -> Tensor:
        return mean + torch.randn(n, len(mean), generator=generator) @ factor.T

    views: list[View] = [
        (lambda x: whitened(x)[:, 0], normal),
        (lambda x: whitened(x)[:, 1], normal),
        (lambda x: whitened(x)[:, :2].sum(1) / 2**0.5, normal),
        (lambda x: whitened(x)[:, :2].square().sum(1), square_of_two),
    ]
    return Law(log_prob, sample, views, far)


def banana() -> Law:
    law = Banana(bend=0.5, width=1.5)

    def flat(x: Tensor) -> Tensor:
        x = x.double()
        return torch.stack([x[:, 0] / 1.5, x[:, 1] - 0.5 * (x[:, 0] ** 2 - 2.25)], dim=1)

    views: list[View] = [
        (lambda x: flat(x)[:, 0], normal),
        (lambda x: flat(x)[:, 1], normal),
        (lambda x: (flat(x)[:, 0] - flat(x)[:, 1]) / 2**0.5, normal),
        (lambda x: flat(x).square().sum(1), square_of_two),
    ]
    return Law(law.log_prob, law.sample, views, far=[3.0, -4.0])


def two_modes() -> Law:
    means, scales = torch.tensor([[-1.5, 0.0], [1.5, 1.0]]), torch.tensor([0.6, 1.0])
    weights = torch.tensor([0.3, 0.7])

    def along(a: Tensor) -> View:
        def cdf(y: Tensor) -> Tensor:
            return (weights * normal((y[:, None] - means @ a) / scales)).sum(1)

        return lambda x: x.double() @ a, cdf

    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, -0.8]])
    law = IsotropicMixture(means, scales, weights)

    def log_prob(x: Tensor) -> Tensor:
        parts = (means.to(x), scales.to(x), weights.to(x))
        return IsotropicMixture(*parts).log_prob(x)

    return Law(log_prob, law.sample, [along(a) for a in directions], far=[5.0, -5.0])


def targets() -> Iterator[tuple[str, Law]]:
    covariance = torch.tensor([[1.0, 0.6, 0.2], [0.6, 1.5, -0.3], [0.2, -0.3, 0.5]]).double()
    mean = torch.tensor([1.0, -2.0, 0.5]).double()
    yield "gaussian", gaussian(covariance, mean, far=[6.0, 5.0, -4.0])
    yield "banana", banana()
    yield "two modes", two_modes()


def same_law(x: Tensor, law: Law, *, detects: float) -> None:
    for view, cdf in law.views:
        assert_cdf(view(x), cdf, detects=detects)


def stays(kernel, law: Law, *, generator: Generator, steps: int = 1, dtype=torch.float64) -> None:
    """Exact draws are exact draws after some steps; and most of them have moved."""
    x = law.sample(EXACT, generator=generator).to(dtype)
    draws = run(kernel, x, steps=steps, thin=steps, generator=generator)
    assert draws.info.moved.double().mean() > 0.3, "a kernel that hardly moves keeps any law"
    assert draws.x.dtype == dtype
    same_law(draws.x[0], law, detects=0.0125)


def comes_home(kernel, law: Law, *, steps: int, generator: Generator, chains=5000) -> None:
    """Chains that start together at one far point end as independent draws."""
    x = torch.tensor(law.far).double().expand(chains, -1)
    draws = run(kernel, x, steps=steps, thin=steps, generator=generator)
    same_law(draws.x[0], law, detects=0.04 * (20_000 / chains) ** 0.5)

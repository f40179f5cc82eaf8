"""Two estimates of one gradient, on functions whose gradient and variances are known."""

import pytest
import torch

from coursepkg.models.autoencoders.gradients import pathwise_gradient, score_gradient
from tests.statistics import assert_mean

MEAN, STD = torch.tensor([0.5, -1.0]), torch.tensor([0.7, 0.4])
CENTRE = torch.tensor([0.0, 0.3])


def square(z):
    return (z - CENTRE).square().sum(1)


def bumpy(z):
    return torch.sin(1.5 * z[:, 0]) * z[:, 1]


def expected(f):
    """The gradient of the mean by Gauss–Hermite quadrature and autograd."""
    import numpy as np

    nodes, weights = map(torch.tensor, np.polynomial.hermite_e.hermegauss(60))
    pairs = torch.cartesian_prod(nodes, nodes)
    mass = torch.cartesian_prod(weights, weights).prod(1) / (2 * torch.pi)
    mean = MEAN.clone().requires_grad_()
    return torch.autograd.grad((mass * f(mean + STD * pairs)).sum(), mean)[0]


@pytest.mark.equation("pathwise-gradient")
@pytest.mark.parametrize("f", [square, bumpy])
def test_the_gradient_through_the_draw_is_unbiased(f, generator):
    """Quadrature. Kills: a gradient of the variance, ε for z."""
    truth = expected(f)
    found = pathwise_gradient(f, MEAN, STD, draws=60_000, generator=generator)
    assert found.shape == (60_000, 2)
    for j in range(2):
        assert_mean(found[:, j], truth[j].item(), detects=0.15)
    assert truth.abs().min() > 0.2, "vacuous"


@pytest.mark.equation("score-gradient")
@pytest.mark.parametrize("f", [square, bumpy])
@pytest.mark.parametrize("baseline", [0.0, 1.5])
def test_the_gradient_by_the_density_is_unbiased_whatever_the_baseline(f, baseline, generator):
    """Quadrature. Kills: σ for σ², a baseline that stays in the mean."""
    truth = expected(f)
    found = score_gradient(f, MEAN, STD, draws=200_000, baseline=baseline, generator=generator)
    for j in range(2):
        assert_mean(found[:, j], truth[j].item(), detects=0.3)


def test_the_score_needs_values_only(generator):
    """A step has no derivative; its mean, Φ(μ/σ), has. Kills: a pathwise gradient in disguise."""
    found = score_gradient(
        lambda z: (z[:, 0] > 0).double(), MEAN, STD, draws=100_000, generator=generator
    )
    slope = torch.distributions.Normal(0.0, 1.0).log_prob(MEAN[0] / STD[0]).exp() / STD[0]
    assert_mean(found[:, 0], slope.item(), detects=0.06)


@pytest.mark.equation("gradient-variances")
@pytest.mark.parametrize("M", [1, 4, 20])
def test_the_variances_at_the_minimum_of_a_square(M, generator):
    """Exact moments of ε, by cumulants of a chi-square, and draws against them.

    Kills: (M + 2)² for (M + 2)(M + 4), a baseline that is the mean of f.
    """
    sigma, zero, R = 0.5, torch.zeros(M), 400_000 // M
    std = torch.full((M,), sigma)

    def f(z):
        return z.square().sum(1)

    # by quadrature over s = Σ ε² of the others, a chi-square, and ε itself
    e = torch.linspace(-12, 12, 2401)
    mass = torch.distributions.Normal(0.0, 1.0).log_prob(e).exp() * (e[1] - e[0])
    if M > 1:
        s = torch.linspace(1e-6, 40 + 8 * M, 4001)
        others = torch.distributions.Chi2(torch.tensor(M - 1.0)).log_prob(s).exp()
        others = others / others.sum()
    else:
        s, others = torch.zeros(1), torch.ones(1)
    total = s[:, None] + e**2
    weight = others[:, None] * mass
    moments = [(weight * total**k * e**2).sum().item() for k in (0, 1, 2)]
    printed = {"path": 4 * sigma**2, "score": sigma**2 * (M + 2) * (M + 4),
               "best": 2 * sigma**2 * (M + 2)}  # fmt: skip
    best = sigma**2 * (M + 2)
    assert best == pytest.approx(sigma**2 * moments[1] / moments[0], rel=0.01)
    assert printed["path"] == pytest.approx(4 * sigma**2 * moments[0], rel=1e-6)
    assert printed["score"] == pytest.approx(sigma**2 * moments[2], rel=0.02)
    assert printed["best"] == pytest.approx(
        sigma**2 * (moments[2] - moments[1] ** 2 / moments[0]), rel=0.02
    )
    draws = {
        "path": pathwise_gradient(f, zero, std, draws=R, generator=generator),
        "score": score_gradient(f, zero, std, draws=R, generator=generator),
        "best": score_gradient(f, zero, std, draws=R, baseline=best, generator=generator),
    }
    for name, found in draws.items():
        assert_mean(found[:, 0] ** 2, printed[name], detects=0.5 * printed[name])
        assert_mean(found[:, 0], 0.0, detects=0.15 * printed["score"] ** 0.5)
    for other in (0.5 * best, 1.5 * best):
        worse = score_gradient(f, zero, std, draws=R, baseline=other, generator=generator)
        assert worse.square().mean() > draws["best"].square().mean()


def test_impossible_numbers_are_refused(generator):
    for gradient in (pathwise_gradient, score_gradient):
        with pytest.raises(ValueError, match=r"draws: expected.*got 0"):
            gradient(square, MEAN, STD, draws=0, generator=generator)
        with pytest.raises(ValueError, match=r"std: expected.*got -0.7"):
            gradient(square, MEAN, -STD.flip(0), draws=2, generator=generator)

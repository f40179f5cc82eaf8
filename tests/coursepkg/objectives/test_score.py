"""Score matching against second derivatives by autograd, and closed forms of Gaussians."""

import pytest
import torch
from torch import nn
from torch.autograd.functional import hessian

from coursepkg.models.energy import GaussianEnergy
from coursepkg.objectives.score import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    SlicedScoreMatching,
    score,
)
from coursepkg.rng import seeded
from tests.coursepkg.objectives.laws import minimise
from tests.oracles import states
from tests.statistics import assert_mean


class Wave(nn.Module):
    """An energy in three dimensions with all second derivatives, different everywhere."""

    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.randn(3, 5, generator=seeded(0)))

    def free_energy(self, x):
        return (x @ self.W).sin().exp().sum(1) + x.square().sum(1) / 2


def one(x):
    """The energy of `Wave` at one point, written out."""
    return (x @ Wave().W.detach()).sin().exp().sum() + (x * x).sum() / 2


@pytest.fixture
def x(generator):
    return torch.randn(20, 3, generator=generator)


def test_score_is_minus_the_slope_of_the_energy(x):
    """Finite differences. Kills: the sign; a sum over the batch."""
    psi, h = score(Wave(), x), 1e-6
    for d in range(3):
        step = h * torch.eye(3)[d]
        rise = torch.stack([one(v + step) - one(v - step) for v in x]) / (2 * h)
        torch.testing.assert_close(psi[:, d], -rise, rtol=1e-6, atol=1e-6)


@pytest.mark.equation("score-matching")
def test_explicit_loss_is_half_the_square_plus_the_divergence(x, generator):
    """The whole Hessian at every point. Kills: a sign, ½, all entries summed, one d only."""
    loss = ExplicitScoreMatching(Wave()).loss(x, generator=generator)
    psi = score(Wave(), x).detach()
    H = torch.stack([hessian(one, v) for v in x])
    expected = psi.square().sum(1) / 2 - H.diagonal(dim1=1, dim2=2).sum(1)
    torch.testing.assert_close(loss.detach(), expected)


@pytest.mark.equation("score-matching")
def test_it_differs_from_the_distance_of_the_scores_by_a_constant(generator):
    """½ E|ψ - ∇log p|² on a fine grid, for two models: Hyvärinen's integration by parts."""
    x = torch.linspace(-12, 12, 4001)[:, None]
    p = (0.3 * (-((x - 1) ** 2) / 2).exp() + 0.7 * (-((x + 1) ** 2) / 0.5).exp()).squeeze(1)
    p = p / p.sum()
    slope = torch.gradient(p.log(), spacing=24 / 4000)[0]
    gaps = []
    for seed in (0, 1):
        model = GaussianEnergy(1, generator=seeded(seed))
        with torch.no_grad():
            model.mean.fill_(seed)
        distance = p @ (score(model, x).squeeze(1) - slope).square() / 2
        gaps.append(
            (distance - p @ ExplicitScoreMatching(model).loss(x, generator=generator)).item()
        )
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-4)


@pytest.mark.equation("sliced-score-matching")
def test_sliced_is_unbiased_for_explicit(generator):
    """One point, many directions. Kills: normal noise for signs is caught by the next test."""
    point = torch.tensor([[0.3, -0.8, 0.5]])
    many = point.expand(40_000, 3)
    loss = SlicedScoreMatching(Wave()).loss(many, generator=generator).detach()
    assert loss.std() > 0.1, "vacuous: no direction matters"
    expected = ExplicitScoreMatching(Wave()).loss(point, generator=generator).item()
    assert_mean(loss, expected, detects=0.6)


@pytest.mark.equation("sliced-score-matching")
def test_the_mean_over_all_signs_is_the_explicit_loss(x, generator, monkeypatch):
    """At 20 points, each with all eight directions. Kills: a direction that is not of signs."""
    bits = states(2, 3).double().repeat(20, 1)
    monkeypatch.setattr(torch, "bernoulli", lambda _, generator: bits)
    sliced = SlicedScoreMatching(Wave()).loss(x.repeat_interleave(8, 0), generator=generator)
    explicit = ExplicitScoreMatching(Wave()).loss(x, generator=generator)
    torch.testing.assert_close(sliced.view(20, 8).mean(1), explicit)
    assert (sliced.view(20, 8).std(1) > 0.1).all(), "vacuous: no direction matters"


@pytest.mark.equation("sliced-score-matching")
def test_with_signs_the_diagonal_is_exact(generator):
    """Without mixed derivatives one direction gives the divergence itself."""

    class Separate(nn.Module):
        def free_energy(self, x):
            return x.cosh().sum(1)

    x = torch.randn(9, 3, generator=generator)
    sliced = SlicedScoreMatching(Separate()).loss(x, generator=generator)
    torch.testing.assert_close(sliced, x.sinh().square().sum(1) / 2 - x.cosh().sum(1))


def test_directions_are_averaged(generator):
    """Sixteen directions have a sixteenth of the variance, within a factor of 1.5."""
    x = torch.tensor([[0.3, -0.8, 0.5]]).expand(4000, 3)
    one_, many = (
        SlicedScoreMatching(Wave(), directions=n).loss(x, generator=generator).var().item()
        for n in (1, 16)
    )
    assert 1 / 1.5 < 16 * many / one_ < 1.5


@pytest.mark.equation("denoising-score-matching")
def test_denoising_loss_is_that_of_the_text(x):
    """With the very noise that it draws. Kills: + for -, σ for 1/σ, σ² for σ."""
    sigma = 0.4
    loss = DenoisingScoreMatching(Wave(), sigma=sigma).loss(x, generator=seeded(5))
    eps = torch.randn(x.shape, generator=seeded(5))
    psi = score(Wave(), x + sigma * eps)
    torch.testing.assert_close(loss, (psi + eps / sigma).square().sum(1) / 2)


@pytest.mark.equation("denoising-score-matching")
def test_denoising_matches_the_smoothed_law(generator):
    """x ~ N(0, s²): E loss = ½ (λ² (s² + σ²) - 2λ + 1/σ²), least at λ = 1 / (s² + σ²)."""
    s, sigma = 0.8, 0.6
    x = s * torch.randn(400_000, 1, generator=generator)
    model = GaussianEnergy(1, generator=generator)
    for precision in (0.5, 1.0, 1.7):
        with torch.no_grad():
            model.factor.fill_(precision**0.5)
        loss = DenoisingScoreMatching(model, sigma=sigma).loss(x, generator=generator).detach()
        expected = (precision**2 * (s**2 + sigma**2) - 2 * precision + sigma**-2) / 2
        assert_mean(loss, expected, detects=0.05)


def test_denoising_is_noisier_for_less_noise(generator):
    """Half the σ: 16 times the variance of the loss, and 4 times that of its gradient.

    The gradient with respect to the mean is Λ (ψ + ε/σ), whose mean square is 2 Λ² E[loss].
    """
    x, model = torch.randn(100_000, 1, generator=generator), GaussianEnergy(1, generator=generator)
    coarse, fine = (
        DenoisingScoreMatching(model, sigma=sigma).loss(x, generator=generator).detach()
        for sigma in (0.02, 0.01)
    )
    assert (fine.var() / coarse.var()).item() == pytest.approx(16, rel=0.1)
    assert (fine.mean() / coarse.mean()).item() == pytest.approx(4, rel=0.05)


OBJECTIVES = [
    ExplicitScoreMatching,
    SlicedScoreMatching,
    lambda m: DenoisingScoreMatching(m, sigma=0.5),
]


@pytest.mark.parametrize("make", OBJECTIVES)
def test_recovers_a_gaussian_by_its_precision(make, generator):
    """Mean and covariance of the data, as maximum likelihood would; denoising adds σ² I."""
    mix = torch.tensor([[1.0, 0.6], [0.0, 0.7]])
    x = torch.randn(4000, 2, generator=generator) @ mix + torch.tensor([1.0, -2.0])
    objective = make(GaussianEnergy(2, generator=generator))
    minimise(lambda: objective.loss(x, generator=seeded(1)).mean(), objective)
    tolerance = 1e-5 if isinstance(objective, ExplicitScoreMatching) else 0.15
    torch.testing.assert_close(objective.model.mean, x.mean(0), rtol=0, atol=tolerance)
    covariance = x.T.cov(correction=0) + getattr(objective, "sigma", 0.0) ** 2 * torch.eye(2)
    precision = torch.linalg.inv(covariance)
    torch.testing.assert_close(objective.model.precision, precision, rtol=0, atol=tolerance)


@pytest.mark.parametrize("make", OBJECTIVES)
def test_losses_work_without_gradients_and_leave_x_alone(make, x):
    """As in the validation of `fit`. Kills: a loss that needs the caller's gradient mode."""
    objective = make(Wave())
    with_gradient = objective.loss(x, generator=seeded(0))
    with torch.no_grad():
        without = objective.loss(x, generator=seeded(0))
    torch.testing.assert_close(with_gradient, without)
    assert not x.requires_grad
    with_gradient.mean().backward()
    assert objective.model.W.grad.abs().max() > 0


@pytest.mark.parametrize("make", OBJECTIVES)
def test_bad_input_is_refused(make, generator):
    objective = make(Wave())
    for bad, word in [
        (torch.tensor([[0.0, torch.nan, 0.0]]), "NaN"),
        (torch.zeros(2, 3, dtype=torch.int64), "floating"),
        (torch.zeros(0, 3), "at least one"),
    ]:
        with pytest.raises((ValueError, TypeError), match=r"expected.*got") as caught:
            objective.loss(bad, generator=generator)
        assert word in str(caught.value)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match=r"sigma: expected.*got 0"):
        DenoisingScoreMatching(Wave(), sigma=0)
    with pytest.raises(ValueError, match=r"directions: expected.*got 0"):
        SlicedScoreMatching(Wave(), directions=0)

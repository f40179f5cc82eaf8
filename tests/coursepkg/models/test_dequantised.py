"""Levels under a density: the mass of cells, from distribution functions."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg import protocols
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.dequantised import Dequantised, FittedDequantised, UniformNoise
from coursepkg.models.mixtures.gaussian import GaussianMixture
from coursepkg.rng import seeded
from tests.statistics import assert_cdf, assert_mean, assert_probs

K = 4


class Bell(nn.Module):
    """N(1.2, 0.9²) for each of D pixels, trained by gradients: a quarter lies outside [0, 2)."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(1.2))

    def log_prob(self, x):
        return Normal(self.mean, 0.9).log_prob(x).sum(1)

    def loss(self, x, *, generator):
        return -self.log_prob(x)

    def sample(self, n, *, generator):
        return 1.2 + 0.9 * torch.randn(n, 1, generator=generator)


class Scored(nn.Module):
    """A density that does nothing else, of any event."""

    def log_prob(self, x):
        return -x.flatten(1).sum(1)


class Rising(nn.Module):
    """q(u | x) = 1/2 + u, which prefers the upper end, by its inverse distribution function."""

    def sample(self, x, *, generator):
        u = (torch.sqrt(1 + 8 * torch.rand(x.shape, generator=generator)) - 1) / 2
        return u, (0.5 + u).log().sum(1)


def mass(levels=K):
    """Of the cells of one pixel under Bell, from the distribution function."""
    return Normal(1.2, 0.9).cdf(torch.arange(levels + 1.0)).diff()


def test_uniform_noise_is_uniform_in_double_precision_and_its_log_density_is_zero():
    """Kills: noise around the level, half a bin, one noise for all pixels."""
    x = torch.zeros(10_000, 2, dtype=torch.int64)
    u, log_q = UniformNoise().sample(x, generator=seeded(0))
    assert (u.dtype, u.shape, log_q.shape) == (torch.float64, (10_000, 2), (10_000,))
    assert not log_q.any()
    for d in range(2):
        assert_cdf(u[:, d], lambda x: x.clamp(0, 1), detects=0.06)
    assert torch.corrcoef(u.T)[0, 1].abs() < 0.06


class Everywhere(nn.Module):
    """The midpoints of a grid on [0, h)², one a row of x, under a law q that is tilted or flat."""

    def __init__(self, *, sides=80, h=1.0, tilt=0.0):
        super().__init__()
        middle = h * (torch.arange(sides) + 0.5) / sides
        self.u, self.h = torch.cartesian_prod(middle, middle).double(), h
        self.q = ((1 + tilt * (self.u / h - 0.5)) / h).prod(1)  # on [0, h)², mean 1 / h²

    def sample(self, x, *, generator):
        return self.u, self.q.log()


class Skew(nn.Module):
    """Two pixels that hang together: N(1.2, 0.9²), then N(x_1 / 2 + 1, 0.6²)."""

    def log_prob(self, x):
        return Normal(1.2, 0.9).log_prob(x[:, 0]) + Normal(x[:, 0] / 2 + 1, 0.6).log_prob(x[:, 1])


def skew_mass(x):
    """Of the cell of x, by a fine sum over the first pixel and the distribution function."""
    first = x[0] + (torch.arange(4000) + 0.5) / 4000
    second = Normal(first / 2 + 1, 0.6)
    strip = second.cdf(x[1] + 1.0) - second.cdf(x[1] + 0.0)
    return (Normal(1.2, 0.9).log_prob(first).exp() * strip).mean()


LEVEL_PAIRS = pytest.mark.parametrize("x", [[0, 0], [1, 2], [3, 1]])


@LEVEL_PAIRS
@pytest.mark.equation("dequantised-mass")
def test_a_level_has_the_mass_of_its_cube(x):
    """Quadrature in two dimensions. Kills: a cell around the level, log q added."""
    x = torch.tensor(x)
    for tilt in (0.0, 1.5):
        grid = Everywhere(tilt=tilt)
        model = Dequantised(Skew(), levels=K, noise=grid)
        log_w = model.log_weight(x.expand(len(grid.u), 2), generator=seeded(0))
        assert_close((grid.q * log_w.exp()).mean(), skew_mass(x), atol=1e-5, rtol=1e-3)


@LEVEL_PAIRS
@pytest.mark.equation("dequantisation-bound")
def test_the_bound_is_loose_by_the_divergence_of_the_noise(x):
    """By quadrature, narrow noise too. Kills: the other way round's divergence, log q forgotten."""
    x = torch.tensor(x)
    for tilt, h in ((0.0, 1.0), (1.5, 1.0), (1.5, 0.5)):
        grid = Everywhere(tilt=tilt, h=h)
        rows = x.expand(len(grid.u), 2)
        model = Dequantised(Skew(), levels=K, noise=grid)
        bound = h**2 * (grid.q * model.elbo(rows, generator=seeded(0))).mean()
        given = Skew().log_prob(rows + grid.u).exp() / skew_mass(x)
        divergence = h**2 * (grid.q * (grid.q / given).log()).mean()
        assert_close(bound, skew_mass(x).log() - divergence, atol=2e-3, rtol=0)
        assert divergence > 0.02, "vacuous: no gap"


class Steps(nn.Module):
    """Flat and high on the lower part of every cell, empty above: 1 / (K h) a pixel."""

    def __init__(self, h):
        super().__init__()
        self.h = h

    def log_prob(self, y):
        filled = (y - y.floor()) < self.h
        return torch.where(filled, -math.log(K * self.h), -math.inf).sum(1)


@LEVEL_PAIRS
@pytest.mark.equation("half-width")
@pytest.mark.parametrize("h", [0.25, 0.5, 1.0])
def test_narrow_noise_flatters_by_its_log_density_at_most(x, h):
    """A density that uses all of the gift reaches the bound. Kills: log q of narrow noise lost."""
    x, grid = torch.tensor(x), Everywhere(h=h)
    rows = x.expand(len(grid.u), 2)
    gift = 2 * math.log(1 / h)
    flattered = Skew().log_prob(rows + grid.u).mean()
    assert flattered < skew_mass(x).log() + gift + 1e-3
    scored = Dequantised(Skew(), levels=K, noise=grid).elbo(rows, generator=seeded(0)).mean()
    assert_close(scored, flattered - gift)
    greedy = Dequantised(Steps(h), levels=K, noise=grid)
    assert_close(greedy.elbo(rows, generator=seeded(0)).mean().item(), -2 * math.log(K))
    assert_close(Steps(h).log_prob(rows + grid.u).mean().item(), -2 * math.log(K) + gift)


@pytest.mark.parametrize("noise", [None, Rising()])
def test_the_mean_weight_of_a_level_is_the_mass_of_its_cell(noise):
    """Whatever the noise. Kills: log q added, half a bin, a noise that leaves the cell."""
    model, n = Dequantised(Bell(), levels=K, noise=noise), 40_000
    for level, chance in enumerate(mass().tolist()):
        x = torch.full((n, 1), level)
        log_w = model.log_weight(x, generator=seeded(level)).detach()
        assert_mean(log_w.exp(), chance, detects=0.15 * chance)
        assert log_w.std() > 0.03, "vacuous: nothing is drawn"


def test_what_lies_outside_is_lost_to_the_score_and_drawn_at_the_edge():
    """Scores sum to the mass of [0, 2); draws give the rest to the edges, so scores stay bounds."""
    model, scored = Dequantised(Bell(), levels=2), mass(2)
    drawn = torch.stack([Normal(1.2, 0.9).cdf(torch.tensor(1.0)), torch.tensor(0.0)])
    drawn[1] = 1 - drawn[0]
    x = model.sample(20_000, generator=seeded(0))
    assert x.dtype == torch.int64
    assert_probs(x[:, 0], drawn, detects=0.09)
    total = ImportanceBound(model, 20_000).log_weight(torch.tensor([[0], [1]]), generator=seeded(1))
    assert total.exp().sum().item() == pytest.approx(scored.sum().item(), abs=0.01)
    assert (drawn >= scored).all()
    assert scored.sum() < 0.75, "vacuous: nothing lies outside"


def test_the_bound_is_the_weight_and_its_sign_is_a_bounds():
    model, x = Dequantised(Bell(), levels=K), torch.tensor([[0], [1], [3]])
    log_w = model.log_weight(x, generator=seeded(3))
    assert torch.equal(model.elbo(x, generator=seeded(3)), log_w)
    assert torch.equal(model.loss(x, generator=seeded(3)), -log_w)
    score = nats(model, x, generator=seeded(0), draws=4000)
    assert score.sign == "≤"
    exact = -mass()[[0, 1, 3]].log().mean().item()
    assert exact < score.value < exact + 0.2


def test_more_weights_come_nearer_to_the_mass():
    x = torch.arange(K)[:, None].repeat(500, 1)
    scores = [
        nats(ImportanceBound(Dequantised(Bell(), levels=K), R), x, generator=seeded(0)).value
        for R in (1, 10)
    ]
    exact = -mass().log().mean().item()
    assert exact - 0.01 < scores[1] < scores[0] - 0.03


def test_it_has_what_its_density_has():
    """Kills: a loss of what is fitted, draws of what cannot be drawn. As Python 3.12 looks."""
    trained, scored = Dequantised(Bell(), levels=K), Dequantised(Scored(), levels=K)
    mixture = GaussianMixture(2, dim=1, generator=seeded(0))
    law = Dequantised(mixture, levels=K)
    fitted = FittedDequantised(mixture, levels=K, copies=2, generator=seeded(0))
    for model, promises in ((trained, {"sample", "loss"}), (scored, set()),
                            (law, {"sample"}), (fitted, {"sample", "fit"})):  # fmt: skip
        assert {n for n in ("sample", "loss", "fit") if hasattr(model, n)} == promises
        assert isinstance(model, protocols.Trainable) == ("loss" in promises)
        assert isinstance(model, protocols.Sampler) == ("sample" in promises)
        assert isinstance(model, protocols.Bound)
        assert isinstance(model, protocols.Weighted)


def test_an_image_keeps_its_shape():
    """Kills: a batch of examples taken for one."""
    x = torch.randint(K, (3, 1, 2, 2), generator=seeded(0))
    u, _ = UniformNoise().sample(x, generator=seeded(1))
    log_w = Dequantised(Scored(), levels=K).log_weight(x, generator=seeded(1))
    assert_close(log_w, -(x + u).flatten(1).sum(1))


class Brim(nn.Module):
    """Noise as near to 1 as a double can be."""

    def sample(self, x, *, generator):
        return torch.full(x.shape, 1 - 2.0**-53, dtype=torch.float64), torch.zeros(len(x))


class Listening(nn.Module):
    """Keeps what it was asked, in its own precision."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def log_prob(self, x):
        self.seen = x
        return x.sum(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_does_not_carry_the_noise_into_the_next_cell(dtype):
    """Kills: x + 1 in single precision, where u is nearly 1; the density's precision ignored."""
    density, x = Listening().to(dtype), torch.tensor([[0, 1, 3]])
    model = Dequantised(density, levels=K, noise=Brim())
    assert model.log_weight(x, generator=seeded(0)).dtype == dtype
    assert density.seen.dtype == dtype
    assert torch.equal(density.seen.floor().long(), x)
    wide = Dequantised(density, levels=K, dtype=torch.float64)
    wide.log_weight(x, generator=seeded(0))
    assert density.seen.dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8])
def test_the_highest_level_of_a_short_integer_stays_in_its_cell(dtype):
    """255 + 1 is 0 in bytes. Kills: the end of the cell computed among integers."""
    top = torch.iinfo(dtype).max
    x = torch.tensor([[0, 1, top]], dtype=dtype)
    y, _ = Dequantised(Listening(), levels=top + 1).filled(x, generator=seeded(0))
    assert torch.equal(y.floor().long(), x.long())


class Fitted(Listening):
    def fit(self, x):
        self.data = x

    def sample(self, n, *, generator):
        return torch.rand(n, 1, generator=generator)


def test_every_copy_of_an_example_has_its_own_noise_and_a_second_fit_has_the_same():
    """Kills: one noise for all copies, copies of other examples, noise that goes on."""
    density, x = Fitted(), torch.tensor([[0, 2], [3, 1]])
    model = FittedDequantised(density, levels=K, copies=3, generator=seeded(0))
    assert model.fit(x) is model
    copies = density.data.view(3, 2, 2)
    assert torch.equal(copies.floor().long(), x.expand(3, 2, 2))
    assert (copies[0] != copies[1]).all()
    assert (copies[1] != copies[2]).all()
    first = density.data
    model.fit(x)
    assert torch.equal(density.data, first)


def test_a_copy_scores_with_its_own_density():
    model, x = Dequantised(Bell(), levels=K), torch.tensor([[0], [1]])
    before = model.log_weight(x, generator=seeded(0))
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.density.mean.fill_(3.0)
    assert torch.equal(model.loss(x, generator=seeded(0)), -before)
    assert not torch.equal(twin.loss(x, generator=seeded(0)), -before)


def test_what_is_no_level_is_refused():
    model = Dequantised(Bell(), levels=K)
    for bad, message in ((torch.tensor([[K]]), "levels"), (torch.tensor([[0.5]]), "integer"),
                         (torch.zeros(0, 1, dtype=torch.int64), "at least one")):  # fmt: skip
        with pytest.raises((ValueError, TypeError), match=message):
            model.log_weight(bad, generator=seeded(0))
    fitted = FittedDequantised(Fitted(), levels=K, copies=1, generator=seeded(0))
    with pytest.raises(ValueError, match="levels"):
        fitted.fit(torch.tensor([[K]]))
    with pytest.raises(ValueError, match="levels: expected at least 2, got 1"):
        Dequantised(Bell(), levels=1)
    with pytest.raises(ValueError, match="copies: expected"):
        FittedDequantised(Fitted(), levels=2, copies=0, generator=seeded(0))

"""A density pulled back through a map: against autograd and the normal law, closed forms."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg import protocols
from coursepkg.models.copula import CorrelatedNormal
from coursepkg.models.transformed import Transformed
from coursepkg.rng import seeded
from tests.statistics import assert_cdf

D = 2


class Affine(nn.Module):
    """z = (x - shift) / scale, with parameters for gradients and a fit by moments."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor([1.0, -2.0]))
        self.log_scale = nn.Parameter(torch.tensor([0.5, -0.3]))

    def encode(self, x):
        z = (x - self.shift) / self.log_scale.exp()
        return z, -self.log_scale.sum().expand(len(x))

    def decode(self, z):
        return self.shift + self.log_scale.exp() * z


class Moments(Affine):
    def fit(self, x):
        self.shift.data.copy_(x.mean(0))
        self.log_scale.data.copy_(x.std(0).log())


class Standard(nn.Module):
    """N(0, I), with nothing to fit."""

    def log_prob(self, x):
        return -(x.square().sum(1) + D * math.log(2 * math.pi)) / 2

    def sample(self, n, *, generator):
        return torch.randn(n, D, generator=generator)


class Remembering(Standard):
    def fit(self, x):
        self.seen = x.detach()


def test_log_prob_is_that_of_the_law_of_the_decoded_draws():
    """N(shift, scale²). Kills: the determinant with the other sign, once a pixel, or forgotten."""
    model, x = Transformed(Affine(), Standard()), torch.randn(9, D, generator=seeded(0))
    scale = model.transform.log_scale.exp()
    law = torch.distributions.Normal(model.transform.shift, scale)
    assert_close(model.log_prob(x), law.log_prob(x).sum(1))


def test_draws_are_decoded():
    model = Transformed(Affine(), Standard())
    drawn = model.sample(20_000, generator=seeded(0)).detach()
    for d, (m, s) in enumerate(((1.0, 0.5), (-2.0, -0.3))):
        assert_cdf(drawn[:, d], lambda x, m=m, s=s: torch.special.ndtr((x - m) / math.exp(s)),
                   detects=0.05)  # fmt: skip


def test_what_is_fitted_is_the_transform_and_then_the_density():
    """z is x made standard. Kills: f fitted to x, or to z of the old transform."""
    x = torch.randn(500, D, generator=seeded(1)) @ torch.tensor([[3.0, 1.0], [0.0, 2.0]]) + 5
    model = Transformed(Moments(), Remembering()).fit(x)
    assert_close(model.density.seen, (x - x.mean(0)) / x.std(0))
    assert_close(model.transform.shift.data, x.mean(0))
    fixed = Transformed(Affine(), CorrelatedNormal(dim=D, shrinkage=0.1)).fit(x)
    assert torch.equal(fixed.transform.shift, Affine().shift)


def test_what_is_fitted_holds_no_graph():
    """Kills: z with a history, by which Σ would hold on to the data and no copy could be made."""
    model = Transformed(Affine(), CorrelatedNormal(dim=D, shrinkage=0.1))
    model.fit(torch.randn(50, D, generator=seeded(1)))
    assert not model.density.scale_tril.requires_grad
    assert torch.equal(copy.deepcopy(model).density.scale_tril, model.density.scale_tril)


def test_a_refused_fit_leaves_the_transform_as_it_was():
    model = Transformed(Moments(), CorrelatedNormal(dim=D, shrinkage=0))
    with pytest.raises(ValueError, match="linear dependence"):
        model.fit(torch.arange(5.0)[:, None] * torch.tensor([1.0, 2.0]))
    assert torch.equal(model.transform.shift, Moments().shift)


def test_it_is_fitted_or_trained_and_never_both():
    fitted = Transformed(Affine(), CorrelatedNormal(dim=D, shrinkage=0.1))
    trained = Transformed(Affine(), Standard())
    for model, has, lacks in ((fitted, "fit", "loss"), (trained, "loss", "fit")):
        assert has in vars(model)
        assert not hasattr(model, lacks)
    assert isinstance(fitted, protocols.Fittable)
    assert isinstance(trained, protocols.Trainable)
    assert not isinstance(trained, protocols.Fittable)


def test_gradients_of_the_loss_reach_the_transform_of_the_copy_that_was_asked():
    """Kills: a detached map, a copy that trains the original."""
    model = copy.deepcopy(Transformed(Affine(), Standard()))
    x = torch.randn(9, D, generator=seeded(0))
    loss = model.loss(x, generator=seeded(0))
    assert_close(loss, -model.log_prob(x))
    loss.sum().backward()
    assert all(p.grad.abs().max() > 0 for p in model.parameters())

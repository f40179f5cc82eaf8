"""Flows that estimate, and levels under them: exact twins, masses from distribution functions."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg import protocols
from coursepkg.evaluation import nats
from coursepkg.models.copula import Gaussianiser
from coursepkg.models.flows import (
    Chain,
    ContractiveMLP,
    DequantisedEstimate,
    EstimatedFlow,
    Permutation,
    Residual,
    StandardNormal,
)
from coursepkg.models.transformed import Transformed
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import pressed
from tests.statistics import assert_mean, assert_probs


def layers(n: int = 2) -> list[Residual]:
    made = []
    for seed in range(n):
        net = ContractiveMLP([2, 6, 2], contraction=0.7, steps=60, generator=seeded(seed))
        pressed(net, seeded(seed + 10))
        made.append(Residual(net, dim=2, tolerance=1e-9, sure=2))
    return made


def points(n: int = 3) -> torch.Tensor:
    return torch.randn(n, 2, generator=seeded(7))


def test_its_mean_is_the_exact_flow_of_the_same_layers():
    """Kills: one layer's determinant lost, the base at x, a sign."""
    flow = EstimatedFlow(layers(), StandardNormal(2))
    exact = Transformed(Chain(layers()), StandardNormal(2)).log_prob(points(1))
    for layer in layers():
        assert layer.encode(points(1))[1].abs() > 0.2, "vacuous: a layer without volume"
    found = flow.log_prob_estimate(points(1).expand(4000, 2), generator=seeded(0)).detach()
    assert_mean(found, exact.item(), detects=0.1)
    assert found.std() > 1e-3, "vacuous: nothing is estimated"
    assert torch.equal(
        flow.loss(points(), generator=seeded(1)),
        -flow.log_prob_estimate(points(), generator=seeded(1)),
    )
    assert nats(flow, points(), generator=seeded(0)).sign == "≈"


def test_its_draws_are_those_of_the_exact_flow():
    """Kills: inverses in order."""
    flow = EstimatedFlow(layers(), StandardNormal(2))
    exact = Transformed(Chain(layers()), StandardNormal(2))
    drawn = flow.sample(5, generator=seeded(0))
    assert_close(drawn, exact.sample(5, generator=seeded(0)))
    assert not drawn.requires_grad


class Noisy(nn.Module):
    """N(0.3, 0.8²) whose log is heard through noise of mean zero."""

    def log_prob_estimate(self, x, *, generator):
        exact = Normal(0.3, 0.8).log_prob(x).sum(1)
        return exact + 0.5 * torch.randn(len(x), generator=generator)

    def loss(self, x, *, generator):
        return x.sum(1)

    def sample(self, n, *, generator):
        return 0.3 + 0.8 * torch.randn(n, 1, generator=generator)


def test_levels_under_an_estimate_are_bounded_by_their_mass():
    """The mean is E log f, over u by quadrature. Kills: log q or the volume lost, half a bin."""
    front = Gaussianiser(dim=1, levels=3, smoothing=0.5).fit(torch.tensor([[0.5], [1.5], [1.5]]))
    model = DequantisedEstimate(Noisy(), levels=3, transform=front)
    for level in range(3):
        u = (torch.arange(2000) + 0.5) / 2000
        z, volume = front.encode(level + u[:, None])
        expected = (Normal(0.3, 0.8).log_prob(z).sum(1) + volume).mean().item()
        x = torch.full((20_000, 1), level)
        assert_mean(model.elbo(x, generator=seeded(level)), expected, detects=0.15)
    assert isinstance(model, protocols.Bound)
    assert not isinstance(model, protocols.Weighted), "its exponential is no weight"
    assert nats(model, torch.tensor([[1]]), generator=seeded(0)).sign == "≤"


def test_draws_are_levels_of_the_decoded_density():
    front = Gaussianiser(dim=1, levels=3, smoothing=0.5).fit(torch.tensor([[0.5], [1.5], [1.5]]))
    model = DequantisedEstimate(Noisy(), levels=3, transform=front)
    edges = torch.special.ndtri(front.histogram[0].cumsum(0)[:2])
    below = Normal(0.3, 0.8).cdf(edges)
    p = torch.tensor([below[0], below[1] - below[0], 1 - below[1]])
    x = model.sample(20_000, generator=seeded(0))
    assert x.dtype == torch.int64
    assert_probs(x[:, 0], p, detects=0.09)
    z, _ = front.encode(1 + torch.rand(2, 1, generator=seeded(3)))
    found = model.loss(torch.ones(2, 1, dtype=torch.int64), generator=seeded(3))
    assert_close(found, z.sum(1))


def test_draws_far_out_are_levels_too():
    """Through a transform that reaches beyond the cells. Kills: the level beyond the last."""

    class Far(Noisy):
        def sample(self, n, *, generator):
            return torch.tensor([[-60.0], [60.0]])

    model = DequantisedEstimate(Far(), levels=3, transform=Permutation(torch.arange(1)))
    assert model.sample(2, generator=seeded(0)).tolist() == [[0], [2]]


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match=r"layers: expected at least one, got none"):
        EstimatedFlow([], StandardNormal(2))
    with pytest.raises(TypeError, match=r"layers: expected estimate.*got a Identity"):
        EstimatedFlow([nn.Identity()], StandardNormal(2))
    front = Gaussianiser(dim=1, levels=3, smoothing=0.5)
    with pytest.raises(ValueError, match=r"levels: expected at least 2, got 1"):
        DequantisedEstimate(Noisy(), levels=1, transform=front)
    model = DequantisedEstimate(Noisy(), levels=3, transform=front)
    for says in (model.elbo, model.loss):
        with pytest.raises(ValueError, match=r"x: expected levels 0..2, got"):
            says(torch.tensor([[3]]), generator=seeded(0))
    silent = DequantisedEstimate(Silent(), levels=3, transform=front)
    assert not hasattr(silent, "sample")
    assert not hasattr(silent, "loss")
    assert math.isfinite(silent.elbo(torch.tensor([[1]]), generator=seeded(0)).item())


class Silent(nn.Module):
    def log_prob_estimate(self, x, *, generator):
        return x.sum(1)

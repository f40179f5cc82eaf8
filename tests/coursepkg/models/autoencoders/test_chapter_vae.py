"""Formulas of chapter 14 that no code of the package bears."""

import itertools
import math

import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close


def prior_weights(x, sigma):
    """ρ of weights p(x | z), z from the prior, for x = z + σ ε in each coordinate."""
    v = sigma**2
    factor = (1 + v) / (sigma * math.sqrt(2 + v)) * torch.exp(x**2 / ((1 + v) * (2 + v)))
    return factor.prod()


def minibatch(bounds, batch, N):
    """The estimate of the sum over N examples from those of a batch."""
    return N / len(batch) * bounds[list(batch)].sum()


@pytest.mark.equation("prior-weights")
@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
def test_the_second_moment_of_prior_weights(sigma):
    """Quadrature over z, one coordinate; all pairs of z for two. Kills: a lost factor, σ² for σ."""
    z = torch.linspace(-12, 12, 24_001)
    prior = Normal(0.0, 1.0).log_prob(z).exp() * (z[1] - z[0])
    moments = []
    for x in (0.0, 1.0, -2.5):
        w = Normal(z, sigma).log_prob(torch.tensor(x)).exp()
        found = (prior * w**2).sum() / (prior * w).sum() ** 2
        assert_close(prior_weights(torch.tensor([x]), sigma), found)
        moments.append((found, x))
    both = moments[0][0] * moments[1][0]
    assert_close(prior_weights(torch.tensor([0.0, 1.0]), sigma), both)


@pytest.mark.equation("minibatch-bound")
@pytest.mark.parametrize("B", [1, 2, 5])
def test_a_batch_estimates_the_sum_without_bias(B, generator):
    """Every batch of B of 5, enumerated. Kills: B/N for N/B, which is (B/N)² of it."""
    bounds = torch.randn(5, generator=generator) - 2
    batches = list(itertools.combinations(range(5), B))
    mean = torch.stack([minibatch(bounds, batch, 5) for batch in batches]).mean()
    assert_close(mean, bounds.sum())
    wrong = torch.stack([B / 5 * bounds[list(batch)].sum() for batch in batches]).mean()
    assert_close(wrong, (B / 5) ** 2 * bounds.sum())

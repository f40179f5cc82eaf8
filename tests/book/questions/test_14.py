"""Answers to the questions of chapter 14, computed."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from coursepkg.models.autoencoders.gradients import pathwise_gradient, score_gradient
from coursepkg.models.autoencoders.linear_gaussian import linear_vae
from coursepkg.rng import seeded
from tools.questions import marked, options


@pytest.mark.question("q-14-coin")
def test_the_q_at_which_the_bound_is_tight():
    """A search over q. Kills: the posterior of the other face, the prior."""
    q = torch.linspace(0.001, 0.999, 999)
    likelihood = 0.5 * torch.tensor([0.2, 0.6])
    bound = q * (likelihood[1] / q).log() + (1 - q) * (likelihood[0] / (1 - q)).log()
    assert marked("q-14-coin") == pytest.approx(q[bound.argmax()].item(), abs=2e-3)
    assert bound.max().item() == pytest.approx(math.log(0.4), abs=1e-5)


@pytest.mark.question("q-14-rate")
def test_the_rate_of_a_card():
    """torch's divergence. Kills: σ for σ² in the formula."""
    q = Normal(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.5]))
    rate = kl_divergence(q, Normal(0.0, 1.0)).sum().item()
    assert marked("q-14-rate") == pytest.approx(rate, abs=1e-3)


@pytest.mark.question("q-14-batch")
def test_the_estimate_from_a_batch():
    """All images alike: then the estimate is the sum. Kills: B/N."""
    assert marked("q-14-batch") == pytest.approx(2000 * (-4500 / 50))


@pytest.mark.question("q-14-bound")
def test_what_lies_below_the_evidence():
    """A coin whose every number is known, q off the posterior: exact means."""
    joint, q = 0.5 * torch.tensor([0.1, 0.7]), torch.tensor([0.1, 0.9])
    log_p = joint.sum().log()
    w = joint / q
    pairs = q[:, None] * q
    mean_weight = (pairs * (w[:, None] + w) / 2).sum()
    log_mean = (pairs * ((w[:, None] + w) / 2).log()).sum()
    minus_distortion = (q * (2 * joint).log()).sum()
    below = [bool(number <= log_p) for number in (mean_weight, log_mean, minus_distortion)]
    assert below == [False, True, False]
    assert [o for o, yes in zip(options("q-14-bound"), below, strict=True) if yes] == [
        marked("q-14-bound")
    ]


@pytest.mark.question("q-14-gap")
def test_the_gap_of_a_diagonal_q():
    """The divergence of two normal laws, for weights with this P. Kills: a lost half."""
    P, noise = torch.tensor([[5.0, 4.0], [4.0, 5.0]]), 0.5
    W = torch.linalg.cholesky(P - noise**2 * torch.eye(2)).mT
    q = linear_vae(W, torch.zeros(2), noise=noise).posterior(torch.zeros(1, 2))
    posterior = MultivariateNormal(torch.zeros(2), precision_matrix=P / noise**2)
    gap = kl_divergence(MultivariateNormal(q.mean[0], scale_tril=q.std[0].diag()), posterior)
    assert marked("q-14-gap") == pytest.approx(gap.item(), abs=1e-3)


@pytest.mark.question("q-14-variance")
def test_the_ratio_of_two_variances():
    """Measured, with 400,000 draws of each. Kills: the ratio of standard deviations."""
    zero, one = torch.zeros(8), torch.ones(8)
    found = [
        gradient(lambda z: z.square().sum(1), zero, one, draws=400_000, generator=seeded(0))
        .square()
        .mean()
        .item()
        for gradient in (pathwise_gradient, score_gradient)
    ]
    assert marked("q-14-variance") == pytest.approx(found[1] / found[0], rel=0.03)

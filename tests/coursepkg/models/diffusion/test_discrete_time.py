"""The bound of T steps, term by term against quadrature; draws against the closed form."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from coursepkg.models.diffusion import (
    Diffusion,
    LevelDenoiser,
    NoiseChain,
    RealDenoiser,
    SimpleLoss,
    Unheeding,
    cosine_betas,
    signal_at,
    stratified,
)
from coursepkg.rng import seeded
from tests.statistics import assert_cdf, assert_mean

BETA = torch.tensor([0.2, 0.4, 0.5], dtype=torch.float64)
SPREAD = 1.3  # of x ~ N(0, SPREAD²)
NODES, WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(60))
WEIGHTS = WEIGHTS / WEIGHTS.sum()


class Ideal(nn.Module):
    """E[x | z] of x ~ N(0, SPREAD²): a line."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        alpha, sigma = signal_at(log_snr)
        return self.gain * alpha * SPREAD**2 / (alpha**2 * SPREAD**2 + sigma**2) * z


def gaussian() -> Diffusion:
    chain = NoiseChain(BETA)
    left = math.sqrt((1 / SPREAD**2 + chain.log_snr[0].exp().item()) ** -1)  # std of x | z_1
    return Diffusion(RealDenoiser(Ideal(), dim=1, std=left), chain)


def by_quadrature(model: Diffusion, x: float) -> list[float]:
    """Every term of the bound at x: the prior's, then those of t = 1, ..., T, from densities."""
    alpha_bar, total = model.chain.alpha_bar, []
    prior = kl_divergence(Normal(alpha_bar[-1].sqrt() * x, (1 - alpha_bar[-1]).sqrt()),
                          Normal(torch.zeros(()).double(), torch.ones(()).double()))  # fmt: skip
    total.append(prior.item())
    for t in range(1, model.chain.T + 1):
        here = alpha_bar[t - 1]
        z = here.sqrt() * x + (1 - here).sqrt() * NODES
        guess = model.denoiser.net(z[:, None], here.logit().expand(len(z)))[:, 0]
        if t == 1:
            value = -Normal(guess, model.denoiser.law.std).log_prob(torch.tensor(x).double())
        else:
            before, beta = alpha_bar[t - 2], BETA[t - 1]
            std = (beta * (1 - before) / (1 - here)).sqrt()

            def mean(of, z=z, before=before, beta=beta, here=here):
                return (before.sqrt() * beta * of + (1 - beta).sqrt() * (1 - before) * z) / (
                    1 - here
                )

            value = kl_divergence(Normal(mean(x), std), Normal(mean(guess), std))
        total.append((WEIGHTS * value).sum().item())
    return total


def path_stds(model: Diffusion) -> list[float]:
    """Of the model's own laws of z_T, ..., z_1, and of x: a recursion down the linear chain."""
    variance, chain, stds = 1.0, model.chain, [1.0]
    for t in range(chain.T, 1, -1):
        here, before, beta = chain.alpha_bar[t - 1], chain.alpha_bar[t - 2], BETA[t - 1]
        gain = model.denoiser.net(torch.ones(1, 1).double(), here.logit()[None]).item()
        slope = (before.sqrt() * beta * gain + (1 - beta).sqrt() * (1 - before)) / (1 - here)
        variance = (slope**2 * variance + beta * (1 - before) / (1 - here)).item()
        stds.append(math.sqrt(variance))
    gain = model.denoiser.net(torch.ones(1, 1).double(), chain.log_snr[:1]).item()
    return [*stds, math.sqrt(gain**2 * variance + model.denoiser.law.std**2)]


@pytest.mark.equation("diffusion-step")
@pytest.mark.equation("diffusion-elbo")
def test_each_term_by_quadrature():
    """P(a right one fails) <= 4e-6.

    Kills: ½ forgotten, SNR_t - SNR_{t-1}, the guess's noise in place of its signal, t off by one.
    """
    model, g, n = gaussian(), seeded(0), 50_000
    prior, *expected = by_quadrature(model, 0.8)
    x = torch.full((n, 1), 0.8, dtype=torch.float64)
    assert model.prior_kl(x[:1]).item() == pytest.approx(prior, rel=1e-9)
    for t, value in enumerate(expected, 1):
        found = model.term(x, torch.full((n,), t), generator=g).detach()
        assert_mean(found, value, detects=0.05)


@pytest.mark.equation("diffusion-elbo")
def test_loss_and_elbo_are_one_number():
    """P(a right one fails) <= 2e-6.   Kills: the prior's term dropped, T forgotten in the loss."""
    model, g, n = gaussian(), seeded(1), 60_000
    expected = sum(by_quadrature(model, -1.7))
    x = torch.full((n, 1), -1.7, dtype=torch.float64)
    assert_mean(-model.elbo(x, generator=g).detach(), expected, detects=0.1)
    assert_mean(model.loss(x, generator=g).detach(), expected, detects=0.2)


@pytest.mark.equation("ancestral-step")
def test_draws_have_the_models_law():
    """P(a right one fails) <= 1e-6; finds 0.02.   Kills: a step forgotten, β_t as its variance."""
    model = gaussian()
    x = model.sample(80_000, generator=seeded(2))
    law = Normal(0.0, path_stds(model)[-1])
    assert_cdf(x[:, 0].double(), law.cdf, detects=0.02)


def test_the_path_has_the_law_of_each_step():
    """P(a right one fails) <= 3e-6; finds 0.02.   Kills: z_1 left out, z_T drawn twice."""
    model = gaussian()
    *stds, _ = path_stds(model)
    path = model.path(80_000, generator=seeded(4))
    assert len(path) == model.chain.T
    for z, std in zip(path, stds, strict=True):
        assert_cdf(z[:, 0].double(), Normal(0.0, std).cdf, detects=0.02)


def test_more_steps_tighten_the_bound_of_independent_pixels():
    """-E elbo of the exact guess falls to -log p as T grows.   Kills: levels embedded twice."""
    log_p = torch.tensor([0.1, 0.2, 0.7]).log()
    x = torch.tensor([[0]]).expand(400, 1)
    bounds = []
    for T in (4, 16, 200):
        denoiser = LevelDenoiser(Unheeding(log_p), dim=1, levels=3)
        model = Diffusion(denoiser, NoiseChain(cosine_betas(T)))
        with torch.no_grad():
            bounds.append(-model.elbo(x, generator=seeded(0)).mean().item())
    assert all(more < fewer for fewer, more in pairwise(bounds))
    assert bounds[-1] == pytest.approx(-log_p[0].item(), abs=0.1)


@pytest.mark.equation("simple-loss")
def test_the_simple_loss_weighs_each_step_alike():
    """P(a right one fails) <= 1e-6.   Kills: ‖x - x̂‖² in place of ‖ε - ε̂‖², t = 1 left out."""
    model, n = gaussian(), 60_000
    snr = model.chain.log_snr.exp()
    _, first, *steps = by_quadrature(model, 0.8)
    falls = [(snr[t - 1] - snr[t]).item() for t in range(1, 3)]
    std = model.denoiser.law.std
    squares = [2 * std**2 * (first - math.log(std * math.sqrt(2 * math.pi)))]
    squares += [2 * step / fall for step, fall in zip(steps, falls, strict=True)]
    expected = sum(s * square for s, square in zip(snr.tolist(), squares, strict=True)) / 3
    x = torch.full((n, 1), 0.8, dtype=torch.float64)
    assert_mean(SimpleLoss(model).loss(x, generator=seeded(3)).detach(), expected, detects=0.05)


def test_times_are_spread_over_the_batch():
    """Kills: independent times, or the same order in each batch."""
    u, g = [], seeded(0)
    for _ in range(2):
        u.append(stratified(8, generator=g, device=torch.device("cpu")))
        assert torch.equal((u[-1].sort().values * 8).long(), torch.arange(8))
    assert not torch.equal(u[0].argsort(), u[1].argsort())
    many = torch.cat([stratified(2, generator=g, device=torch.device("cpu"))[:1]
                      for _ in range(20_000)])  # fmt: skip
    assert_cdf(many, lambda t: t, detects=0.04)


def test_wrong_inputs_are_named():
    """Kills: levels outside 0..K-1 diffused without a word."""
    model = Diffusion(LevelDenoiser(Unheeding(torch.zeros(3)), dim=1, levels=3), NoiseChain(BETA))
    with pytest.raises(ValueError, match="levels"):
        model.elbo(torch.tensor([[3]]), generator=seeded(0))
    with pytest.raises(ValueError, match=r"^n: "):
        model.sample(0, generator=seeded(0))

"""Answers to the questions of chapter 17, computed."""

import math

import pytest
import torch
from torch import nn

from coursepkg.models.diffusion import (
    Diffusion,
    FromVelocity,
    LevelDenoiser,
    NoiseChain,
    RealDenoiser,
    TableNet,
    Unheeding,
    betas_of,
)
from coursepkg.rng import seeded
from tools.questions import marked, options


def which(label: str, holds: list[bool]) -> list[str]:
    """The options that hold."""
    return [o for o, yes in zip(options(label), holds, strict=True) if yes]


class Constant(nn.Module):
    """Says one number for every z."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        return self.value.expand_as(z)


@pytest.mark.question("q-17-factor")
def test_factor_after_two_steps():
    """Two steps without their noise. Kills: 0.25, 0.707."""
    chain = NoiseChain(torch.tensor([0.5, 0.5]))
    assert marked("q-17-factor") == pytest.approx(
        chain.signal(torch.tensor([2]), torch.zeros(1)).alpha.item()
    )


@pytest.mark.question("q-17-guess")
def test_guess_of_a_coin():
    """By the denoiser. Kills: α z, tanh(α z)."""
    coin = LevelDenoiser(Unheeding(torch.zeros(2)), dim=1, levels=2)
    log_snr = torch.tensor([2 * math.log(0.8 / 0.6)])
    guess = coin.mean(coin(torch.tensor([[0.3]]), log_snr))
    assert marked("q-17-guess") == pytest.approx(guess.item(), abs=5e-4)


@pytest.mark.question("q-17-blur")
def test_the_best_guess_from_noise_is_the_average():
    """Expected squared errors of the three, and the denoiser's own guess."""
    states = torch.tensor([[0, 2], [2, 2], [2, 0], [0, 2]])
    denoiser = LevelDenoiser(TableNet(states, torch.zeros(4), levels=3), dim=2, levels=3)
    x = denoiser.embed(states)
    guess = denoiser.mean(denoiser(torch.randn(1, 2, generator=seeded(0)), torch.tensor([-40.0])))
    torch.testing.assert_close(guess[0], x.mean(0), atol=1e-6, rtol=0)

    def error(of: torch.Tensor) -> float:
        return (x - of).square().sum(1).mean().item()

    errors = [sum(error(each) for each in x) / 4, error(x.mean(0)), error(x[0])]
    least = min(errors)
    assert which("q-17-blur", [e == least for e in errors]) == [marked("q-17-blur")]
    assert errors[0] == pytest.approx(2 * least)


@pytest.mark.question("q-17-back")
def test_variance_of_the_frame_before():
    """Kills: β, 1/6 of something else."""
    chain, one = NoiseChain(torch.tensor([0.2, 0.5])), torch.ones(1, 1)
    back = chain.posterior(one, one, torch.tensor([2]))
    assert marked("q-17-back") == pytest.approx(back.std.item() ** 2, abs=5e-5)


@pytest.mark.question("q-17-velocity")
def test_picture_from_velocity():
    """Kills: (z - σ v) / α."""
    log_snr = torch.tensor([2 * math.log(0.8 / 0.6)])
    guess = FromVelocity(Constant(0.5))(torch.ones(1, 1), log_snr)
    assert marked("q-17-velocity") == pytest.approx(guess.item())


@pytest.mark.question("q-17-step")
def test_nats_of_a_step():
    """By the model's own term. Kills: 0.8, the difference of logarithms."""
    chain = NoiseChain(betas_of(torch.tensor([3.0, 1.0]).double().log()))
    model = Diffusion(RealDenoiser(Constant(math.sqrt(0.4)), dim=1, std=1.0), chain)
    cost = model.term(torch.zeros(1, 1), torch.tensor([2]), generator=seeded(0))
    assert marked("q-17-step") == pytest.approx(cost.item())


@pytest.mark.question("q-17-prior")
def test_what_the_dropped_term_does():
    """Its sign, its gradient, and a case above log p: independent pixels whose law is known."""
    log_p = torch.tensor([0.2, 0.8]).log()
    model = Diffusion(LevelDenoiser(Unheeding(log_p), dim=1, levels=2),
                      NoiseChain(betas_of(torch.tensor([1.0]).double())))  # fmt: skip
    x = torch.tensor([[0], [1]])
    dropped = model.prior_kl(x)
    assert (dropped > 0).all()  # leaving out what is taken off raises the number
    moves = dropped.requires_grad
    with torch.no_grad():
        many = x.repeat(4000, 1)
        elbo = model.elbo(many, generator=seeded(0)).view(-1, 2).mean(0)
        z = torch.randn(200_000, 1, generator=seeded(1))
        output = model.denoiser(z, model.chain.log_snr.to(z).expand(len(z)))
        exact = torch.stack([
            model.denoiser.log_likelihood(level.expand(len(z), 1), output).exp().mean().log()
            for level in x
        ])  # fmt: skip
    assert (elbo < exact).all()
    above = bool(((elbo + dropped) > exact + 0.01).any())
    assert which("q-17-prior", [False, moves, above]) == [marked("q-17-prior")]


@pytest.mark.question("q-17-weight")
def test_weight_of_the_noise():
    """The step's cost over ‖ε - ε̂‖². Kills: 1, ½ of the difference."""
    chain = NoiseChain(betas_of(torch.tensor([4.0, 2.0]).double().log()))
    model = Diffusion(RealDenoiser(Constant(0.7), dim=1, std=1.0), chain)
    x, t = torch.zeros(1, 1), torch.tensor([2])
    z, eps = chain.noisy(x, t, generator=seeded(0))
    wrong = (eps - chain.signal(t, z).noise(z, torch.full((1, 1), 0.7))).square().item()
    cost = model.term(x, t, generator=seeded(0)).item()
    assert marked("q-17-weight") == pytest.approx(cost / wrong, rel=1e-5)

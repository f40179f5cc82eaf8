"""Answers to the questions of chapter 16, computed."""

import math

import pytest
import torch

from coursepkg.models.chains import (
    DenoisingAutoencoder,
    PlugAndPlay,
    contraction,
    error_bound,
    right_denoiser,
    walk_back_denoiser,
)
from coursepkg.rng import seeded
from coursepkg.samplers import stationary
from tools.questions import marked, options

WORDS = torch.tensor([0.5, 0.25, 0.25])
WALL = 0.25 + 0.25 * torch.eye(3)


@pytest.mark.question("q-16-heard")
def test_what_was_meant_by_b():
    """Bayes by matrix. Kills: 1/2, the wall without the language."""
    assert marked("q-16-heard") == pytest.approx(right_denoiser(WORDS, WALL)[1, 1].item())


@pytest.mark.question("q-16-nothing")
def test_without_corruption_the_chain_stands_still():
    """The identity: p, the uniform law and every other are stationary, and none is alone."""
    P = torch.eye(3) @ right_denoiser(WORDS, torch.eye(3))
    keeps = [torch.allclose(law @ P, law) for law in (WORDS, torch.full((3,), 1 / 3))]
    with pytest.raises(ValueError, match="got several"):
        stationary(P)
    holds = [keeps == [True, False], all(keeps), not keeps[0]]
    assert [o for o, yes in zip(options("q-16-nothing"), holds, strict=True) if yes] == [
        marked("q-16-nothing")
    ]


@pytest.mark.question("q-16-bound")
def test_the_bound_of_an_error():
    """A chain of two states with δ = 0.9 that is wrong by 0.01, where the bound is attained."""
    p, keeps = torch.tensor([0.5, 0.5]), (1 + math.sqrt(0.9)) / 2
    C = torch.tensor([[keeps, 1 - keeps], [1 - keeps, keeps]])
    Q = right_denoiser(p, C) + 0.01 * torch.tensor([1.0, -1.0])
    assert contraction(C @ Q) == pytest.approx(0.9)
    assert marked("q-16-bound") == pytest.approx(error_bound(p, C, Q))
    off = (stationary(C @ Q) - p).abs().sum().item() / 2
    assert off == pytest.approx(marked("q-16-bound"))


@pytest.mark.question("q-16-mean")
def test_variance_of_a_chain_of_means():
    """Iterated: v -> (v + 1) / 4. Kills: 1/2, 1."""
    v = 1.0
    for _ in range(60):
        v = (v + 1) / 4
    assert marked("q-16-mean") == pytest.approx(v, abs=5e-5)


@pytest.mark.question("q-16-slope")
def test_slope_from_a_residual():
    """Kills: the residual itself, σ for σ²."""

    class Answer(torch.nn.Module):
        def forward(self, h):
            return 0.9 * h

    r = DenoisingAutoencoder(Answer(), dim=1, sigma=0.5)
    assert marked("q-16-slope") == pytest.approx(r.score(torch.ones(1, 1)).item())


@pytest.mark.question("q-16-power")
def test_power_of_the_condition():
    """The mean of normal laws: where the condition at 1 and the prior at 0 balance. Kills: 1.5, 6.

    With powers a and b of terms of one width, the chain without noise rests at b / (a + b).
    """
    chain = PlugAndPlay(lambda h: -h, lambda h: -(h - 1).square().sum(1) / 2, 0.02, 0.06, 0.0)
    h = chain.init(torch.zeros(1, 1))
    for _ in range(400):
        h, _ = chain.step(h, generator=seeded(0))
    prior_power = 2 * 0.02 / 0.2**2
    assert prior_power == pytest.approx(1)
    rest = h.x.item()
    assert marked("q-16-power") == pytest.approx(prior_power * rest / (1 - rest))


@pytest.mark.question("q-16-walk")
def test_what_walking_back_changes():
    plain = right_denoiser(WORDS, WALL)
    walked = walk_back_denoiser(WORDS, WALL, steps=3)
    keeps = torch.allclose(stationary(WALL @ walked), WORDS, atol=1e-8)
    differs = not torch.allclose(walked, plain, atol=1e-3)
    holds = [not keeps, keeps and differs, not differs]
    assert [o for o, yes in zip(options("q-16-walk"), holds, strict=True) if yes] == [
        marked("q-16-walk")
    ]

"""Formulas of chapter 15 whose proof needs more than one module, or none of ours."""

import math

import pytest
import scipy.stats
import torch
from scipy.optimize import linprog

from coursepkg import rng
from coursepkg.games import Alternating, Simultaneous, bilinear, trajectory
from coursepkg.models.gan import Minimax, NonSaturating, Wasserstein, game_value, jensen_shannon


def sigmoid(u: float) -> float:
    return 1 / (1 + math.exp(-u))


def unbalanced(p, q, real: int, fake: int):
    """The best d where a batch holds so many real and so many generated examples."""
    return real * p / (real * p + fake * q)


@pytest.mark.equation("forger-slope")
@pytest.mark.parametrize("theta", [0.1, 0.5, 0.9])
def test_the_forgers_gradient_is_a_log_ratio(theta):
    """By differences of V, which is linear in θ. Kills: a sign, log d for log(1 - d)."""
    p = torch.tensor([0.7, 0.3])
    for heads, tails in ((0.6, 0.4), (0.2, 0.9), (0.5, 0.5)):
        score = torch.logit(torch.tensor([heads, tails]))
        at = [game_value(p, torch.tensor([t, 1 - t]), score).item() for t in (theta, theta + 0.05)]
        slope = math.log((1 - heads) / (1 - tails))
        assert (at[1] - at[0]) / 0.05 == pytest.approx(slope, abs=1e-9)


@pytest.mark.equation("generator-slopes")
def test_what_reaches_the_generator_of_a_critics_score():
    """Probabilities, by differences. Kills: one loss under the other's name, a sign."""
    h = 1e-5
    for D in (-8.0, -5.0, -1.0, 0.0, 2.0, 6.0):
        ends = torch.tensor([D - h, D + h])
        for loss, expected in ((Minimax(), -sigmoid(D)), (NonSaturating(), -sigmoid(-D))):
            low, high = loss.generator(torch.zeros(2), ends).tolist()
            assert (high - low) / (2 * h) == pytest.approx(expected, abs=1e-9)


def test_the_minimax_gradient_at_the_best_critic_is_that_of_the_divergence():
    """The envelope theorem, on random laws. Kills: a factor between V and the JSD."""
    logits = torch.randn(20, 6, generator=rng.seeded(1))
    p = torch.softmax(torch.randn(20, 6, generator=rng.seeded(2)), dim=1)
    slopes = []
    for held in (True, False):
        free = logits.clone().requires_grad_()
        q = torch.softmax(free, dim=1)
        fixed = p.log() - (q.detach() if held else q).log()
        value = game_value(p, q, fixed) if held else 2 * jensen_shannon(p, q)
        slopes += torch.autograd.grad(value.sum(), free)
    torch.testing.assert_close(*slopes)


@pytest.mark.equation("wasserstein-dual")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_steepest_allowed_critic_finds_the_distance(seed):
    """A linear program over critics on a line of atoms, against scipy's quantiles.

    Kills: a sign, slopes bounded on one side, a loss that is not minus what the critic gains.
    """
    generator = rng.seeded(seed)
    places = torch.rand(12, generator=generator).mul(5).sort().values
    p, q = torch.rand(2, 12, generator=generator)
    p, q = p / p.sum(), q / q.sum()
    far = places.diff()
    step = torch.eye(12).diff(dim=0)  # D(next) - D(this), rows of the two constraints
    found = linprog(-(p - q).numpy(), A_ub=torch.cat([step, -step]).numpy(),
                    b_ub=torch.cat([far, far]).numpy(), bounds=[(None, None)] * 12)  # fmt: skip
    distance = scipy.stats.wasserstein_distance(places, places, p, q)
    assert -found.fun == pytest.approx(distance)
    D = torch.from_numpy(found.x)
    gained = -(p[:, None] * q * Wasserstein().critic(D[:, None], D)).sum().item()
    assert gained == pytest.approx(distance)
    for slope in (0.3, 1.0):  # other critics that are not too steep gain no more
        other = slope * (places + seed).sin()
        loss = (p[:, None] * q * Wasserstein().critic(other[:, None], other)).sum()
        assert -loss < distance


@pytest.mark.equation("rotation-growth")
@pytest.mark.parametrize("e", [0.1, 0.5, 3.0])
def test_who_moves_at_once_moves_away(e):
    """Each step, from any start, for any split of e = η s. Kills: turns, a growth on average."""
    for step_size in (e, e / 2):
        field = bilinear(torch.tensor([[e / step_size]]))
        x, y = torch.randn(2, 1, generator=rng.seeded(3))
        squares = trajectory(Simultaneous(field, step_size), x, y, steps=20).square().sum(1)
        torch.testing.assert_close(squares[1:] / squares[:-1], torch.full((20,), 1 + e**2))


@pytest.mark.equation("turns-ellipse")
@pytest.mark.parametrize("e", [0.1, 1.0, 1.9])
def test_who_takes_turns_stays_on_an_ellipse(e):
    """Each step, from any start. Kills: both at once, the sign of the mixed term."""
    for step_size in (e, e / 2):
        field = bilinear(torch.tensor([[e / step_size]]))
        x, y = torch.randn(2, 1, generator=rng.seeded(4))
        x, y = trajectory(Alternating(field, step_size), x, y, steps=200).T
        kept = x**2 + y**2 - e * x * y
        torch.testing.assert_close(kept, kept[:1].expand(201))
        assert x.diff().abs().max() > 0.01, "vacuous: nobody moved"


@pytest.mark.equation("unbalanced-discriminator")
@pytest.mark.parametrize(("real", "fake"), [(1, 1), (10, 90), (64, 16)])
def test_the_best_discriminator_of_an_unbalanced_pool(real, fake):
    """The pooled cross-entropy is flat there and larger beside. Kills: counts exchanged or lost."""
    p, q = torch.rand(2, 6, generator=rng.seeded(5)) + 0.1
    p, q = p / p.sum(), q / q.sum()

    def pooled(d):
        return -(real * p * d.log() + fake * q * (1 - d).log()).sum() / (real + fake)

    best = unbalanced(p, q, real, fake).requires_grad_()
    (slope,) = torch.autograd.grad(pooled(best), best)
    torch.testing.assert_close(slope, torch.zeros(6), atol=1e-12, rtol=0)
    for factor in (0.97, 1.02):
        assert pooled(factor * best) > pooled(best)

"""Answers to the questions of chapter 22, computed."""

import itertools

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from coursepkg.models.masked import AnyOrder, log_weight_missing
from coursepkg.models.mixtures import CategoricalMixture, known_evidence, probs_given
from coursepkg.models.rbm import RBM, completion_log_prob
from coursepkg.rng import seeded
from tools.questions import marked, options


@pytest.mark.question("q-22-white")
def test_the_right_pixel_beside_a_white_one():
    """Kills: the black neighbour of the text, the belief before anything was seen."""
    pair = CategoricalMixture(2, dim=2, levels=2, generator=seeded(0))
    black = torch.tensor([0.9, 0.2])[:, None].expand(2, 2)
    pair.log_levels.copy_(torch.stack([1 - black, black], dim=2).log())
    seen = known_evidence(torch.tensor([[0, 1]]), torch.tensor([True, False]), levels=2)
    assert probs_given(pair, seen)[0, 1, 1].item() == pytest.approx(marked("q-22-white"), abs=5e-4)


class Guess(nn.Module):
    """Another law for each pattern of holes: what it says depends on the order."""

    def forward(self, z, log_odds):
        holes = (z == 2).sum(1, keepdim=True) + torch.arange(3)
        return torch.stack([holes.float(), torch.zeros_like(holes).float()], dim=2)


def chosen(label, holds):
    """The options that hold."""
    return [option for option, yes in zip(options(label), holds, strict=True) if yes]


@pytest.mark.question("q-22-no-z")
def test_which_law_of_the_missing_is_exact(generator):
    """Repeated, only the machine says the same number again, and it is the right one."""
    rbm = RBM(3, 10, generator=generator)
    x, known = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([True, False, False])
    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)))
    tilde = (-rbm.free_energy(states)).exp()
    expected = tilde[5] / tilde[states[:, 0] == 1].sum()  # no Z here
    found = completion_log_prob(rbm, x, known)[0].exp()

    z = torch.randn(20, 1000, generator=generator)  # 20 estimates of two integrals over z
    ratios = (z.sigmoid() * (3 * z).sigmoid()).mean(1) / z.sigmoid().mean(1)
    model = AnyOrder(Guess(), dim=3, levels=2)
    weights = log_weight_missing(model, x.long().expand(200, 3), known, generator=generator)
    holds = [torch.isclose(found, expected), ratios.std() < 1e-6, weights.std() < 1e-6]
    assert chosen("q-22-no-z", holds) == [marked("q-22-no-z")]


@pytest.mark.question("q-22-least")
def test_the_least_error_of_one_answer():
    """Over all answers of a grid. Kills: a right answer as the best."""
    y, guess = torch.tensor([-1.0, 1.0]), torch.linspace(-2, 2, 401)
    errors = (guess[:, None] - y).square().mean(1)
    assert errors.min().item() == pytest.approx(marked("q-22-least"), abs=1e-6)


@pytest.mark.question("q-22-wiener")
def test_half_or_a_fifth_of_a_surprise():
    """By quadrature of the posterior. Kills: τ for τ²."""
    x = torch.linspace(-60, 80, 20001)
    p = (-((x - 8) ** 2) / (2 * 9) - (14 - x) ** 2 / (2 * 36)).exp()
    assert ((p * x).sum() / p.sum()).item() == pytest.approx(marked("q-22-wiener"), abs=1e-3)


def information(joint):
    """Mutual information of two variables from their table, nats."""
    apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return (joint * (joint / apart).log()).sum().item()


@pytest.mark.question("q-22-processing")
def test_what_draws_can_carry():
    """The world w, an image x of it, what the designer assumes, a, and a draw made of x and a.

    Of w the draw tells less than x did; of a, which x does not show, it tells something.
    """
    p = torch.zeros(2, 2, 2, 2)
    for w, x, a, s in itertools.product(range(2), repeat=4):
        seen, drawn = 0.8 if x == w else 0.2, 0.9 if s == (x | a) else 0.1
        p[w, x, a, s] = 0.5 * seen * (0.5 * drawn)
    of_world, of_image = information(p.sum((1, 2))), information(p.sum((2, 3)))
    assert of_world > 0.01
    assert information(p.sum((0, 3))) == pytest.approx(0, abs=1e-6)  # of x and a
    holds = [of_world > of_image, information(p.sum((0, 1))) > 0.01]
    assert chosen("q-22-processing", holds) == [marked("q-22-processing")]


@pytest.mark.question("q-22-mode")
def test_the_mode_against_the_mean_of_the_draws():
    """From torch's density and entropy. Kills: the dimension, the square root of it."""
    law = MultivariateNormal(torch.zeros(100), torch.eye(100))
    above = law.log_prob(torch.zeros(100)) + law.entropy()
    assert above.item() == pytest.approx(marked("q-22-mode"), rel=1e-5)

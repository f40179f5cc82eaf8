"""Answers to the questions of chapter 21, computed."""

import math

import pytest
import torch

from coursepkg.data.bpe import BytePairs
from coursepkg.models.language.decoding import nucleus, temper, top_k
from coursepkg.models.language.preference import optimal_policy
from coursepkg.models.language.speculative import kept_share
from coursepkg.models.language.stream import bits_per_character
from coursepkg.nets.lowrank import adapt, learnt
from coursepkg.nets.mlp import MLP
from tools.questions import marked, options


@pytest.mark.question("q-21-nucleus")
def test_how_many_symbols_a_nucleus_keeps():
    """0.5 + 0.3 is enough. Kills: one more, since 0.8 is reached and not passed."""
    law = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    kept = (nucleus(law, p=0.8) > -math.inf).sum().item()
    assert kept == marked("q-21-nucleus")


@pytest.mark.question("q-21-price")
def test_the_price_of_what_is_left_out():
    law = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    q = top_k(law, k=2)
    found = (q.exp() * (q - law))[:2].sum().item()
    assert found == pytest.approx(marked("q-21-price"), abs=1e-3)


@pytest.mark.question("q-21-temperature")
def test_a_law_at_half_the_temperature():
    found = temper(torch.tensor([0.8, 0.2]).log(), temperature=0.5).exp()[0].item()
    assert found == pytest.approx(marked("q-21-temperature"), abs=1e-3)


@pytest.mark.question("q-21-kept")
def test_how_often_a_guess_is_kept():
    found = kept_share(torch.tensor([0.6, 0.4]), torch.tensor([0.9, 0.1])).item()
    assert found == pytest.approx(marked("q-21-kept"))


@pytest.mark.question("q-21-bits")
def test_what_tokens_say_of_a_text():
    """The number, and that other spellings only add. Kills: exactly; at least."""
    nats = torch.full((300,), -4 * math.log(2))
    assert bits_per_character(nats, 1000) == pytest.approx(1.2)
    tokens = BytePairs.from_text("abab", size=3)
    law = torch.tensor([0.3, 0.3, 0.4]).log()  # of a, b, ab
    spelt = law[tokens.encode("ab")].sum().exp().item()
    whole = spelt + law[:2].sum().exp().item()
    assert whole > spelt
    said = {"At most": whole >= spelt, "Exactly": whole == spelt, "At least": whole <= spelt}
    right = [
        option for option in options("q-21-bits")
        if any(option.startswith(word) and holds for word, holds in said.items())
    ]  # fmt: skip
    assert right == [marked("q-21-bits")]


@pytest.mark.question("q-21-optimum")
def test_odds_under_the_best_law():
    best = optimal_policy(torch.tensor([0.1, 0.1]).log(), torch.tensor([1.0, 0.0]), beta=0.5)
    found = (best[0] - best[1]).exp().item()
    assert found == pytest.approx(marked("q-21-optimum"), abs=0.01)


@pytest.mark.question("q-21-rank")
def test_how_many_numbers_an_adapter_learns(generator):
    net = MLP([128, 512], generator=generator)
    assert learnt(adapt(net, rank=8, generator=generator)) == marked("q-21-rank")

"""Answers to the questions of chapter 20, computed."""

import re

import pytest
import torch
from torch import nn

from coursepkg.models.language.model import LanguageModel
from coursepkg.models.language.tightness import unfinished
from coursepkg.nets.attention import Rotary, attention_weights, causal_attention
from coursepkg.nets.transformer import PreNormLayer, Transformer
from tools.questions import marked, options


class Same(nn.Module):
    """The same scores after every beginning."""

    def forward(self, y):
        return torch.tensor([0.5, 0.3, 0.2]).log().expand(*y.shape, 3)


@pytest.mark.question("q-20-string")
def test_probability_of_a_string_with_its_end():
    """Kills: the end not paid for."""
    model = LanguageModel(Same(), symbols=3, length=6)
    found = model.log_prob(torch.tensor([[0, 0, 1, 2, 2, 2]])).exp().item()
    assert found == pytest.approx(marked("q-20-string"))


@pytest.mark.question("q-20-tight")
def test_mass_that_never_ends():
    """Kills: the mass that ends."""
    stop = 1 / (torch.arange(100_000) + 3.0) ** 2
    assert unfinished(stop)[-1].item() == pytest.approx(marked("q-20-tight"), abs=1e-3)


@pytest.mark.question("q-20-weights")
def test_a_mean_of_two_values():
    """The second place sees both; d = 1, so that the scores are products."""
    q, k, v = torch.ones(2, 1), torch.tensor([[0.0], [3.0]]), torch.tensor([[0.0], [4.0]])
    k[1] = k[1].log()
    assert causal_attention(q, k, v)[1].item() == pytest.approx(marked("q-20-weights"))


@pytest.mark.question("q-20-scale")
def test_spread_of_an_inner_product(generator):
    """By simulation. Kills: the variance."""
    q, k = (torch.randn(20_000, 256, generator=generator) for _ in range(2))
    assert (q * k).sum(1).std().item() == pytest.approx(marked("q-20-scale"), rel=0.04)


@pytest.mark.question("q-20-places")
def test_what_one_layer_without_places_cannot_tell(generator):
    """Each pair, by a network. Kills: an order of the past that it could see."""
    layer = PreNormLayer(8, heads=2, generator=generator)
    net = Transformer([layer], symbols=5, context=4, width=8, generator=generator)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator))

    def last(word):
        return net(torch.tensor([[4, *map("abcd".index, word)]]))[0, -1]

    same = [
        option for option in options("q-20-places")
        if torch.allclose(*map(last, re.findall(r"`([abcd]+)`", option)))
    ]  # fmt: skip
    assert same == [marked("q-20-places")]


@pytest.mark.question("q-20-rotary")
def test_a_score_at_a_distance():
    """Kills: the sum of the places."""
    turned = Rotary(12, 2)(torch.tensor([1.0, 0.0]).expand(12, 2))
    assert (turned[10] @ turned[7]).item() == pytest.approx(marked("q-20-rotary"), abs=1e-3)


@pytest.mark.question("q-20-memory")
def test_weights_that_are_stored():
    """Kills: T for T²."""
    few, many = (attention_weights(*torch.zeros(2, n, 3)).numel() for n in (7, 21))
    assert many / few == marked("q-20-memory")

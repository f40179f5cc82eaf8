"""The law over strings: against a loop, its mass by enumeration, its draws."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.language.model import LanguageModel
from coursepkg.nets.transformer import gpt
from tests.statistics import assert_probs

K, L = 3, 5
END = K - 1


def make(generator, **changes):
    sizes = {"symbols": K, "context": L - 1, "width": 8, "heads": 2, "depth": 1, **changes}
    net = gpt(**sizes, generator=generator)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.3)
    return LanguageModel(net, symbols=K, length=L).eval()


def strings(longest=L - 1):
    for length in range(longest + 1):
        yield from itertools.product(range(END), repeat=length)


def rows(words):
    return torch.tensor([[*word, *[END] * (L - len(word))] for word in words])


def conditional(model, prefix):
    """p(. | prefix), read after the EOS that every string follows."""
    return model.net(torch.tensor([[END, *prefix]]))[0, -1].softmax(-1)


@pytest.mark.equation("lm-factorisation")
def test_a_string_has_the_product_of_its_conditionals_and_its_end(generator):
    """Kills: EOS left out, or counted at every place after it; the start not told."""
    model = make(generator)
    listed = list(strings())
    found = model.log_prob(rows(listed)).exp()
    for word, p in zip(listed, found, strict=True):
        expected = 1.0 if len(word) == L - 1 else conditional(model, word)[END].item()
        for t, symbol in enumerate(word):
            expected *= conditional(model, word[:t])[symbol].item()
        assert p.item() == pytest.approx(expected)


@pytest.mark.equation("lm-mass")
def test_all_strings_up_to_a_length_have_what_has_not_gone_on(generator):
    """Sum over strings of <= n symbols = 1 - P(more): at each n by its own loop over prefixes."""
    model = make(generator)
    for n in range(L - 1):
        mass = model.log_prob(rows(list(strings(n)))).exp().sum().item()
        going = 0.0
        for prefix in itertools.product(range(END), repeat=n + 1):
            going += math.prod(
                conditional(model, prefix[:t])[s].item() for t, s in enumerate(prefix)
            )
        assert mass == pytest.approx(1 - going)
        assert 0.001 < going < 0.999, "vacuous"
    assert model.log_prob(rows(list(strings()))).exp().sum().item() == pytest.approx(1)


def test_draws_follow_the_law_and_continuations_the_law_given_the_prompt(generator):
    """Kills: symbols after the end, the prompt redrawn, the last place left open."""
    model, listed = make(generator), list(strings())
    log_p = model.log_prob(rows(listed)).detach()
    drawn = model.sample(20_000, generator=generator)
    at = {tuple(row): n for n, row in enumerate(rows(listed).tolist())}
    assert_probs(torch.tensor([at[tuple(r)] for r in drawn.tolist()]), log_p.exp(), detects=0.15)
    more = model.continuations(torch.tensor([1, 0]), 20_000, generator=generator)
    p = log_p.exp() * torch.tensor([word[:2] == (1, 0) for word in listed])
    assert_probs(torch.tensor([at[tuple(r)] for r in more.tolist()]), p / p.sum(), detects=0.15)


@pytest.mark.parametrize("temperature", [0.3, 2.5])
def test_temperature_bends_every_conditional(temperature, generator):
    """Of the next symbol. Kills: temperature for its inverse, a temperature ignored."""
    model = make(generator)
    p = conditional(model, (0, 1)).detach() ** (1 / temperature)
    y = model.continuations(
        torch.tensor([0, 1]), 20_000, temperature=temperature, generator=generator
    )
    assert_probs(y[:, 2], p / p.sum(), detects=0.1)
    plain = conditional(model, (0, 1)).detach()
    assert (p / p.sum() - plain).abs().sum() > 0.1, "vacuous"


def test_the_loss_is_minus_log_prob_with_dropout_from_the_generator(generator):
    """Kills: a mean over symbols, dropout off, a sign."""
    model, y = make(generator), rows([(0, 1), (), (1, 1, 1, 0)])
    assert_close(model.loss(y, generator=generator), -model.log_prob(y))
    dropped = make(generator, dropout=0.5).train()
    a, b = (dropped.loss(y, generator=torch.Generator().manual_seed(s)) for s in (1, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, dropped.loss(y, generator=torch.Generator().manual_seed(2)))


def test_draws_are_in_eval_mode(generator):
    """Same generator, same strings. Kills: dropout, from the global state, while drawing."""
    model, prompt = make(generator, dropout=0.5).train(), torch.tensor([0])
    state = torch.random.get_rng_state()
    for draw in (model.sample, lambda n, **g: model.continuations(prompt, n, **g)):
        a, b = (draw(50, generator=torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(a, b)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(part.training for part in model.modules())
    with torch.random.fork_rng():
        y = torch.zeros(1, L - 1, dtype=torch.int64)
        assert not torch.equal(model.net(y), model.net(y)), "vacuous: no dropout"


def test_no_draws_are_refused(generator):
    """Kills: an empty tensor, or a message of something inside."""
    model = make(generator)
    for n in (0, -1):
        with pytest.raises(ValueError, match=f"^n: expected a finite number > 0, got {n}"):
            model.sample(n, generator=generator)
        with pytest.raises(ValueError, match=f"^n: expected a finite number > 0, got {n}"):
            model.continuations(torch.tensor([0]), n, generator=generator)


def test_prompts_that_cannot_be_continued_are_refused(generator):
    model = make(generator)
    go = model.continuations
    for prompt, word in (
        ([], "1 to 4 symbols in a row"), ([0] * L, "1 to 4 symbols"),
        ([END], "levels 0..1, got values from 2"), ([[0]], "in a row"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=word):
            go(torch.tensor(prompt, dtype=torch.int64), 2, generator=generator)
    with pytest.raises(TypeError, match="integer"):
        go(torch.zeros(2), 2, generator=generator)
    with pytest.raises(ValueError, match=r"^prompt: expected 1 to 4 symbols in a row, got shape"):
        go([0], 2, generator=generator)
    for temperature in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="temperature: expected a finite number > 0, got"):
            go(torch.tensor([0]), 2, temperature=temperature, generator=generator)


def test_rows_that_are_no_strings_are_refused(generator):
    model = make(generator)
    for row, word in (
        ([0, 0, 0, 0, 0], "without an end"), ([0, 2, 0, 2, 2], "nothing after the end"),
        ([0, 3, 2, 2, 2], "levels"), ([0, 2, 2, 2], "shape"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=word):
            model.log_prob(torch.tensor([row]))


def test_a_network_of_the_wrong_size_is_named(generator):
    with pytest.raises(ValueError, match=r"net: expected scores \(1, 4, 3\), got \(1, 4, 5\)"):
        make(generator, symbols=5).log_prob(rows([()]))
    with pytest.raises(ValueError, match="1 <= T <= 2, the context"):
        make(generator, context=2).log_prob(rows([()]))
    for sizes in ({"symbols": 1, "length": 5}, {"symbols": 3, "length": 1}):
        with pytest.raises(ValueError, match="expected symbols >= 2 and length >= 2"):
            LanguageModel(nn.Identity(), **sizes)

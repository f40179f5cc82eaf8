"""The law of speculative decoding, by trying every outcome of every draw of the real code."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.language import speculative
from coursepkg.models.language.decoding import most_likely, nucleus
from coursepkg.models.language.speculative import kept_share, remainder, write_ahead
from coursepkg.models.language.writing import as_it_is
from coursepkg.nets.transformer import gpt
from tests.oracles import state_index, states
from tests.statistics import assert_probs

K = 3


class Chain(nn.Module):
    """Scores by the last two symbols."""

    def __init__(self, generator, symbols=K, spread=1.5):
        super().__init__()
        self.table = spread * torch.randn(symbols, symbols, symbols, generator=generator)

    def forward(self, y):
        return self.table[y.roll(1, 1), y]


class Odometer:
    """In the place of `_draw`: goes through all outcomes, and keeps the probability of each run.

    Outcomes of probability 0 are passed over: what would follow one has no law.
    """

    def __init__(self):
        self.script = []

    def start(self):
        self.place, self.mass = 0, 1.0

    def __call__(self, p, generator):
        if self.place == len(self.script):
            self.script.append((p.gt(0).tolist().index(True), p))
        choice, _ = self.script[self.place]
        self.place += 1
        self.mass *= p[choice].item()
        return choice

    def next(self):
        """Whether there is another run."""
        while self.script:
            choice, p = self.script.pop()
            more = [c for c in range(choice + 1, len(p)) if p[c] > 0]
            if more:
                self.script.append((more[0], p))
                return True
        return False


def law_of(target, draft, length, ahead, rule, monkeypatch):
    """Probability of every text of `length` symbols after the prompt; expected passes and kept."""
    drawn, found, passes, kept = Odometer(), torch.zeros(K**length), 0.0, 0.0
    monkeypatch.setattr(speculative, "_draw", drawn)
    while True:
        drawn.start()
        result = write_ahead(target, draft, torch.tensor([0, 1]), length, ahead=ahead, rule=rule,
                             generator=None)  # fmt: skip
        assert len(result.y) == 2 + length
        found[state_index(result.y[None, 2:], K)] += drawn.mass
        passes += drawn.mass * result.passes
        kept += drawn.mass * result.kept
        if not drawn.next():
            return found, passes, kept


def true_law(target, length, rule):
    y = torch.cat([torch.tensor([0, 1]).expand(K**length, -1), states(K, length)], dim=1)
    log_p = rule(target(y).log_softmax(-1))[:, 1:-1]
    return log_p.gather(-1, y[:, 2:, None]).sum((1, 2)).exp()


@pytest.mark.equation("speculative")
@pytest.mark.parametrize("ahead", [1, 2, 3])
@pytest.mark.parametrize("rule", [as_it_is, lambda p: nucleus(p, p=0.8)], ids=["all", "nucleus"])
def test_the_law_is_the_targets(ahead, rule, generator, monkeypatch):
    """Total variation 0.

    Kills: q / p, p in place of the remainder, a coin that is always heads, the law of a
    neighbouring place, the symbol that the target adds taken from the draft.
    """
    target, draft = Chain(generator), Chain(generator)
    found, passes, _ = law_of(target, draft, 3, ahead, rule, monkeypatch)
    expected = true_law(target, 3, rule)
    assert expected.sum().item() == pytest.approx(1)
    assert (found - expected).abs().sum() / 2 < 1e-12
    other = true_law(draft, 3, rule)
    assert (other - expected).abs().sum() / 2 > 0.2, "vacuous: the draft is as good"
    assert passes < 3


@pytest.mark.equation("acceptance")
def test_a_guess_is_kept_with_one_minus_total_variation(generator, monkeypatch):
    """Kills: the maximum, a share of p alone."""
    target, draft = Chain(generator), Chain(generator)
    _, passes, kept = law_of(target, draft, 2, 1, as_it_is, monkeypatch)
    p, q = (net(torch.tensor([[0, 1]]))[0, -1].softmax(-1) for net in (target, draft))
    share = kept_share(p, q).item()
    assert share == pytest.approx(1 - (p - q).abs().sum().item() / 2)
    assert kept == pytest.approx(share)  # the second symbol is the target's own
    assert passes == pytest.approx(share + 2 * (1 - share))
    assert kept_share(torch.stack([p, p]), torch.stack([p, q])).tolist() == pytest.approx([
        1,
        share,
    ])


@pytest.mark.parametrize("rule", [as_it_is, most_likely])
def test_a_draft_that_is_the_target_is_always_right(rule, generator):
    """Kills: refusals by rounding alone; a pass for each symbol; a draft that knows no rule."""
    net = gpt(symbols=K, context=24, width=8, heads=2, depth=1, generator=generator).eval()
    found = write_ahead(net, net, torch.tensor([0]), 20, ahead=4, rule=rule, generator=generator)
    assert (found.passes, found.guessed, found.kept) == (4, 16, 16)
    assert len(found.y) == 21


def test_real_draws_follow_the_law(generator):
    """Kills: the likeliest in place of a draw, which the search above replaces."""
    target, draft = Chain(generator), Chain(generator)
    y = torch.stack([
        write_ahead(target, draft, torch.tensor([0, 1]), 2, ahead=1, generator=generator).y[2:]
        for _ in range(3000)
    ])  # fmt: skip
    law = true_law(target, 2, as_it_is)
    assert_probs(state_index(y, K), law, detects=0.25)
    assert (true_law(draft, 2, as_it_is) - law).abs().sum() > 0.25, "vacuous"


def test_dropout_is_off_and_the_prompt_is_not_kept(generator):
    """Kills: a network that writes with dropout, from the global state; the caller's tensor."""
    nets = [gpt(symbols=K, context=12, width=8, heads=2, depth=1, dropout=0.5,
                generator=generator) for _ in range(2)]  # fmt: skip
    prompt = torch.tensor([0, 2], dtype=torch.uint8)
    quiet, loud = (
        write_ahead(*(net.train(mode) for net in nets), prompt, 9, ahead=3,
                    generator=torch.Generator().manual_seed(1)).y for mode in (False, True)
    )  # fmt: skip
    assert torch.equal(quiet, loud)
    assert all(part.training for net in nets for part in net.modules())
    assert quiet.dtype == torch.int64
    prompt = prompt.long()
    found = write_ahead(*nets, prompt, 0, ahead=3, generator=generator).y
    found += 1
    assert prompt.tolist() == [0, 2]


def test_two_precisions_may_meet(generator):
    """A chain's laws are double. Kills: laws that cannot be compared."""
    target, draft = (gpt(symbols=K, context=9, width=8, heads=2, depth=1, generator=generator)
                     for _ in range(2))  # fmt: skip
    found = write_ahead(target.float(), draft, torch.tensor([0]), 8, ahead=2, generator=generator)
    assert len(found.y) == 9


def test_never_more_is_written_than_asked(generator):
    """Kills: a guess too many at the end; a place that the context does not have."""
    net = gpt(symbols=K, context=7, width=8, heads=2, depth=1, generator=generator).eval()
    for length in (0, 1, 5):
        found = write_ahead(net, Chain(generator), torch.tensor([0, 2]), length, ahead=4,
                            generator=generator)  # fmt: skip
        assert len(found.y) == 2 + length
        assert found.kept <= found.guessed <= max(length - 1, 0) * max(found.passes, 1)


def test_the_remainder_is_what_p_has_more():
    """By hand. Kills: an absolute value, no renormalising."""
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.7, 0.1])
    assert_close(remainder(p, q), torch.tensor([0.75, 0, 0.25]))
    assert torch.equal(remainder(p, p), p)
    rows = remainder(torch.stack([p, p, q]), torch.stack([q, p, p]))
    assert_close(rows, torch.tensor([[0.75, 0, 0.25], [0.5, 0.3, 0.2], [0, 1, 0]]))


def test_what_cannot_be_is_refused(generator):
    target, prompt = Chain(generator), torch.tensor([0])
    for symbols in (2, 4):
        draft = Chain(generator, symbols)
        for first in (prompt, torch.tensor([2])):  # a symbol that the smaller one does not know
            with pytest.raises(ValueError, match=rf"target's 3 symbols, got one of {symbols}"):
                write_ahead(target, draft, first, 4, ahead=2, generator=generator)
    for ahead in (0, -1, 1.5, math.nan, math.inf):
        with pytest.raises(ValueError, match="ahead: expected a whole number >= 1, got"):
            write_ahead(target, target, prompt, 4, ahead=ahead, generator=generator)
    for bad in (prompt[:0], prompt[None], [0]):
        with pytest.raises(
            ValueError, match=r"expected shape \(T,\) with at least one symbol, got"
        ):
            write_ahead(target, target, bad, 4, ahead=1, generator=generator)
    with pytest.raises(ValueError, match="length: expected 0 or more symbols, got -1"):
        write_ahead(target, target, prompt, -1, ahead=1, generator=generator)
    with pytest.raises(TypeError, match="integer"):
        write_ahead(target, target, torch.zeros(2), 4, ahead=1, generator=generator)


def test_an_acceptance_rate_is_at_most_one():
    """Kills: 1.0000001, a sum of rounded numbers."""
    for seed in range(50):
        p = torch.rand(37, generator=torch.Generator().manual_seed(seed)).float().softmax(0)
        assert kept_share(p, p) <= 1

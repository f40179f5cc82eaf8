"""What symbols cost: by loops, and against the sum over all spellings."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.data.bpe import BytePairs
from coursepkg.models.language.stream import NextSymbol, bits_per_character, mixed, stream_log_prob
from coursepkg.nets.transformer import gpt
from tests.oracles import states

K = 4


def make(generator, context=8, dropout=0.0):
    net = gpt(symbols=K, context=context, width=8, heads=2, depth=1, dropout=dropout,
              generator=generator)  # fmt: skip
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.3)
    return net.eval()


def one(net, before, symbol):
    return net(before[None])[0, -1].log_softmax(-1)[symbol]


@pytest.mark.equation("next-symbol")
def test_the_loss_is_the_mean_over_what_follows(generator):
    """Kills: a sum, the symbol itself for the next one, the first one counted, a sign."""
    net, y = make(generator), torch.randint(K, (3, 6), generator=generator)
    found = NextSymbol(net, symbols=K).loss(y, generator=generator)
    expected = [-sum(one(net, row[:t], row[t]) for t in range(1, 6)) / 5 for row in y]
    assert_close(found, torch.stack(expected))
    a, b, c = (
        NextSymbol(make(torch.Generator().manual_seed(0), dropout=0.5).train(), symbols=K)
        .loss(y, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )  # fmt: skip
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("n", [2, 3, 5, 8, 9, 10, 13, 16, 17, 30])
def test_every_symbol_counts_once_with_half_a_context_before_it(n, generator):
    """Kills: a symbol twice, the end left out, windows that do not overlap, what fills up."""
    net, y = make(generator), torch.randint(K, (n,), generator=generator)
    found = stream_log_prob(net, y, context=8, batch_size=2)
    assert found.shape == (n - 1,)
    for t in range(1, n):
        start = max((t - 1) // 4 * 4 - 4, 0)
        assert t - start >= min(t, 5)
        assert_close(found[t - 1], one(net, y[start:t], y[t]).detach())


def test_dropout_is_off_while_a_stream_is_scored(generator):
    """Kills: a network in training mode that is scored with dropout, from the global state."""
    net, y = make(generator, dropout=0.5), torch.randint(K, (20,), generator=generator)
    quiet = stream_log_prob(net, y, context=8)
    assert torch.equal(stream_log_prob(net.train(), y, context=8), quiet)
    assert all(part.training for part in net.modules())


@pytest.mark.equation("bits-per-character")
def test_bits_by_hand_and_a_spelling_is_a_bound(generator):
    """Of all spellings of a text: -log Σ p ≤ -log p of one. Kills: nats, symbols for characters."""
    assert bits_per_character(torch.tensor([0.5, 0.125]).log(), 4) == pytest.approx(1)
    tokens = BytePairs.from_text("abababcab", size=5)
    law = torch.randn(len(tokens), generator=generator).log_softmax(0)  # symbols, one by one
    text, total, spellings = "ababc", 0.0, 0
    for n in range(1, 6):
        for ids in itertools.product(range(len(tokens)), repeat=n):
            if tokens.decode(torch.tensor(ids)) == text:
                spellings += 1
                total += law[list(ids)].sum().exp().item()
    spelt = bits_per_character(law[tokens.encode(text)], len(text))
    assert spellings > 3
    assert -math.log2(total) / len(text) < spelt


@pytest.mark.equation("mixed-predictions")
def test_a_mixture_of_predictions_is_a_law(generator):
    """Its strings' probabilities sum to 1; it costs at most log n a symbol more than any."""
    tables = [torch.randn(K, K, generator=generator).mul(3).log_softmax(-1) for _ in range(2)]
    y = states(K, 3)
    each = [t[y[:, :-1], y[:, 1:]] for t in tables]  # given the first
    both = mixed([log_p.flatten() for log_p in each]).view(-1, 2)
    assert both.sum(1).exp().sum().item() == pytest.approx(K)
    assert_close(both.exp(), (each[0].exp() + each[1].exp()) / 2)
    assert (both >= torch.maximum(*each) - math.log(2) - 1e-12).all()


def test_what_cannot_be_is_refused(generator):
    net = make(generator)
    with pytest.raises(ValueError, match="T >= 2"):
        NextSymbol(net, symbols=K).loss(torch.zeros(3, 1).long(), generator=generator)
    with pytest.raises(ValueError, match=r"levels 0\.\.3"):
        NextSymbol(nn.Identity(), symbols=K).loss(torch.full((3, 2), 4), generator=generator)
    for n, context in ((1, 8), (5, 7), (5, 0)):
        with pytest.raises(ValueError, match="two symbols or more and an even context"):
            stream_log_prob(net, torch.zeros(n).long(), context=context)
    with pytest.raises(TypeError, match="integer"):
        stream_log_prob(net, torch.zeros(4), context=8)
    with pytest.raises(ValueError, match="characters: expected 1 or more, got 0"):
        bits_per_character(torch.zeros(3), 0)
    for log_ps in ([], [torch.zeros(3), torch.zeros(4)]):
        with pytest.raises(ValueError, match="equally many symbols"):
            mixed(log_ps)

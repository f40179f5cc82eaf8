"""Readers of text: against loops, causal, with no more to see than they say."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.readers import RecurrentReader, WindowReader
from coursepkg.rng import global_state_from

K = 5


def window(generator, dropout=0.0):
    return WindowReader(symbols=K, window=3, width=4, hidden=7, dropout=dropout,
                        generator=generator).eval()  # fmt: skip


def recurrent(generator, dropout=0.0):
    return RecurrentReader(symbols=K, width=4, hidden=7, dropout=dropout,
                           generator=generator).eval()  # fmt: skip


@pytest.mark.equation("window-reader")
def test_a_window_is_the_perceptron_of_its_symbols(generator):
    """Kills: a window one too short or late, another order at the start, features interleaved."""
    net, y = window(generator), torch.randint(K, (2, 6), generator=generator)
    scores = net(y)
    for b in range(2):
        padded = [K, K, *y[b].tolist()]
        for t in range(6):
            seen = net.embed(torch.tensor(padded[t : t + 3])).T.flatten()
            hidden = (net.first.weight @ seen + net.first.bias).relu()
            assert_close(scores[b, t], net.last.weight @ hidden + net.last.bias)


def test_a_state_reads_on(generator):
    """The cell of torch, step by step. Kills: a state that starts anew."""
    net, y = recurrent(generator), torch.randint(K, (2, 6), generator=generator)
    h = torch.zeros(1, 2, 7)
    for t, scores in enumerate(net(y).unbind(1)):
        out, h = net.gru(net.embed(y[:, t : t + 1]), h)
        assert_close(scores, net.last(out[:, 0]))


@pytest.mark.parametrize("make", [window, recurrent])
def test_scores_read_what_stands_before_and_no_more(make, generator):
    """Kills: a look ahead; and that a window sees beyond its end."""
    net, y = make(generator), torch.randint(K, (1, 9), generator=generator)
    other = y.clone()
    other[0, 4] = (y[0, 4] + 1) % K
    changed = ((net(y) - net(other)).abs().amax(-1) > 1e-9)[0].tolist()
    far = 7 if make is window else 9
    assert changed == [4 <= t < far for t in range(9)]


@pytest.mark.parametrize("make", [window, recurrent])
def test_weights_come_from_the_generator_and_dropout_works(make):
    a, b = (make(torch.Generator().manual_seed(1)) for _ in range(2))
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)
    net, y = make(torch.Generator().manual_seed(1), dropout=0.5), torch.tensor([[0, 1, 2]])
    with global_state_from(torch.Generator().manual_seed(2)):
        assert (net.train()(y) - net.eval()(y)).abs().max() > 0.01


def test_bytes_may_be_bytes(generator):
    """K = 256, whose "nothing" is no uint8. Kills: numbers that overflow."""
    y = torch.tensor([[0, 255, 3]])
    for net in (
        WindowReader(symbols=256, window=3, width=2, hidden=3, generator=generator),
        RecurrentReader(symbols=256, width=2, hidden=3, generator=generator),
    ):
        assert torch.equal(net(y.to(torch.uint8)), net(y))


@pytest.mark.parametrize("make", [window, recurrent])
def test_what_cannot_be_is_refused(make, generator):
    net = make(generator)
    with pytest.raises(ValueError, match=r"levels 0\.\.4"):
        net(torch.tensor([[5]]))
    with pytest.raises(TypeError, match="integer"):
        net(torch.zeros(1, 2))
    for y in (torch.zeros(1, 0).long(), torch.zeros(0, 2).long(), torch.zeros(3).long(), [[0]]):
        with pytest.raises(
            ValueError, match=r"expected texts \(B, T\) of at least one symbol, got"
        ):
            net(y)
    with pytest.raises(ValueError, match="window: expected a finite number > 0"):
        WindowReader(symbols=K, window=0, width=4, hidden=7, generator=generator)
    with pytest.raises(ValueError, match="hidden: expected a finite number > 0"):
        RecurrentReader(symbols=K, width=4, hidden=0, generator=generator)

"""Writing follows the product of the conditionals; a memory changes nothing but the time."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.language.decoding import temper, top_k
from coursepkg.models.language.writing import Remembering, write
from coursepkg.nets.attention import Rotary
from coursepkg.nets.transformer import (
    LearntPositions,
    PreNormLayer,
    SinusoidalPositions,
    Transformer,
    gpt,
)
from tests.oracles import state_index, states
from tests.statistics import assert_probs

K, WIDTH, CONTEXT = 3, 8, 12


class Table(nn.Module):
    """Scores by the last symbol alone."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def forward(self, y):
        return self.scores[y]


def make(generator, kind="learnt", layers=2):
    turn = Rotary(CONTEXT, WIDTH // 2) if kind == "rotary" else None
    places = {
        "learnt": LearntPositions(CONTEXT, WIDTH, generator=generator),
        "sinusoidal": SinusoidalPositions(CONTEXT, WIDTH),
    }
    net = Transformer(
        [PreNormLayer(WIDTH, heads=2, rotary=turn, dropout=0.3, generator=generator)
         for _ in range(layers)],
        symbols=K, context=CONTEXT, width=WIDTH, positions=places.get(kind), generator=generator,
    )  # fmt: skip
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.5)
    return net.eval()


def test_texts_follow_the_product_of_the_conditionals(generator):
    """Kills: a rule ignored, the scores of the first place, a symbol that is not read."""
    net = Table(torch.randn(K, K, generator=generator))

    def rule(log_p):
        return top_k(temper(log_p, temperature=0.7), k=2)

    prompt = torch.tensor([[0, 2]]).expand(40_000, -1)
    y = write(net, prompt, 2, rule=rule, generator=generator)
    assert torch.equal(y[:, :2], prompt)
    log_p = rule(net.scores.log_softmax(-1))
    law = torch.stack([log_p[2, a] + log_p[a, b] for a, b in states(K, 2).tolist()]).exp()
    assert_probs(state_index(y[:, 2:], K), law, detects=0.07)
    assert 0 in law


@pytest.mark.parametrize("kind", ["learnt", "sinusoidal", "rotary"])
def test_a_memory_gives_the_scores_of_the_whole_network(kind, generator):
    """At every place, read one by one and in pieces.

    Kills: a place off by one, values forgotten, the last norm left out, a symbol read twice.
    """
    net = make(generator, kind)
    y = torch.randint(K, (4, CONTEXT), generator=generator)
    whole = net(y)
    for steps in (range(1, CONTEXT + 1), (3, 4, 9, CONTEXT)):
        reader = Remembering(net)
        for t in steps:
            found = reader(y[:, :t])
            assert found.shape == (4, 1, K)
            assert_close(found[:, 0], whole[:, t - 1], rtol=1e-10, atol=1e-12)
    assert whole.std(1).min() > 0.01, "vacuous"


def test_the_texts_are_the_same(generator):
    net = make(generator)
    prompt = torch.randint(K, (3, 4), generator=generator)
    plain, kept = (
        write(n, prompt, 8, generator=torch.Generator().manual_seed(1))
        for n in (net, Remembering(net))
    )
    assert torch.equal(plain, kept)
    assert plain.shape == (3, 12)
    assert torch.equal(write(net, prompt, 0, generator=generator), prompt)


def test_a_memory_reads_one_text(generator):
    """Kills: another text answered from the keys of this one; a context that is passed."""
    net = make(generator)
    reader, y = Remembering(net), torch.randint(K, (2, CONTEXT + 1), generator=generator)
    reader(y[:, :5])
    for other in (y[:, :5], y[:, :3], (y[:, :7] + 1) % K, y[:1, :7]):
        with pytest.raises(ValueError, match="goes on from the 5 symbols"):
            reader(other)
    with pytest.raises(ValueError, match="at most 12 symbols, the context, got 13"):
        reader(y)
    y[:, 0] = 2 - y[:, 0]  # the caller's tensor is not what is remembered
    with pytest.raises(ValueError, match="goes on"):
        reader(torch.cat([y[:, :6]], dim=1))


def test_prompts_that_cannot_be_continued_are_refused(generator):
    net = make(generator)
    for prompt in (torch.zeros(2, 0).long(), torch.zeros(3).long(), torch.zeros(0, 2).long()):
        with pytest.raises(ValueError, match="at least one symbol"):
            write(net, prompt, 1, generator=generator)
    with pytest.raises(TypeError, match="integer"):
        write(Table(torch.zeros(K, K)), torch.zeros(1, 2), 1, generator=generator)
    with pytest.raises(ValueError, match="length: expected 0 or more"):
        write(net, torch.zeros(1, 2).long(), -1, generator=generator)
    with pytest.raises(ValueError, match=r"levels 0\.\.2, got values from 3"):
        write(net, torch.tensor([[3]]), 1, generator=generator)
    with pytest.raises(ValueError, match="the context"):
        write(net, torch.zeros(1, CONTEXT).long(), 2, generator=generator)


def test_nothing_is_kept_for_gradients(generator):
    reader = Remembering(gpt(symbols=K, context=4, width=8, heads=2, depth=1, generator=generator))
    assert not reader(torch.zeros(1, 2).long()).requires_grad

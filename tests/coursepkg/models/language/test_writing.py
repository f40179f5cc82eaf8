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
    PostNormLayer,
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


def modes(net):
    return [part.training for part in net.modules()]


def test_dropout_is_off_while_it_writes_and_on_again_afterwards(generator):
    """Kills: a network in training mode that writes with dropout, from the global state."""
    net = make(generator)
    prompt = torch.randint(K, (3, 4), generator=generator)
    quiet = write(net, prompt, 8, generator=torch.Generator().manual_seed(1))
    net.train().layers[0].eval()
    before = modes(net)
    for reader in (net, Remembering(net)):
        assert torch.equal(
            write(reader, prompt, 8, generator=torch.Generator().manual_seed(1)), quiet
        )
        assert modes(net) == before
    assert len(set(before)) == 2, "vacuous"


def test_what_is_written_is_a_tensor_of_its_own(generator):
    """Of int64, whatever the prompt's whole numbers. Kills: the prompt itself; overflow of K."""
    net, prompt = make(generator), torch.tensor([[0, 1]])
    found = write(net, prompt, 0, generator=generator)
    found += 1
    assert prompt.tolist() == [[0, 1]]
    for dtype in (torch.uint8, torch.int32):
        found = write(net, prompt.to(dtype), 2, generator=generator)
        assert found.dtype == torch.int64
        assert found[:, :2].tolist() == [[0, 1]]


def test_a_memory_reads_one_text(generator):
    """Kills: another text answered from the keys of this one; a context that is passed."""
    net = make(generator)
    reader, y = Remembering(net), torch.randint(K, (2, CONTEXT + 1), generator=generator)
    reader(y[:, :5])
    for other in ((y[:, :7] + 1) % K, y[:1, :7]):
        with pytest.raises(ValueError, match="goes on from the 5 symbols"):
            reader(other)
    for other in (y[:, :5], y[:, :3], y, y[0], [[0]]):
        with pytest.raises(ValueError, match=r"expected shape \(B, T\) with 5 < T <= 12, .*, got"):
            reader(other)
    with pytest.raises(ValueError, match="0 < T <= 12"):
        Remembering(net)(y[:, :0])
    assert_close(reader(y[:, :7])[:, 0], net(y[:, :7])[:, -1])  # refusals leave no trace
    y[:, 0] = (y[:, 0] + 1) % K  # the caller's tensor is not what is remembered
    with pytest.raises(ValueError, match="goes on"):
        reader(y[:, :9])


def test_prompts_that_cannot_be_continued_are_refused(generator):
    net = make(generator)
    none = torch.zeros(0, 2).long()
    for prompt in (none.view(2, 0), torch.zeros(3).long(), none, [[0]]):
        with pytest.raises(ValueError, match=r"shape \(B, T\) with at least one symbol, got \("):
            write(net, prompt, 1, generator=generator)
    with pytest.raises(TypeError, match="integer"):
        write(Table(torch.zeros(K, K)), torch.zeros(1, 2), 1, generator=generator)
    with pytest.raises(ValueError, match="length: expected 0 or more"):
        write(net, torch.zeros(1, 2).long(), -1, generator=generator)
    for reader in (net, Remembering(net)):
        with pytest.raises(ValueError, match=r"levels 0\.\.2, got values from 3"):
            write(reader, torch.tensor([[3]]), 1, generator=generator)
        with pytest.raises(ValueError, match=r"12, .*the context, got"):
            write(reader, torch.zeros(1, CONTEXT).long(), 2, generator=generator)


def test_layers_that_cannot_read_on_are_refused(generator):
    """Kills: an attribute that is missing once the text is under way."""
    layers = [PreNormLayer(WIDTH, heads=2, generator=generator),
              PostNormLayer(WIDTH, heads=2, generator=generator)]  # fmt: skip
    net = Transformer(layers, symbols=K, context=4, width=WIDTH, generator=generator)
    with pytest.raises(TypeError, match="expected layers with a step, got a PostNormLayer"):
        Remembering(net)


def test_nothing_is_kept_for_gradients(generator):
    reader = Remembering(gpt(symbols=K, context=4, width=8, heads=2, depth=1, generator=generator))
    assert not reader(torch.zeros(1, 2).long()).requires_grad

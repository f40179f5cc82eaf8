"""A law for each condition: scores, draws and completions row by row."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.conditional import ConditionalARM, GivenNet
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.nade import NADE
from coursepkg.nets.pixelcnn import PixelCNN
from coursepkg.nets.wavenet import WaveNet
from coursepkg.rng import seeded
from tests.oracles import state_index, states
from tests.statistics import assert_probs

D, K, C = 4, 3, 2
NETS = {
    "PixelCNN": lambda g: PixelCNN((2, 2), levels=K, embedding=2, channels=4, window=3, blocks=1,
                                   conditions=C, generator=g),
    "NADE": lambda g: NADE(dim=D, levels=K, hidden=5, conditions=C, generator=g),
    "gated": lambda g: GatedPixelCNN((2, 2), levels=K, embedding=2, channels=4, window=3, layers=1,
                                     conditions=C, generator=g),
    "WaveNet": lambda g: WaveNet(levels=K, channels=4, dilations=[1, 2], conditions=C, generator=g),
}  # fmt: skip


@pytest.fixture(params=NETS)
def model(request, generator):
    net = NETS[request.param](generator)
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=3 if "given" in name else 1)
    return ConditionalARM(net, dim=D, levels=K, conditions=C).eval()


def law(model, c):
    """All probabilities at one condition, (K^D,)."""
    x = states(K, D)
    return model.log_prob(x, condition=c.expand(len(x), C)).exp().detach()


def test_each_condition_has_a_law_of_its_own(model):
    """Enumeration. Kills: a softmax over conditions, a condition that is not used."""
    a, b = law(model, torch.tensor([1.0, 0.0])), law(model, torch.tensor([0.0, 1.0]))
    assert_close(a.sum(), torch.tensor(1.0))
    assert_close(b.sum(), torch.tensor(1.0))
    assert (a - b).abs().sum() > 0.2


@pytest.mark.equation("arm-conditional")
def test_the_law_is_the_product_of_the_conditionals_at_its_condition(model, generator):
    """By sums over the law of a condition, each p(x_d | x_{<d}, c) is the network's softmax.

    Kills: a factor at another condition or at none.
    """
    x = states(K, D)
    for c in torch.randn(3, C, generator=generator):
        p = law(model, c).view((K,) * D)
        said = model.net(x, c.expand(len(x), C)).softmax(-1).detach()
        for d in range(D):
            joint = p.sum(list(range(d + 1, D))) if d + 1 < D else p
            conditional = (joint / joint.sum(-1, keepdim=True)).reshape(-1, K)
            before = state_index(x[:, :d], K) if d else torch.zeros(len(x), dtype=torch.int64)
            assert_close(said[:, d], conditional[before])


@pytest.mark.equation("class-posterior")
@pytest.mark.parametrize("d", range(D + 1))
def test_a_beginning_tells_of_its_condition_by_bayes_rule(model, d):
    """p(y | x_1, ..., x_d) by sums over the joint law of x and y, with unequal p(y).

    Kills: a posterior without the prior, or that has seen all of x.
    """
    prior, classes = torch.tensor([0.3, 0.7]), torch.eye(2)
    joint = prior[:, None] * torch.stack([law(model, y) for y in classes])  # (y, x)
    joint = joint.view(2, -1, K ** (D - d)).sum(-1)  # of y and the first d
    exact = joint / joint.sum(0)
    x = states(K, D)
    logits = torch.stack([model.net(x, y.expand(len(x), C)).log_softmax(-1) for y in classes])
    factors = logits.gather(-1, x.expand(2, -1, -1)[..., None])[..., 0].detach()
    scores = prior.log()[:, None] + factors[:, :, :d].sum(-1)
    before = state_index(x[:, :d], K) if d else torch.zeros(len(x), dtype=torch.int64)
    assert_close(scores.softmax(0), exact[:, before])


def test_every_row_has_its_condition(model, generator):
    """Kills: the first condition for all, rows in another order."""
    x, c = torch.randint(K, (6, D), generator=generator), torch.randn(6, C, generator=generator)
    together = model.log_prob(x, condition=c)
    alone = [law(model, c[n])[state_index(x[n], K)].log() for n in range(6)]
    assert_close(together.detach(), torch.stack(alone))
    assert_close(model.loss(x, condition=c, generator=generator), -together)


def test_draws_follow_the_law_of_their_condition(model, generator):
    """Two conditions in turn, against enumeration. Kills: draws without the condition."""
    c = torch.eye(2).repeat(30_000, 1)
    x = model.sample(60_000, condition=c, generator=generator)
    for i in range(2):
        assert_probs(state_index(x[i::2], K), law(model, torch.eye(2)[i]), detects=0.15)


def test_draws_are_those_of_the_network_at_its_conditions(model, generator):
    """Without memory, level for level. Kills: a step that forgets the condition."""
    c = torch.randn(200, C, generator=generator)
    naive = ARM(GivenNet(model.net, c), dim=D, levels=K)
    assert torch.equal(
        model.sample(200, condition=c, generator=seeded(1)), naive.sample(200, generator=seeded(1))
    )


def test_completions_follow_the_conditional_of_their_law(model, generator):
    """Kills: completions at another condition, known pixels moved."""
    c = torch.tensor([0.0, 1.0])
    x = torch.tensor([2, 1, 0, 0]).expand(20_000, D)
    drawn = model.complete(x, torch.arange(D) < 2, condition=c.expand(20_000, C),
                           generator=generator)  # fmt: skip
    p = law(model, c).view((K,) * D)[2, 1].flatten()
    assert torch.equal(drawn[:, :2], x[:, :2])
    assert_probs(state_index(drawn[:, 2:], K), p / p.sum(), detects=0.1)


def test_dropout_comes_from_the_generator(generator):
    net = NADE(dim=D, levels=K, hidden=9, conditions=C, dropout=0.5, generator=generator)
    model, x, c = (
        ConditionalARM(net, dim=D, levels=K, conditions=C),
        states(K, D),
        torch.ones(81, C),
    )
    a, b, c = (model.loss(x, condition=c, generator=seeded(s)) for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_bad_conditions_are_refused(model, generator):
    x = states(K, D)[:3]
    for bad, error, word in (
        (torch.zeros(3, C + 1), ValueError, r"condition: expected shape \(B, 2\), got \(3, 3\)"),
        (torch.zeros(2, C), ValueError, "condition: expected 3 rows, one an example, got 2"),
        (torch.zeros(3, C).long(), TypeError, "condition: expected a floating-point tensor"),
        (torch.full((3, C), torch.nan), ValueError, "condition: expected finite numbers"),
    ):
        for call in (
            lambda c: model.log_prob(x, condition=c),
            lambda c: model.loss(x, condition=c, generator=generator),
            lambda c: model.sample(3, condition=c, generator=generator),
            lambda c: model.complete(x, x > 3, condition=c, generator=generator),
        ):
            with pytest.raises(error, match=word):
                call(bad)


def test_impossible_parameters_are_refused(model):
    with pytest.raises(ValueError, match="conditions: expected a size >= 1, got 0"):
        ConditionalARM(model.net, dim=D, levels=K, conditions=0)
    with pytest.raises(ValueError, match="expected dim >= 1 and levels >= 2, got 0 and 3"):
        ConditionalARM(model.net, dim=0, levels=K, conditions=C)
    with pytest.raises(TypeError, match="net: expected one with start and step"):
        ConditionalARM(nn.Identity(), dim=D, levels=K, conditions=C)

"""Answers to the questions of chapter 9, computed."""

import itertools
import math

import pytest
import torch

from coursepkg.models.autoregressive import ARM, MarkovChain
from coursepkg.nets import CausalCNN, CausalConv1d
from tests.oracles import states
from tools.questions import marked, options


@pytest.fixture
def net(generator):
    """A causal network over 5 pixels of 3 levels, with weights far from zero."""
    net = CausalCNN(
        dim=5, levels=3, embedding=2, channels=6, window=2, blocks=(2,), dropout=0,
        generator=generator,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return net.eval()


@pytest.mark.question("q-09-orders")
def test_each_permutation_gives_the_joint(generator):
    """Counts the orders whose conditionals multiply to a random law. Kills: 4 for 4!."""
    p = torch.rand((2,) * 4, generator=generator)
    p = p / p.sum()

    def product(order):
        turned = p.permute(order)
        marginals = [turned.sum(list(range(n, 4)), keepdim=True) if n < 4 else turned
                     for n in range(5)]  # fmt: skip
        factors = [marginals[n + 1] / marginals[n] for n in range(4)]
        return math.prod(factors[1:], start=factors[0])

    orders = [o for o in itertools.permutations(range(4)) if product(o).allclose(p.permute(o))]
    assert marked("q-09-orders") == len(set(orders))


@pytest.mark.question("q-09-chain")
def test_probability_under_the_chain_worked_by_hand():
    """Kills: the pooled frequency of 0 for the start."""
    strings = torch.tensor([[0, 0, 1, 2], [0, 1, 2, 2], [0, 2, 2, 1], [1, 0, 0, 0]])
    chain = MarkovChain(1, dim=4, levels=3, smoothing=0).fit(strings)
    p = chain.log_prob(torch.tensor([[0, 0, 1, 2]])).exp().item()
    assert marked("q-09-chain") == pytest.approx(p, abs=5e-5)


@pytest.mark.question("q-09-gradient")
def test_gradient_of_the_cross_entropy():
    """Autograd. Kills: the gradient of the log-probability, with the other sign."""
    logits = torch.zeros(3, requires_grad=True)
    (gradient,) = torch.autograd.grad(-logits.log_softmax(0)[2], logits)
    assert marked("q-09-gradient") == pytest.approx(gradient[2].item(), abs=5e-4)


@pytest.mark.question("q-09-leak")
def test_what_a_leak_leaves(net):
    """Enumeration of all 243 images. Kills: the option that trusts the softmaxes."""
    model, every = ARM(net, dim=5, levels=3), states(3, 5)
    assert model.log_prob(every).exp().sum().item() == pytest.approx(1, abs=1e-4)
    net.first.padding = (1, 0)
    softmaxes = bool((net(every).softmax(-1).sum(-1) - 1).abs().max() < 1e-5)
    scores = bool((model.log_prob(every).exp().sum() - 1).abs() < 1e-2)
    holds = [scores, softmaxes and not scores, not softmaxes and not scores]
    assert [text for text, right in zip(options("q-09-leak"), holds, strict=True) if right] == [
        marked("q-09-leak")
    ]


@pytest.mark.question("q-09-field")
def test_field_of_a_stack(generator):
    """The Jacobian of real layers. Kills: windows added without the overlap, 11."""
    layers = [CausalConv1d(1, 1, window, strict=strict, generator=generator)
              for window, strict in ((5, True), (3, False), (3, False))]  # fmt: skip
    stack = torch.nn.Sequential(*layers)
    jacobian = torch.autograd.functional.jacobian(stack, torch.zeros(1, 1, 30))[0, 0, :, 0, 0]
    seen = jacobian[25] != 0
    assert not seen[25:].any()
    assert marked("q-09-field") == seen.sum()


@pytest.mark.question("q-09-passes")
def test_passes_of_one_completion(generator):
    """Counts calls of a network. Kills: a pass for each pixel, 64."""
    net = CausalCNN(
        dim=64, levels=17, embedding=2, channels=4, window=18, blocks=(), dropout=0,
        generator=generator,
    )  # fmt: skip
    model, passes = ARM(net, dim=64, levels=17).eval(), []
    net.register_forward_hook(lambda *_: passes.append(1))
    x = torch.zeros(1, 64, dtype=torch.int64)
    model.complete(x, torch.arange(64) < 48, generator=generator)
    completing = len(passes)
    model.log_prob(x)
    assert (marked("q-09-passes"), 1) == (completing, len(passes) - completing)


@pytest.mark.question("q-09-typical")
def test_the_most_probable_image_and_what_is_drawn():
    """Exact. Kills: each statement that does not hold."""
    n, black = 32, 0.6
    one_image = [black ** (n - white) * (1 - black) ** white for white in range(n + 1)]
    is_mode = max(one_image) == one_image[0]
    near = sum(math.comb(n, white) * one_image[white] for white in (0, 1, 2))
    holds = [
        is_mode and near > 0.5,
        is_mode and round(1 / one_image[0] / 1e6) == 13,
        one_image[13] > one_image[0],
    ]
    text = marked("q-09-typical")
    assert [o for o, right in zip(options("q-09-typical"), holds, strict=True) if right] == [text]
    assert "13 million" in text
    assert math.comb(n, 13) // 10**6 == 347

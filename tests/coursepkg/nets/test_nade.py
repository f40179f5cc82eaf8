"""NADE against its equation, written out for each variable anew."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.nade import NADE
from tests.coursepkg.nets.causal import check_seeds

D, K, H = 5, 3, 4


def make(generator, **sizes):
    net = NADE(**{"dim": D, "levels": K, "hidden": H, "generator": generator, **sizes})
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator))
    return net.eval()


def slowly(net, x, shift=0.0):
    """O(D² H): every activation from the start, numbers one by one."""
    logits = torch.zeros(len(x), net.dim, net.levels)
    for n in range(len(x)):
        for d in range(net.dim):
            a = net.c + shift
            for e in range(d):
                a = a + net.W[e, x[n, e]]
            h = 1 / (1 + torch.exp(-a))
            for k in range(net.levels):
                logits[n, d, k] = net.b[d, k] + sum(net.V[d, k, j] * h[j] for j in range(H))
    return logits.detach()


@pytest.mark.equation("nade-conditional")
@pytest.mark.equation("nade-recursion")
def test_the_shared_recursion_gives_every_conditional(generator):
    """Kills: an activation that knows x_d or misses x_{d-1}, V of another variable, no bias."""
    net, x = make(generator), torch.randint(K, (4, D), generator=generator)
    assert_close(net(x).detach(), slowly(net, x))


def test_two_levels_are_the_binary_nade_of_the_paper(generator):
    """p(x_d = 1) = σ(b_d + V_d σ(c + W_{<d} x_{<d})), with nothing learned for the zero."""
    net = make(generator, levels=2)
    with torch.no_grad():
        net.W[:, 0], net.V[:, 0], net.b[:, 0] = 0, 0, 0
    x = torch.randint(2, (6, D), generator=generator)
    W, V, b = net.W[:, 1].T, net.V[:, 1], net.b[:, 1]  # (H, D), (D, H), (D,)
    for d in range(D):
        h = torch.sigmoid(net.c + x[:, :d].double() @ W[:, :d].T)
        expected = torch.sigmoid(b[d] + h @ V[d])
        assert_close(net(x)[:, d].softmax(-1)[:, 1], expected)


def test_a_condition_shifts_the_first_activation(generator):
    """Kills: a condition that is not used, or that reaches the first variable only."""
    net = make(generator, conditions=2)
    x, c = torch.randint(K, (3, D), generator=generator), torch.randn(3, 2, generator=generator)
    for n in range(3):
        shift = (net.given.weight @ c[n]).detach()
        assert_close(net(x, c)[n].detach(), slowly(net, x[n, None], shift)[0])


def test_soft_levels_are_the_levels(generator):
    """One-hot vectors in place of numbers. Kills: W of the wrong variable on the soft path."""
    net, x = make(generator), torch.randint(K, (4, D), generator=generator)
    assert_close(net(torch.nn.functional.one_hot(x, K).double()), net(x))


def test_known_start_is_said_whatever_the_past(generator):
    net, log_p = make(generator), torch.randn(D, K, generator=generator).log_softmax(-1)
    net.start_from(log_p)
    x = torch.randint(K, (6, D), generator=generator)
    assert_close(net(x), log_p.expand(6, D, K))


def test_activations_start_with_spread_one(generator):
    """Σ_e W_e of D variables: neither flat nor saturated. Kills: a scale that grows with D."""
    net = NADE(dim=100, levels=2, hidden=400, generator=generator)
    x = torch.randint(2, (20, 100), generator=generator)
    last = net.W[torch.arange(100), x].sum(1)
    assert 0.9 < last.std() < 1.1


def test_dropout_acts_in_training_only(generator):
    net, x = make(generator, dropout=0.5), torch.zeros(1, D, dtype=torch.int64)
    assert torch.equal(net(x), net(x))
    net.train()
    with torch.random.fork_rng():
        assert not torch.equal(net(x), net(x))


def test_every_weight_is_drawn_from_the_generator():
    """Kills: a layer that draws from the global state."""
    check_seeds(lambda g: NADE(dim=D, levels=K, hidden=H, conditions=2, generator=g))


@pytest.mark.parametrize("sizes", [{"dim": 0}, {"levels": 1}, {"hidden": 0}])
def test_impossible_sizes_are_refused(sizes, generator):
    with pytest.raises(ValueError, match="expected dim >= 1, levels >= 2 and hidden >= 1, got"):
        make(generator, **sizes)

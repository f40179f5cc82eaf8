"""Preferences where everything can be summed: the optimum, the loss, and what training reaches."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.language.model import LanguageModel
from coursepkg.models.language.preference import dpo_loss, optimal_policy, policy_value, preferred
from coursepkg.nets.transformer import gpt

K, L, BETA = 3, 5, 0.5
END = K - 1
STRINGS = torch.tensor([
    [*word, *[END] * (L - len(word))]
    for n in range(L) for word in itertools.product(range(END), repeat=n)
])  # fmt: skip
REWARD = (STRINGS == 0).sum(1) - 0.5 * (STRINGS == 1).sum(1) - 1.0 * (STRINGS[:, 0] == 1)


def make(generator):
    net = gpt(symbols=K, context=L - 1, width=16, heads=2, depth=1, generator=generator)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.1)
    return LanguageModel(net, symbols=K, length=L).eval()


def all_pairs(n):
    return torch.cartesian_prod(torch.arange(n), torch.arange(n)).unbind(1)


def expected_loss(log_p, reference, reward, beta):
    """Mean over all pairs, each drawn with its reference probability and judged by its rewards."""
    i, j = all_pairs(len(log_p))
    weight = (reference[i] + reference[j]).exp() * preferred(reward[i], reward[j])
    pair = dpo_loss(log_p[i], log_p[j], better_before=reference[i], worse_before=reference[j],
                    beta=beta)  # fmt: skip
    return (weight * pair).sum()


@pytest.fixture
def laws(generator):
    reference = torch.randn(6, generator=generator).log_softmax(0)
    return reference, torch.randn(6, generator=generator)


@pytest.mark.equation("bradley-terry")
def test_choices_follow_the_difference_of_rewards():
    """By hand: odds of 3 for log 3. Kills: a ratio of rewards, a sign."""
    assert preferred(torch.tensor(math.log(3)), torch.tensor(0.0)).item() == pytest.approx(0.75)
    r = torch.linspace(-2, 2, 5)
    assert_close(preferred(r, r.flip(0)) + preferred(r.flip(0), r), torch.ones(5))


@pytest.mark.equation("dpo-value")
@pytest.mark.equation("dpo-optimum")
@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
def test_the_optimum_has_the_largest_value(beta, laws, generator):
    """Its value is β log Z, and other laws lose β KL. Kills: β for its inverse, no Z."""
    reference, reward = laws
    best = optimal_policy(reference, reward, beta=beta)
    log_Z = (reference + reward / beta).logsumexp(0)
    assert_close(policy_value(best, reference, reward, beta=beta), beta * log_Z)
    for _ in range(10):
        other = torch.randn(6, generator=generator).log_softmax(0)
        divergence = (other.exp() * (other - best)).sum()
        lost = beta * log_Z - policy_value(other, reference, reward, beta=beta)
        assert_close(lost, beta * divergence)
        assert lost > 0
    plain = sum(other.exp()[n] * (reward[n] - beta * (other[n] - reference[n])) for n in range(6))
    assert_close(policy_value(other, reference, reward, beta=beta), plain)


@pytest.mark.equation("dpo-value")
def test_what_is_never_said_counts_nothing():
    """p = (3/4, 1/4, 0), half of each by p_0 but the last. Kills: 0 times infinity."""
    log_p, reference = torch.tensor([0.75, 0.25, 0]).log(), torch.tensor([0.25, 0.25, 0.5]).log()
    for last in (9.0, -math.inf):
        value = policy_value(log_p, reference, torch.tensor([1.0, 2.0, last]), beta=0.5)
        assert value.item() == pytest.approx(1.25 - 0.5 * 0.75 * math.log(3))
    both = policy_value(log_p, log_p, torch.tensor([1.0, 2.0, 9.0]), beta=0.5)
    assert both.item() == pytest.approx(1.25)
    assert policy_value(reference, log_p, torch.zeros(3), beta=0.5).item() == -math.inf


@pytest.mark.equation("dpo-reward")
def test_the_reward_is_read_from_the_optimum(laws):
    """β (log p* - log ref) differs from r by one constant. Kills: β forgotten."""
    reference, reward = laws
    read = 0.7 * (optimal_policy(reference, reward, beta=0.7) - reference)
    off = read - reward
    assert_close(off, off[0].expand(6))
    assert off[0].abs() > 0.01


@pytest.mark.equation("dpo-loss")
def test_the_expected_loss_is_least_at_the_optimum(laws, generator):
    """Its gradient is 0 there, and it is the entropy of the choices. Kills: a sign, β outside."""
    reference, reward = laws
    best = optimal_policy(reference, reward, beta=0.7).requires_grad_()
    loss = expected_loss(best.log_softmax(0), reference, reward, 0.7)
    (slope,) = torch.autograd.grad(loss, best)
    assert slope.abs().max() < 1e-12
    i, j = all_pairs(6)
    p, weight = preferred(reward[i], reward[j]), (reference[i] + reference[j]).exp()
    entropy = -(weight * (p * p.log() + (1 - p) * (1 - p).log())).sum() / 2
    assert loss.item() == pytest.approx(entropy.item())
    for _ in range(10):
        other = (best.detach() + 0.3 * torch.randn(6, generator=generator)).log_softmax(0)
        assert expected_loss(other, reference, reward, 0.7) > loss


def test_a_pair_by_hand():
    """The model moved by log 2 towards the better: β = 1 costs -log σ(log 2) = log 1.5."""
    a, b, c = torch.tensor([0.4, 0.2, 0.3]).log()
    cost = dpo_loss(a, b, better_before=c, worse_before=c, beta=1.0)
    assert cost.item() == pytest.approx(math.log(1.5))


@pytest.mark.slow
def test_training_reaches_the_optimum(generator):
    """A transformer of 31 strings, all pairs: KL below 0.01 nats. Kills: a reference that moves."""
    model = make(generator)
    reference = model.log_prob(STRINGS).detach()
    best = optimal_policy(reference, REWARD, beta=BETA)

    def divergence():
        log_p = model.log_prob(STRINGS).detach()
        return (log_p.exp() * (log_p - best)).sum().item()

    start = divergence()
    learns = torch.optim.Adam(model.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(learns, 300)
    for _ in range(300):
        learns.zero_grad()
        expected_loss(model.log_prob(STRINGS), reference, REWARD, BETA).backward()
        learns.step()
        schedule.step()
    assert start > 0.3
    assert divergence() < 0.01
    assert best.exp().sum().item() == pytest.approx(1)


def test_what_cannot_be_is_refused(laws):
    for beta in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="beta: expected a finite number > 0"):
            optimal_policy(*laws, beta=beta)
        with pytest.raises(ValueError, match="beta: expected a finite number > 0"):
            dpo_loss(*laws, better_before=laws[0], worse_before=laws[0], beta=beta)
        with pytest.raises(ValueError, match="beta: expected a finite number > 0"):
            policy_value(laws[0], *laws, beta=beta)


def test_shapes_that_differ_are_refused(laws):
    """Kills: (6,) and (6, 1) broadcast to 36 numbers without a word."""
    one, (reference, reward) = laws[0][:, None], laws
    said = r"expected the shape of \w+, \(6,\), got \(6, 1\)"
    with pytest.raises(ValueError, match=f"other: {said}"):
        preferred(reward, one)
    with pytest.raises(ValueError, match=f"reward: {said}"):
        optimal_policy(reference, one, beta=1.0)
    for name in ("reference", "reward"):
        others = {"reference": reference, "reward": reward, name: one}
        with pytest.raises(ValueError, match=f"{name}: {said}"):
            policy_value(reference, **others, beta=1.0)
    for name in ("worse", "better_before", "worse_before"):
        others = dict.fromkeys(("worse", "better_before", "worse_before"), reward) | {name: one}
        with pytest.raises(ValueError, match=f"{name}: {said}"):
            dpo_loss(reward, **others, beta=1.0)


def test_a_dear_nat_in_single_precision():
    """β = 1e8, p one rounding from ref: KL is 1e-15. Kills: β times differences of logarithms."""
    reference = torch.tensor([0.2, 0.3, 0.5]).log().float()
    log_p = torch.nextafter(reference, torch.zeros(3).float())
    value = policy_value(log_p, reference, torch.ones(3).float(), beta=1e8)
    assert value.item() == pytest.approx(1, abs=1e-5)

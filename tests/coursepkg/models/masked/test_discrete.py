"""Symbols in T steps: matrices against slow loops, the bound by enumeration, exact laws."""

from itertools import pairwise, product

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.masked import (
    DiscreteDiffusion,
    SymbolNoise,
    back_law,
    kept_odds,
    masked_rest,
    order_law,
    uniform_rest,
)
from coursepkg.rng import seeded
from tests.coursepkg.models.masked.laws import (
    LOG_P,
    SPACE,
    D,
    K,
    Table,
    any_order,
    even,
    log_p_given,
    over_orders,
    steps,
)
from tests.oracles import state_index, states
from tests.statistics import assert_mean, assert_probs

SKEW = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
ALPHA = torch.tensor([0.7, 0.4, 0.1])
CHAINS = [
    SymbolNoise(ALPHA, uniform_rest(K)),
    SymbolNoise(ALPHA, SKEW),
    SymbolNoise(torch.tensor([0.6, 0.25, 0.0]), masked_rest(K)),
]
MODELS = [
    steps(uniform_rest, ALPHA, Table()),
    steps(masked_rest, [0.6, 0.25, 0.0], Table()),
]


def at(t, n=1):
    return torch.full((n,), t)


@pytest.mark.equation("symbol-kernel")
@pytest.mark.parametrize("noise", CHAINS)
def test_steps_multiply_to_the_kernel(noise):
    """Kills: ᾱ of another step, π on the wrong axis."""
    product = torch.eye(len(noise.rest), dtype=torch.float64)
    for t in range(1, noise.T + 1):
        step = noise.one_step(at(t))[0]
        assert_close(step.sum(1), torch.ones(len(step), dtype=torch.float64))
        product = product @ step
        kernel = noise.since_start(at(t))[0]
        assert_close(kernel, product)
        kept = noise.alpha_bar[t]
        assert kernel[0, 0].item() == pytest.approx((kept + (1 - kept) * noise.rest[0]).item())
        assert kernel[1, 0].item() == pytest.approx(((1 - kept) * noise.rest[0]).item())


@pytest.mark.equation("symbol-kernel")
@pytest.mark.parametrize("noise", CHAINS)
def test_draws_follow_the_kernel(noise):
    """Kills: all symbols of a row kept together, kept with 1 - ᾱ."""
    x = torch.tensor([[2, 0]]).expand(100_000, 2)
    z = noise(x, at(2, 100_000), generator=seeded(0))
    q = noise.since_start(at(2))[0]
    S = len(noise.rest)
    assert_probs(z[:, 0] * S + z[:, 1], (q[2][:, None] * q[0]).flatten(), detects=0.06)


@pytest.mark.equation("symbol-posterior")
@pytest.mark.parametrize("noise", CHAINS)
def test_the_posterior_is_bayes(noise):
    """A loop over all symbols. Kills: the step's matrix not turned round, t for t - 1."""
    S = len(noise.rest)
    for t in range(1, noise.T + 1):
        z = torch.arange(S)[None]
        found = noise.posterior(z, at(t))[0]  # (z, x, before)
        for z_t in range(S):
            for x in range(S):
                joint = torch.stack([
                    noise.since_start(at(t - 1))[0][x, s] * noise.one_step(at(t))[0][s, z_t]
                    for s in range(S)
                ])  # fmt: skip
                truth = joint / joint.sum() if joint.sum() > 0 else joint
                assert_close(found[z_t, x], truth)


@pytest.mark.equation("symbol-posterior")
def test_a_mask_is_lifted_with_one_probability_and_to_x():
    """By hand: ᾱ = 0.6, 0.25. A hidden symbol was seen with probability 0.35 / 0.75."""
    posterior = CHAINS[2].posterior(torch.tensor([[K]]), at(2))[0, 0]
    assert_close(posterior[1], torch.tensor([0, 0.35, 0, 0.4], dtype=torch.float64) / 0.75)
    seen = CHAINS[2].posterior(torch.tensor([[1]]), at(2))[0, 0]
    assert_close(seen[1], torch.tensor([0, 1.0, 0, 0], dtype=torch.float64))
    assert_close(seen[0], torch.zeros(4, dtype=torch.float64))


@pytest.mark.equation("symbol-back")
@pytest.mark.parametrize("model", MODELS)
def test_the_way_back_sums_over_what_x_may_be(model):
    """A loop. Kills: the posterior of one k, shares of what is impossible."""
    t, S = 2, len(model.noise.rest)
    z = states(S, D)
    found = model.back(z, at(t, len(z))).detach()
    log_p = model.log_conditionals(z, at(t, len(z))).detach()
    for n in range(len(z)):
        for d in range(D):
            posterior = model.noise.posterior(z[n, None], at(t))[0, d, :K]
            weight = log_p[n, d].exp() * (posterior.sum(1) > 0)
            truth = (weight[:, None] / weight.sum() * posterior).sum(0)
            assert_close(found[n, d], truth)
    assert_close(found.sum(-1), torch.ones(found.shape[:2]))


@torch.no_grad()
def exact_bound(model, x):
    """E of elbo over all z, of one x (1, D), nats."""
    T, S = model.noise.T, len(model.noise.rest)
    z = states(S, D)
    q = [model.noise.since_start(at(t))[0][x[0], z].prod(1) for t in range(T + 1)]
    total = (torch.xlogy(q[T], model.noise.rest[z].prod(1)) - torch.xlogy(q[T], q[T])).sum()
    for t in range(1, T + 1):
        here = q[t] > 0
        posterior = model.noise.posterior(z[here], at(t, int(here.sum())))
        right = torch.stack([posterior[:, d, x[0, d]] for d in range(D)], 1)  # (z, d, before)
        guess = model.back(z[here], at(t, int(here.sum())))
        each = (torch.xlogy(right, guess) - torch.xlogy(right, right)).sum((1, 2))
        total += (q[t][here] * each).sum()
    return total.item()


@pytest.mark.equation("symbol-elbo")
@pytest.mark.parametrize("model", MODELS)
def test_the_bound_is_the_sum_over_paths(model):
    """E log p(z_{0:T}) / q(z_{1:T} | x) over all paths, by enumeration; and it is below log p.

    Kills: a KL turned round, a step left out, the prior's term lost.
    """
    x = torch.tensor([[0, 2, 1]])
    total = exact_bound(model, x)
    with torch.no_grad():
        elbo = model.elbo(x.expand(20_000, D), generator=seeded(0))
        loss = model.loss(x.expand(20_000, D), generator=seeded(1))
    assert_mean(elbo, total, detects=0.2)
    assert_mean(-loss, total, detects=0.5)
    assert total < back_law(model)[state_index(x, K)].log() - 0.01


@pytest.mark.equation("symbol-elbo")
def test_what_is_left_of_x_is_paid(monkeypatch):
    """A chain that keeps 0.4, no other term. Kills: the prior lost, or that of one symbol."""
    kept = torch.tensor([0.7, 0.4])
    model = DiscreteDiffusion(Table(), SymbolNoise(kept, SKEW), dim=D, levels=K)
    monkeypatch.setattr(model, "term", lambda x, t, *, generator: torch.zeros(len(x)))
    x, truth = torch.tensor([[0, 2, 1], [2, 2, 0]]), torch.zeros(2, dtype=torch.float64)
    for n, d in product(range(2), range(D)):
        for s in range(K):
            q = 0.4 * (s == x[n, d]).double() + 0.6 * SKEW[s]
            truth[n] += q * (q / SKEW[s]).log()
    assert_close(model.loss(x, generator=seeded(0)).double(), truth, atol=1e-6, rtol=0)
    assert_close(-model.elbo(x, generator=seeded(0)).double(), truth, atol=1e-6, rtol=0)


def test_what_cannot_be_has_no_slope():
    """Kills: the slope 0/0 of 0 log 0, where a symbol is seen."""
    model = steps(masked_rest, [0.6, 0.25, 0.0], logits := Logits())
    model.loss(SPACE[:9], generator=seeded(0)).sum().backward()
    assert logits.table.grad.isfinite().all()
    assert logits.table.grad.abs().max() > 0.1


class Logits(torch.nn.Module):
    """A network of one table, whatever it sees."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.linspace(-1, 1, D * K))

    def forward(self, z, log_odds):
        return self.table.expand(len(z), -1)


@pytest.mark.parametrize("model", MODELS)
def test_draws_follow_the_exact_law(model):
    """Kills: steps in another order, a start that is not at rest."""
    law = back_law(model)
    assert law.sum().item() == pytest.approx(1)
    drawn = model.sample(100_000, generator=seeded(0))
    assert_probs(state_index(drawn, K), law, detects=0.06)
    path = model.path(5, generator=seeded(0))
    assert len(path) == model.noise.T + 1
    assert torch.equal(path[-1], model.sample(5, generator=seeded(0)))


@pytest.mark.parametrize("rest", [uniform_rest, masked_rest])
def test_more_steps_come_nearer_the_truth(rest):
    """With the right network all that is left is what symbols of one step do not know."""
    gaps = []
    for T in (1, 2, 4, 8, 16, 32):
        law = back_law(steps(rest, even(T)))
        gaps.append((LOG_P.exp() * (LOG_P - law.log())).sum().item())
    assert all(later < 0.7 * before for before, later in pairwise(gaps))
    assert gaps[-1] < 0.01 < 0.5 < gaps[0]


@pytest.mark.equation("absorbing-elbo")
@pytest.mark.parametrize("x", [[0, 2, 1], [1, 1, 0]])
def test_many_steps_of_masking_cost_what_any_order_costs(x):
    """The bound of T steps tends to that of all orders like 1/T. Kills: the share that is lifted.

    All z and all orders, one by one; the network is wrong, and heeds everything.
    """
    net, x = Table(), torch.tensor([x])
    orders = over_orders(net, x[0], (1,) * D).mean().item()
    gaps = [orders - exact_bound(steps(masked_rest, even(T), net), x) for T in (50, 100, 200)]
    assert abs(gaps[-1]) < 0.01
    for before, later in pairwise(gaps):
        assert later / before == pytest.approx(0.5, abs=0.02)


@pytest.mark.equation("absorbing-elbo")
def test_a_step_of_masking_costs_the_share_that_is_lifted():
    """From 4 tenths hidden to 3: a quarter of -log p of each hidden place. Kills: twice of it."""
    model, x = (
        steps(masked_rest, even(10), net := Table()),
        torch.tensor([[0, 2, 1]]).expand(20, -1),
    )
    with torch.no_grad():
        found = model.term(x, at(4, 20), generator=seeded(0))
    for z, each in zip(model.noise(x, at(4, 20), generator=seeded(0)), found, strict=True):
        hidden = (z == K).nonzero()[:, 0].tolist()
        truth = -log_p_given(net, x[0], hidden)[hidden].sum() / 4
        assert_close(each.double(), truth.double(), atol=1e-5, rtol=0)


@pytest.mark.equation("absorbing-elbo")
def test_many_steps_of_masking_are_one_symbol_at_a_time():
    """The law for T → ∞ is the any-order model's. Kills: the number of steps in the weight."""
    net = Table()
    ours, theirs = order_law(any_order(net)), back_law(steps(masked_rest, even(400), net))
    assert (ours - theirs).abs().sum() < 0.01
    assert (ours - LOG_P.exp()).abs().sum() > 0.1, "vacuous: it is right"


def test_the_callers_law_is_not_kept():
    """Kills: the law itself."""
    rest = uniform_rest(K)
    noise = SymbolNoise(ALPHA, rest)
    rest[0] = 9
    assert_close(noise.rest, uniform_rest(K))


def test_log_odds_are_cut_off():
    share = torch.tensor([0.0, 0.25, 1.0])
    found = kept_odds(share)
    assert found.isfinite().all()
    assert_close(found.sigmoid(), share.double(), atol=1e-9, rtol=0)


def test_bad_input_is_refused():
    uniform = uniform_rest(K)
    for alpha_bar in ([], [0.5, 0.5], [1.0, 0.5], [0.2, 0.6]):
        with pytest.raises(ValueError, match=r"alpha_bar: expected \(T,\) falling numbers below 1"):
            SymbolNoise(torch.tensor(alpha_bar), uniform)
    with pytest.raises(ValueError, match=r"alpha_bar: expected to end at 0.*got 0.1"):
        SymbolNoise(torch.tensor([0.5, 0.1]), masked_rest(K))
    with pytest.raises(ValueError, match="alpha_bar: expected to end at 0"):
        SymbolNoise(torch.tensor([0.5, -0.1]), uniform)
    for rest in ([0.5, 0.4], [1.5, -0.5], [[1.0]], [torch.nan, 0.5]):
        with pytest.raises(ValueError, match=r"rest: expected a law \(S,\), got"):
            SymbolNoise(torch.tensor([0.5]), torch.tensor(rest))
    noise = CHAINS[0]
    with pytest.raises(ValueError, match=r"x: expected levels 0\.\.2, got values from 7 to 7"):
        noise(torch.tensor([[7]]), at(1), generator=seeded(0))
    with pytest.raises(ValueError, match="t: expected 2 steps, one for each row of x, got 1"):
        noise(torch.tensor([[1], [0]]), at(1), generator=seeded(0))
    for t in (torch.tensor([0.5]), torch.tensor(1), torch.tensor([4]), torch.tensor([0])):
        with pytest.raises(ValueError, match="t: expected integers"):
            noise.one_step(t)
    with pytest.raises(ValueError, match="t: expected integers"):
        noise.since_start(torch.tensor([-1]))
    for levels in (K + 1, K - 2):
        with pytest.raises(ValueError, match="noise: expected"):
            DiscreteDiffusion(Table(), noise, dim=D, levels=levels)
    for make in (uniform_rest, masked_rest):
        with pytest.raises(ValueError, match="levels: expected a finite number > 0, got 0"):
            make(0)
    model = MODELS[1]
    for method in (model.elbo, model.loss):
        with pytest.raises(ValueError, match="got the mask symbol 3 in 2 places"):
            method(torch.tensor([[0, K, K]]), generator=seeded(0))
    with pytest.raises(ValueError, match="n: expected a finite number > 0"):
        model.sample(0, generator=seeded(0))
    wrong = DiscreteDiffusion(Table(levels=2), CHAINS[0], dim=D, levels=K)
    with pytest.raises(ValueError, match=r"net: expected shape \(1, 9\), got \(1, 3, 2\)"):
        wrong.elbo(SPACE[:1], generator=seeded(0))

"""Any-order models: bounds by enumeration of orders, sets and times; laws of the sampler."""

import math
from itertools import combinations

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.masked import AnyOrder, at_random, order_law, reveal, surest
from coursepkg.rng import seeded
from tests.coursepkg.models.masked.laws import (
    LOG_P,
    SPACE,
    D,
    K,
    Table,
    any_order,
    log_p_given,
    over_orders,
)
from tests.oracles import state_index
from tests.statistics import assert_mean, assert_probs

X = torch.tensor([[0, 2, 1], [1, 1, 0]])
COUNTS = [(1, 1, 1), (1, 2), (2, 1), (3,)]


def over_sets(net, x):
    """-Σ_M 1 / (h C(D, h)) Σ_{d ∈ M} -log p(x_d | rest): D E_h 1/h E_M Σ."""
    total = 0.0
    for h in range(1, D + 1):
        for hidden in combinations(range(D), h):
            log_p = log_p_given(net, x, hidden)
            total += sum(float(log_p[d]) for d in hidden) / (h * math.comb(D, h))
    return total


def over_times(net, x):
    """∫ dt / t E_M Σ_{d ∈ M} log p(x_d | rest), each place hidden with probability t; midpoints."""
    t, total = (torch.arange(20_000) + 0.5) / 20_000, 0.0
    for h in range(1, D + 1):
        for hidden in combinations(range(D), h):
            log_p = log_p_given(net, x, hidden)
            weight = (t ** (h - 1) * (1 - t) ** (D - h)).mean()
            total += float(weight) * sum(float(log_p[d]) for d in hidden)
    return total


@pytest.mark.equation("absorbing-elbo")
@pytest.mark.equation("any-order-elbo")
def test_three_bounds_are_one():
    """All orders, all hidden sets, all times of absorbing diffusion. Kills: 1/t, 1/h lost."""
    net = Table()
    for x in X:
        orders = over_orders(net, x, (1,) * D).mean().item()
        assert over_sets(net, x) == pytest.approx(orders, abs=1e-12)
        assert over_times(net, x) == pytest.approx(orders, abs=1e-6)


@pytest.mark.equation("any-order-elbo")
@pytest.mark.parametrize("counts", COUNTS)
def test_the_bound_is_the_mean_over_orders(counts):
    """Draws of elbo, loss and log_weight against all orders. Kills: c/h, one set for all steps."""
    net, n = Table(), 20_000
    model = any_order(net, counts).requires_grad_(False)
    for x in X:
        many, mean = x.expand(n, D), over_orders(net, x, counts).mean().item()
        found = [
            model.elbo(many, generator=seeded(2)), -model.loss(many, generator=seeded(3)),
            model.log_weight(many, generator=seeded(4)),
        ]  # fmt: skip
        for each in found:
            if len(counts) == 1:  # nothing is random
                assert_close(each, torch.full((n,), mean))
            else:
                assert_mean(each, mean, detects=0.4)
        assert len(counts) == 1 or found[0].std() < found[2].std(), "less noise"


@pytest.mark.equation("any-order-weight")
@pytest.mark.parametrize("counts", COUNTS)
def test_the_mean_weight_is_the_law_of_the_sampler(counts):
    """By all orders, by the step-by-step table, and by draws. Kills: one order for all rows."""
    net = Table()
    model = any_order(net, counts).requires_grad_(False)
    law = order_law(model)
    assert law.sum().item() == pytest.approx(1)
    each = torch.stack([over_orders(net, x, counts).exp().mean() for x in SPACE])
    assert_close(law, each)
    weight = model.log_weight(X[:1].expand(20_000, D), generator=seeded(5)).exp()
    p = law[state_index(X[0], K)].item()
    if len(counts) > 1:
        assert_mean(weight, p, detects=0.3 * p)
        assert len(weight.unique()) > 1
    drawn = model.sample(100_000, generator=seeded(6))
    assert_probs(state_index(drawn, K), law, detects=0.06)


def test_weights_of_an_order_are_among_those_of_all():
    """Kills: ranks that are no order, a place found twice."""
    net = Table()
    drawn = any_order(net).log_weight(X[:1].expand(500, D), generator=seeded(5)).detach()
    orders = over_orders(net, X[0], (1,) * D)
    gap = (drawn[:, None] - orders).abs().min(1).values
    assert gap.max() < 1e-9
    assert len(drawn.round(decimals=9).unique()) == len(orders.round(decimals=9).unique())


@pytest.mark.equation("any-order-elbo")
def test_the_right_network_makes_the_bound_tight():
    """One at a time, with the true conditionals, log_weight is log p whatever the order."""
    weight = any_order().log_weight(SPACE, generator=seeded(0))
    assert_close(weight, LOG_P)
    assert_close(order_law(any_order()), LOG_P.exp())


def test_hidden_symbols_do_not_reach_the_network():
    """Kills: x in place of z, the mask of another row."""
    seen = []

    class Spy(Table):
        def forward(self, z, log_odds):
            seen.append((z.clone(), log_odds.clone()))
            return super().forward(z, log_odds)

    x = X[:1].expand(200, D)
    any_order(Spy()).log_weight(x, generator=seeded(0))
    for step, (z, log_odds) in enumerate(seen):
        hidden = z == K
        assert torch.equal(hidden.sum(1), torch.full((200,), D - step))
        assert torch.equal(z[~hidden], x[~hidden])
        assert_close(log_odds.sigmoid(), torch.full((200,), step / D), atol=1e-9, rtol=0)
        if step > 0:
            assert len(hidden.unique(dim=0)) == math.comb(D, step)
        assert step == 0 or (hidden <= (seen[step - 1][0] == K)).all(), "found stays found"


@pytest.mark.parametrize("counts", [(1, 1, 1, 1), (3, 1), (4,)])
@pytest.mark.parametrize("priority", [at_random, surest])
def test_reveal_leaves_what_is_seen_and_hides_nothing(counts, priority):
    model = AnyOrder(Table(dim=6), dim=6, levels=K)
    z = torch.full((50, 6), K)
    z[::2, 1], z[::2, 4], z[1::2, 0], z[1::2, 5] = 2, 0, 1, 1
    kept, before = z != K, z.clone()
    found = reveal(model.log_conditionals, z, levels=K, counts=counts, priority=priority,
                   generator=seeded(0))  # fmt: skip
    assert torch.equal(z, before)
    assert torch.equal(found[kept], z[kept])
    assert ((found >= 0) & (found < K)).all()


@pytest.mark.equation("parallel-step")
def test_what_is_found_at_once_is_independent():
    """The law of one step by hand. Kills: what was just found is heeded, one draw for all."""
    net = Table()
    log_p = net(torch.full((1, D), K), torch.zeros(1)).view(D, K).softmax(-1).detach()
    law = torch.stack([log_p[torch.arange(D), x].prod() for x in SPACE])
    drawn = any_order(net, (3,)).sample(100_000, generator=seeded(0))
    assert_probs(state_index(drawn, K), law, detects=0.06)


def test_the_surest_is_found_first():
    """Kills: the least sure first, the priority of what is known already."""
    order = []

    def conditionals(z):
        order.append((z[0] == K).tolist())
        p = torch.tensor([[0.4, 0.3, 0.3], [0.9, 0.1, 0.0], [0.1, 0.2, 0.7]])
        return p.log().expand(len(z), D, K)

    z = torch.full((2, D), K)
    reveal(conditionals, z, levels=K, counts=(1, 1, 1), priority=surest, generator=seeded(0))
    assert order == [[True] * 3, [True, False, True], [True, False, False]]


def test_ties_are_broken_at_random():
    """In single precision too. Kills: the first of equals, ties smaller than a rounding."""
    flat = torch.zeros(4000, D, K).log_softmax(-1)
    first = surest(flat, generator=seeded(0)).argmax(1)
    assert_probs(first, torch.full((D,), 1 / D), detects=0.3)
    single = torch.zeros(40_000, 64, 17, dtype=torch.float32).log_softmax(-1)
    first = surest(single, generator=seeded(0)).argmax(1)
    assert_probs(first, torch.full((64,), 1 / 64), detects=0.5)
    first = at_random(flat, generator=seeded(0)).argmax(1)
    assert_probs(first, torch.full((D,), 1 / D), detects=0.3)


def test_bad_input_is_refused():
    model = any_order()
    for method in (model.elbo, model.loss, model.log_weight):
        with pytest.raises(
            ValueError, match=r"x: expected levels 0..2, got the mask symbol 3 in 1"
        ):
            method(torch.tensor([[0, K, 1]]), generator=seeded(0))
    with pytest.raises(ValueError, match=r"add up to 3, got \(1, 1\), which leave 1 hidden"):
        any_order(counts=(1, 1))
    for x, error, pattern in (
        (torch.tensor([[0, 5, 1]]), ValueError, r"x: expected levels 0\.\.2, got values"),
        (torch.tensor([[0, 2, 1]], dtype=torch.uint8), TypeError, r"x: expected int32 or int64"),
        ([[0, 1, 2]], TypeError, r"x: expected a torch.Tensor, got list"),
    ):
        with pytest.raises(error, match=pattern):
            model.elbo(x, generator=seeded(0))
    for counts in ((), (0, 3), (4, -1), (2, 2), (1.5, 1.5)):
        with pytest.raises(ValueError, match="counts: expected one or more whole numbers >= 1"):
            any_order(counts=counts)
    z = torch.tensor([[K, K, 0], [K, 0, 0]])
    for rows, counts in ((z, (2,)), (z[:1], (1,)), (z[:1], ()), (z[:1], (0, 2))):
        with pytest.raises(ValueError, match="symbols would stay masked"):
            reveal(model.log_conditionals, rows, levels=K, counts=counts, priority=at_random,
                   generator=seeded(0))  # fmt: skip
    with pytest.raises(ValueError, match=r"n: expected a finite number > 0, got 0"):
        model.sample(0, generator=seeded(0))
    with pytest.raises(ValueError, match=r"levels: expected a finite number > 0, got 0"):
        AnyOrder(Table(), dim=3, levels=0)
    wrong = AnyOrder(Table(levels=2), dim=D, levels=K)
    with pytest.raises(ValueError, match=r"net: expected shape \(1, 9\), got \(1, 3, 2\)"):
        wrong.log_conditionals(torch.zeros(1, D, dtype=torch.int64))

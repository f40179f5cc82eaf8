"""Missing places under an any-order model, against all orders of a wrong network."""

from itertools import combinations, permutations

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.masked import complete_any_order, log_weight_missing
from tests.coursepkg.models.masked.laws import LOG_P, SPACE, D, K, Table, any_order, log_p_given
from tests.oracles import state_index
from tests.statistics import assert_mean, assert_probs

N = 20_000
KNOWN = [list(c) for n in (1, 2, 3) for c in combinations(range(D), n)]


def orders(net, x, known):
    """log p(the missing of x | the known, order) of all orders of the missing."""
    missing = [d for d in range(D) if d not in known]
    found = []
    for order in permutations(missing):
        terms = [log_p_given(net, x, order[i:])[d] for i, d in enumerate(order)]
        found.append(sum(terms, torch.tensor(0.0)))
    return torch.stack(found)


def mask(known):
    found = torch.zeros(D, dtype=torch.bool)
    found[known] = True
    return found


@pytest.mark.equation("any-order-missing")
@pytest.mark.parametrize("known", KNOWN)
def test_mean_weight_is_the_mean_over_orders_of_the_missing(known, generator):
    """Kills: known places counted, a place found that is still seen, a place found twice."""
    model, x = any_order(Table()), torch.tensor([0, 2, 1])
    found = log_weight_missing(model, x.expand(N, D), mask(known), generator=generator)
    expected = orders(model.net, x, known).exp()
    assert len(set(found.tolist())) == len(expected)
    if len(expected) == 1:
        assert_close(found, expected.log().expand(N))
    else:
        assert_mean(found.exp(), expected.mean().item(), detects=0.02)


@pytest.mark.parametrize("known", KNOWN[:5])
def test_the_right_network_says_the_conditional_law(known, generator):
    """In any order. Kills: the mask of the known and of the missing swapped."""
    p, seen = LOG_P.exp(), mask(known)
    agrees = ((SPACE[:, None] == SPACE[None]) | ~seen).all(-1).to(p)
    found = log_weight_missing(any_order(), SPACE, seen, generator=generator)
    assert_close(found, (p / (agrees @ p)).log())


def test_rows_may_miss_different_places(generator):
    """The first misses nothing. Kills: the first row's number of missing places for all."""
    model = any_order()
    seen = torch.tensor([[True, True, True], [True, False, False], [True, True, False]])
    x = torch.tensor([[2, 2, 2], [0, 2, 1], [1, 1, 0]])
    found = log_weight_missing(model, x, seen, generator=generator)
    for i in range(3):
        alone = log_weight_missing(model, x[i : i + 1], seen[i], generator=generator)
        assert_close(found[i], alone[0])
    drawn = complete_any_order(model, x, seen, generator=generator)
    assert torch.equal(drawn[seen], x[seen])
    assert int(drawn.max()) < K


def test_draws_follow_the_mixture_over_orders(generator):
    """Of a wrong network. Kills: missing places drawn at once, always in one order."""
    model, known = any_order(Table()), [1]
    x = torch.tensor([2, 1, 0])
    drawn = complete_any_order(model, x.expand(N, D), mask(known), generator=generator)
    law = torch.zeros(K**D)
    for s in SPACE[SPACE[:, 1] == 1]:
        law[state_index(s, K)] = orders(model.net, s, known).exp().mean()
    assert law.sum().item() == pytest.approx(1)
    assert_probs(state_index(drawn, K), law, detects=0.12)


def test_nothing_missing_costs_nothing_and_everything_is_refused(generator):
    """Kills: a mask that hides everything let through."""
    model, x = any_order(), torch.tensor([[0, 2, 1], [1, 1, 0]])
    full = torch.ones(D, dtype=torch.bool)
    assert log_weight_missing(model, x, full, generator=generator).tolist() == [0, 0]
    assert torch.equal(complete_any_order(model, x, full, generator=generator), x)
    for ask in (complete_any_order, log_weight_missing):
        with pytest.raises(ValueError, match="hide everything"):
            ask(model, x, ~full, generator=generator)

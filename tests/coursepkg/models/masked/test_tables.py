"""Right networks by loops over all states, and what finding several at once costs."""

from itertools import permutations

import pytest
import torch
from torch.testing import assert_close

from coursepkg.bayes import kl
from coursepkg.models.masked import RightGuess, groups_cost, masked_rest, order_law, uniform_rest
from tests.coursepkg.models.masked.laws import LOG_P, SPACE, D, K, any_order, right
from tests.oracles import states

P = LOG_P.exp()


@pytest.mark.parametrize("rest", [uniform_rest, masked_rest])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_the_right_guess_is_bayes(rest, kept):
    """Kills: the law of the noise lost, seen symbols that are not heeded."""
    law = rest(K)
    z = states(len(law), D)
    found = right(rest)(z, torch.full((len(z),), kept).double().logit(eps=1e-12)).exp()
    own = torch.stack([kept * (z == k) + (1 - kept) * law[z] for k in range(K)], -1)
    found = found * own / (found * own).sum(-1, keepdim=True)
    checked = 0
    for n in range(len(z)):
        q = torch.stack([
            torch.stack([kept * (z[n, d] == x[d]) + (1 - kept) * law[z[n, d]] for d in range(D)])
            for x in SPACE
        ]).prod(1)  # fmt: skip
        if q.max() <= 1e-9:
            continue  # nothing like it occurs
        joint, checked = P * q / (P * q).sum(), checked + 1
        for d in range(D):
            for k in range(K):
                share = joint[SPACE[:, d] == k].sum()
                assert_close(found[n, d, k], share, atol=1e-9, rtol=0)
    assert checked >= (1 if kept == 0 else len(z) // 2), "vacuous"


def conditional(d, k, known, x):
    """p(x_d = k | x_known) by sums over all states."""
    agrees = (SPACE[:, known] == x[known]).all(1) if known else torch.ones(len(SPACE)).bool()
    return P[agrees & (SPACE[:, d] == k)].sum() / P[agrees].sum()


@pytest.mark.equation("parallel-cost")
@pytest.mark.parametrize("groups", [[[0, 1, 2]], [[0], [1, 2]], [[2, 0], [1]], [[1], [0], [2]]])
def test_the_cost_of_groups_is_a_divergence(groups):
    """KL to the law of that one order, by loops. Kills: entropies turned round, `before` lost."""
    q = torch.ones(len(SPACE))
    for n, x in enumerate(SPACE):
        known = []
        for group in groups:
            for d in group:
                q[n] *= conditional(d, x[d], known, x)
            known = [*known, *group]
    assert q.sum().item() == pytest.approx(1)
    found = groups_cost(P, groups, dim=D, levels=K)
    assert found == pytest.approx(kl(P, q).item(), abs=1e-9)
    assert (found > 1e-3) == (len(groups) < D)


@pytest.mark.equation("parallel-cost")
@pytest.mark.parametrize("counts", [(1, 2), (2, 1), (3,)])
def test_a_mixture_of_orders_costs_no_more_than_its_orders(counts):
    """KL(p ‖ mean of q) <= mean of KL. Kills: the law of one order for that of all."""
    costs = []
    for order in permutations(range(D)):
        groups = [list(order[: counts[0]]), *([list(order[counts[0] :])] if counts[1:] else [])]
        costs.append(groups_cost(P, groups, dim=D, levels=K))
    mean, mixture = sum(costs) / len(costs), kl(P, order_law(any_order(counts=counts))).item()
    assert mixture <= mean + 1e-9
    assert (mixture < mean - 0.01) == (len(counts) > 1)


def test_a_table_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"log_p: expected shape \(27,\), got \(9,\)"):
        RightGuess(LOG_P[:9], uniform_rest(K), dim=D, levels=K)
    for groups in ([[0, 1]], [[0, 1], [1, 2]], [[0, 0], [1], [2]]):
        with pytest.raises(ValueError, match=r"groups: expected each of 0\.\.2 once"):
            groups_cost(P, groups, dim=D, levels=K)
    with pytest.raises(ValueError, match=r"p: expected shape \(27,\), got \(9,\)"):
        groups_cost(P[:9], [[0], [1], [2]], dim=D, levels=K)


def test_the_callers_table_is_not_kept():
    """Kills: the table itself."""
    log_p, rest = LOG_P.clone(), uniform_rest(K)
    guess, z = RightGuess(log_p, rest, dim=D, levels=K), SPACE[:4]
    before = guess(z, torch.zeros(4))
    log_p[0], rest[0] = 9, 9
    assert torch.equal(guess(z, torch.zeros(4)), before)

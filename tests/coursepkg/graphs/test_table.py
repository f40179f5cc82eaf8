import itertools
import math

import pytest
import torch

from coursepkg.graphs.table import JointTable, align
from tests.statistics import assert_probs

P = torch.tensor([[[0.10, 0.02, 0.05], [0.01, 0.20, 0.02]],
                  [[0.03, 0.05, 0.22], [0.05, 0.05, 0.20]]])  # fmt: skip
JOINT = JointTable(["a", "b", "c"], P)


def slow(wanted, given):
    """p(wanted | given) by a loop over all cells."""
    total, found = 0.0, {}
    for cell in itertools.product(range(2), range(2), range(3)):
        level = dict(zip("abc", cell, strict=True))
        if all(level[name] == value for name, value in given.items()):
            key = tuple(level[name] for name in wanted)
            found[key] = found.get(key, 0.0) + P[cell].item()
            total += P[cell].item()
    return {key: value / total for key, value in found.items()}


@pytest.mark.equation("table-inference")
@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("a", {}),
        ("c", {"a": 1}),
        ("ca", {"b": 0}),
        ("ac", {}),
        ("cab", {}),
        ("b", {"a": 0, "c": 2}),
    ],
)
def test_marginals_and_conditionals_are_sums_over_cells(wanted, given):
    """A slow loop. Kills: axes in the table's order, a sum without its normaliser."""
    p = JOINT.marginal(*wanted, given=given)
    assert p.ndim == len(wanted)
    for cell, expected in slow(wanted, given).items():
        assert p[cell].item() == pytest.approx(expected)


def test_a_variable_of_one_level_keeps_its_axis():
    """Kills: a squeeze of every axis of length 1."""
    joint = JointTable(["a", "b"], torch.tensor([[0.3, 0.7]]))
    assert joint.marginal("a", "b").shape == (1, 2)


@pytest.mark.equation("conditional-information")
@pytest.mark.parametrize("given", [(), "c", ("c",)])
def test_information_is_the_mean_log_ratio(given):
    """A slow loop over p(a,b|c) log p(a,b|c) / p(a|c) p(b|c)."""
    expected = 0.0
    for c in range(3) if given else [None]:
        known = {} if c is None else {"c": c}
        weight = 1.0 if c is None else P[:, :, c].sum().item()
        both, one, other = slow("ab", known), slow("a", known), slow("b", known)
        for (a, b), p in both.items():
            expected += weight * p * math.log(p / one[a,] / other[b,])
    assert expected > 1e-3, "vacuous: independent"
    assert JOINT.mutual_information("a", "b", given=given).item() == pytest.approx(expected)


def test_information_of_groups_and_of_zeros():
    """The chain rule, and copies: I(a; a') = H(a). Kills: 0 log 0 = NaN."""
    whole = JOINT.mutual_information("a", ["b", "c"])
    parts = JOINT.mutual_information("a", "b") + JOINT.mutual_information("a", "c", given="b")
    torch.testing.assert_close(whole, parts)
    copies = JointTable(["a", "b"], torch.diag(torch.tensor([0.2, 0.8])))
    entropy = -0.2 * math.log(0.2) - 0.8 * math.log(0.8)
    assert copies.mutual_information("a", "b").item() == pytest.approx(entropy)


def test_log_prob_and_draws_are_cells(generator):
    x = torch.cartesian_prod(torch.arange(2), torch.arange(2), torch.arange(3))
    torch.testing.assert_close(JOINT.log_prob(x).exp(), P.flatten())
    drawn = JOINT.sample(40_000, generator=generator)
    assert_probs(drawn @ torch.tensor([6, 3, 1]), P.flatten(), detects=0.08)


def test_spread_aligns_axes():
    """Kills: a reshape without the permutation."""
    table = torch.arange(6.0).view(3, 2)  # over variables 2 and 0
    wide = align(table, [2, 0], 4)
    assert wide.shape == (2, 1, 3, 1)
    assert torch.equal(wide[:, 0, :, 0], table.T)


@pytest.mark.parametrize(
    ("names", "p", "message"),
    [
        (["a", "b", "c"], 2 * P, "sum 2"),
        (["a", "b"], P, "an axis for each"),
        (["a", "b", "a"], P, "different names"),
        ([], torch.tensor(1.0), "at least one"),
        (["a"], torch.tensor([1.5, -0.5]), "smallest -0.5"),
        (["a"], torch.tensor([math.nan, 1.0]), "expected probabilities"),
    ],
)
def test_tables_that_are_none_are_refused(names, p, message):
    with pytest.raises(ValueError, match=message):
        JointTable(names, p)


def test_a_table_that_is_too_large_is_refused_with_its_size():
    with pytest.raises(ValueError, match=r"got 8\.39e"):
        JointTable(["a"], torch.tensor(2.0**-23).expand(2**23))


@pytest.mark.parametrize(
    ("wanted", "given", "message"),
    [
        (["z"], {}, r"names: expected names among .*got \['z'\]"),
        (["a", "a"], {}, "each name in one place"),
        (["a"], {"a": 1}, r"given: expected each name in one place, got \['a'\]"),
        ([], {"a": 1}, "at least one name"),
        (["a"], {"c": 3}, "c: expected a level 0..2, got 3"),
        (["a"], {"c": -1}, "got -1"),
    ],
)
def test_questions_that_make_no_sense_are_refused(wanted, given, message):
    with pytest.raises(ValueError, match=message):
        JOINT.marginal(*wanted, given=given)


def test_an_observation_that_cannot_occur_is_refused():
    joint = JointTable(["a", "b"], torch.tensor([[0.0, 0.0], [0.4, 0.6]]))
    with pytest.raises(ValueError, match=r"got \{'a': 0\} of probability 0"):
        joint.marginal("b", given={"a": 0})


def test_information_given_what_may_not_occur():
    """c = 1 never occurs: what a tells about b is asked where c = 0. Kills: 0 / 0 there."""
    p = torch.zeros(2, 2, 2)
    p[..., 0] = torch.tensor([[0.4, 0.1], [0.2, 0.3]])
    alone = JointTable(["a", "b"], p[..., 0])
    found = JointTable(["a", "b", "c"], p).mutual_information("a", "b", given="c")
    assert found.item() == pytest.approx(alone.mutual_information("a", "b").item())


def test_levels_are_checked_column_by_column():
    """Kills: only the largest number of levels is looked at."""
    with pytest.raises(ValueError, match=r"levels 0..1 in column 1, got 2"):
        JOINT.log_prob(torch.tensor([[0, 2, 2]]))

"""Random chains: the best prediction against an integral over all matrices."""

import itertools
import math

import pytest
import torch

from coursepkg.data.chains import RandomChains, word_streams
from tests.oracles import state_index, states
from tests.statistics import assert_probs


def brute(x, a):
    """p(x) for K = 2 by quadrature over both rows, Beta(a, a) each."""
    M = 4000
    p = (torch.arange(M) + 0.5) / M
    weight = (p * (1 - p)) ** (a - 1) * math.gamma(2 * a) / math.gamma(a) ** 2 / M
    total = 0.5
    for i in range(2):
        n = [0, 0]
        for before, after in itertools.pairwise(x):
            n[after] += before == i
        total *= (weight * p ** n[0] * (1 - p) ** n[1]).sum().item()
    return total


@pytest.mark.equation("in-context-bayes")
@pytest.mark.parametrize("a", [1.0, 2.5])
def test_the_matrix_integrated_out(a):
    """Kills: the move into d counted before it is seen, columns for rows, a for K a."""
    law = RandomChains(dim=5, levels=2, concentration=a)
    x = states(2, 5)
    found = law.log_prob(x).exp()
    for row, p in zip(x.tolist(), found.tolist(), strict=True):
        assert p == pytest.approx(brute(row, a), rel=1e-3)


@pytest.mark.equation("in-context-bayes")
def test_predictions_are_laws_that_the_past_decides(generator):
    """By hand: after 0 1 0 the move 0 -> 1 was seen once. Kills: a look ahead, the start."""
    law = RandomChains(dim=4, levels=3, concentration=0.5)
    p = law.log_conditionals(torch.tensor([[0, 1, 0, 2], [0, 1, 0, 1]])).exp()
    assert p[0, 0].tolist() == pytest.approx([1 / 3] * 3)
    assert p[0, 3].tolist() == pytest.approx([0.5 / 2.5, 1.5 / 2.5, 0.5 / 2.5])
    assert torch.equal(p[0], p[1])
    assert p.sum(2).sub(1).abs().max() < 1e-6


def test_impossible_chains_are_refused():
    for sizes, word in (
        ({"dim": 1, "levels": 2, "concentration": 1}, "dim >= 2"),
        ({"dim": 3, "levels": 1, "concentration": 1}, "levels >= 2"),
        ({"dim": 3, "levels": 2, "concentration": 0}, "concentration: expected"),
        ({"dim": 3, "levels": 2, "concentration": "1"}, "concentration: expected"),
    ):
        with pytest.raises((ValueError, TypeError), match=word):
            RandomChains(**sizes)
    law = RandomChains(dim=3, levels=2, concentration=1)
    with pytest.raises(ValueError, match=r"^n: expected a finite number > 0, got 0"):
        law.sample(0, generator=torch.Generator())
    with pytest.raises(ValueError, match=r"shape \(B, 3\)"):
        law.log_conditionals(torch.zeros(2, 4, dtype=torch.int64))


def test_draws_follow_the_law_of_all_matrices(generator):
    """Kills: one matrix for all, rows and columns mixed up, the first symbol not uniform."""
    law, x = RandomChains(dim=4, levels=2, concentration=0.6), states(2, 4)
    drawn = state_index(law.sample(20_000, generator=generator), 2)
    assert_probs(drawn, law.log_prob(x).exp(), detects=0.12)


def test_rows_that_are_nearly_certain_are_drawn_so(generator):
    """Kills: gammas that underflow, whose rows come out uniform; the power of U without its 1/a."""
    law, x = RandomChains(dim=4, levels=2, concentration=0.003), states(2, 4)
    drawn = state_index(law.sample(20_000, generator=generator), 2)
    assert_probs(drawn, law.log_prob(x).exp(), detects=0.1)


def test_streams_are_made_of_their_own_words(generator):
    """Cut at the places that are no start. Kills: a symbol in two words, one dictionary for all."""
    x, certain = word_streams(300, dim=20, levels=9, words=3, longest=3, generator=generator)
    firsts = set()
    for row, sure in zip(x.tolist(), certain.tolist(), strict=True):
        follows = {}
        for d in range(1, 20):
            if sure[d]:
                assert follows[row[d - 1]] == {row[d]}, "certain, but it was not so before"
            follows.setdefault(row[d - 1], set()).add(row[d])
        assert not sure[0]
        firsts.add(row[0])
    assert firsts == set(range(9))
    assert 0.3 < certain.double().mean() < 0.6


def test_what_is_certain_is_all_that_is(generator):
    """With words of two symbols the second is certain from its second time on. Kills: one late."""
    x, certain = word_streams(200, dim=12, levels=8, words=4, longest=2, generator=generator)
    for row, sure in zip(x.tolist(), certain.tolist(), strict=True):
        for d in range(12):
            assert sure[d] == (d % 2 == 1 and row[d - 1] in row[: d - 1])


def test_too_few_symbols_make_no_words(generator):
    for sizes in ({"words": 3, "longest": 4}, {"words": 2, "longest": 1}):
        with pytest.raises(ValueError, match="expected 2 <= longest <= 9 / words, got"):
            word_streams(2, dim=4, levels=9, **sizes, generator=generator)
    sizes = {"n": 2, "dim": 4, "words": 2}
    for name in sizes:
        with pytest.raises(ValueError, match=f"^{name}: expected a finite number > 0, got 0"):
            word_streams(**{**sizes, name: 0}, levels=9, longest=3, generator=generator)


def test_a_concentration_that_single_precision_cannot_say_is_refused():
    """Kills: 0 / 0 for moves that were never seen."""
    torch.set_default_dtype(torch.float32)
    try:
        with pytest.raises(ValueError, match="concentration: expected a finite number > 0, got 0"):
            RandomChains(dim=3, levels=2, concentration=1e-50)
    finally:
        torch.set_default_dtype(torch.float64)

"""Scores of heads, on weights made by hand."""

import pytest
import torch

from coursepkg.models.language.induction import induction_score, previous_score


def sharp(T, where):
    """Weights (2, 2, T, T): head 0 attends to where(t) alone, head 1 to place 0."""
    w = torch.zeros(2, 2, T, T)
    for t in range(T):
        w[:, 0, t, where(t)] = 1
        w[:, 1, t, 0] = 1
    return w


@pytest.mark.equation("induction")
@pytest.mark.parametrize("period", [2, 3, 5])
def test_an_induction_head_attends_to_what_followed_last_time(period):
    """A loop over the places that have a predecessor. Kills: one place off, the first period."""
    T = 10
    w = sharp(T, lambda t: max(t - period + 1, 0))
    assert induction_score(w, period=period).tolist() == [1, 0]
    w = torch.rand(2, 3, T, T, generator=torch.Generator().manual_seed(0))
    for head in range(3):
        seen = [w[n, head, t, t - period + 1].item() for n in range(2) for t in range(period, T)]
        found = induction_score(w, period=period)[head].item()
        assert found == pytest.approx(sum(seen) / len(seen))


def test_a_previous_token_head_attends_to_the_place_before():
    """Kills: the diagonal itself, the future."""
    assert previous_score(sharp(6, lambda t: max(t - 1, 0))).tolist() == [1, 0.2]
    assert previous_score(sharp(6, lambda t: t)).tolist() == [0, 0.2]


def test_a_period_without_a_predecessor_is_refused():
    for period in (1, 6):
        with pytest.raises(ValueError, match="period: expected 2 to 5, got"):
            induction_score(torch.zeros(1, 1, 6, 6), period=period)

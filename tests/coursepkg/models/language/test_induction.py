"""Scores of heads, on weights made by hand."""

import pytest
import torch

from coursepkg.models.language.induction import induction_score


def sharp(T, where):
    """Weights (1, 2, T, T): head 0 attends to where(t) alone, head 1 to place 0."""
    w = torch.zeros(1, 2, T, T)
    for t in range(T):
        w[:, 0, t, where(t)] = 1
        w[:, 1, t, 0] = 1
    return w


@pytest.mark.equation("induction")
def test_an_induction_head_attends_to_what_followed_last_time():
    """On "abcabca" with an ideal head, and one place off. Kills: the symbol itself, the place t."""
    y = torch.tensor([[0, 1, 2, 0, 1, 2, 0]])
    assert induction_score(sharp(7, lambda t: max(t - 2, 0)), y).tolist() == [1, 0]
    for off in (1, 3):
        found = induction_score(sharp(7, lambda t, off=off: max(t - off, 0)), y)
        assert found[0] < 0.3


@pytest.mark.equation("induction")
def test_the_score_is_a_mean_over_symbols_that_came_before(generator):
    """A loop, on random symbols. Kills: places without a predecessor counted, one s instead of all.

    A head that sees the future has no weight there that counts.
    """
    w = torch.rand(3, 2, 8, 8, generator=generator).softmax(-1)
    y = torch.randint(4, (3, 8), generator=generator)
    for head in range(2):
        seen = []
        for n in range(3):
            for t in range(8):
                places = [s for s in range(1, t + 1) if y[n, s - 1] == y[n, t]]
                if places:
                    seen.append(sum(w[n, head, t, s].item() for s in places))
        found = induction_score(w, y)[head].item()
        assert found == pytest.approx(sum(seen) / len(seen))


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="y: expected a symbol that comes twice, got none"):
        induction_score(torch.zeros(1, 1, 3, 3), torch.tensor([[0, 1, 2]]))
    with pytest.raises(ValueError, match=r"weights: expected shape \(1, 1, 4, 4\), got"):
        induction_score(torch.zeros(1, 1, 3, 3), torch.tensor([[0, 1, 2, 0]]))
    for w, y in ((torch.zeros(3, 3), torch.zeros(1, 3)), (torch.zeros(3, 3), torch.zeros(3)),
                 (torch.zeros(3, 1, 3, 3), torch.zeros(3))):  # fmt: skip
        with pytest.raises(ValueError, match="weights: expected shape"):
            induction_score(w, y.long())

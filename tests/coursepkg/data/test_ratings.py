import math

import pytest
import torch

from coursepkg.data.ratings import FILMS, TASTES, NoisyOr, film_club, load_ratings
from tests.oracles import states
from tests.statistics import assert_mean, assert_probs

SHARES = torch.tensor([0.3, 0.6])
CHANCE = torch.tensor([0.1, 0.2, 0.05])
APPEAL = torch.tensor([[0.5, 0.0, 0.7], [0.4, 0.9, 0.0]])
CLUB = NoisyOr(SHARES, CHANCE, APPEAL)
SPACE = states(2, 3).to(torch.float64)


def joint():
    """p(x, t) for all 8 x and 4 t, cause by cause: a film is left out if each cause leaves it."""
    table = torch.zeros(8, 4)
    for r, x in enumerate(SPACE.tolist()):
        for s, t in enumerate(states(2, 2).tolist()):
            p = math.prod(q if on else 1 - q for q, on in zip(SHARES.tolist(), t, strict=True))
            for i, seen in enumerate(x):
                left_out = 1 - CHANCE[i].item()
                for k, on in enumerate(t):
                    left_out *= 1 - APPEAL[k, i].item() if on else 1
                p *= 1 - left_out if seen else left_out
            table[r, s] = p
    return table


@pytest.mark.equation("noisy-or")
def test_log_prob_is_the_sum_over_tastes():
    """Kills: a prior of half each, chance forgotten, appeal transposed, causes added."""
    torch.testing.assert_close(CLUB.log_prob(SPACE).exp(), joint().sum(1))
    assert CLUB.log_prob(SPACE).exp().sum().item() == pytest.approx(1)


def test_predictions_are_conditional_probabilities_by_counting_states():
    """For every pattern of known films. Kills: unknown films read, the prior left out."""
    table = joint()
    for mask in states(2, 3).bool():
        agrees = ((SPACE[:, None] == SPACE[None]) | ~mask).all(-1).to(table)  # (8 given, 8)
        given = agrees @ table  # (8, 4): p(known part, t)
        for i in range(3):
            again = (agrees @ table) / given.sum(1, keepdim=True)  # p(t | known)
            seen = torch.stack([
                joint()[SPACE[:, i] == 1][:, s].sum() / joint()[:, s].sum() for s in range(4)
            ])  # fmt: skip
            torch.testing.assert_close(CLUB.predict(SPACE, mask.expand(8, 3))[:, i], again @ seen)
        posterior = given / given.sum(1, keepdim=True)
        torch.testing.assert_close(
            CLUB.taste_probs(SPACE, mask.expand(8, 3)), posterior @ states(2, 2).to(table)
        )


def test_a_hidden_film_is_predicted_as_bayes_theorem_says():
    """P(x_2 = 1 | x_0, x_1) from p(x) alone. Kills: predictions from the prior of the tastes."""
    p = CLUB.log_prob(SPACE).exp().reshape(2, 2, 2)
    known = torch.tensor([True, True, False]).expand(8, 3)
    expected = (p[..., 1] / p.sum(-1)).repeat_interleave(2, dim=1).flatten()
    torch.testing.assert_close(CLUB.predict(SPACE, known)[:, 2], expected)


def test_one_film_explains_another_away():
    """Film 1 speaks for taste 1, and then film 0 speaks less for taste 0."""
    known = torch.tensor([[True, False, False], [True, True, False]])
    x = torch.tensor([[1.0, 0, 0], [1.0, 1, 0]])
    alone, with_other = CLUB.taste_probs(x, known)[:, 0].tolist()
    assert alone > SHARES[0]
    assert with_other < alone - 0.02


def test_draws_follow_the_law(generator):
    drawn = CLUB.sample_ratings(40_000, generator=generator)
    bits = torch.cat([drawn.seen, drawn.tastes], dim=1)
    cell = (bits @ torch.tensor([16.0, 8, 4, 2, 1])).long()
    assert_probs(cell, joint().flatten(), detects=0.1)


def test_the_course_table_is_fixed_and_each_film_is_seen():
    """Shape, repeatability, and the law: surprise of the rows has the mean of fresh draws."""
    first, second = load_ratings(), load_ratings()
    assert first.seen.shape == (2000, len(FILMS))
    assert first.tastes.shape == (2000, len(TASTES))
    assert torch.equal(first.seen, second.seen)
    assert torch.equal(first.tastes, second.tastes)
    club = film_club()
    assert ((club.appeal > 0).sum(0) >= 1).all()
    fresh = club.sample(50_000, generator=torch.Generator().manual_seed(1))
    expected = -club.log_prob(fresh).mean().item()
    assert_mean(-club.log_prob(first.seen), expected, detects=1.0)


def test_films_of_a_taste_are_seen_together():
    """Guard: without the hidden tastes there would be nothing to learn."""
    r = torch.corrcoef(load_ratings().seen.T)
    assert r[0, 1] > 0.3
    assert abs(r[0, 6].item()) < 0.15


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_follows_the_parameters(dtype):
    club = NoisyOr(SHARES.to(dtype), CHANCE.to(dtype), APPEAL.to(dtype))
    x = SPACE.to(dtype)
    assert club.log_prob(x).dtype == dtype
    assert club.predict(x, x.bool()).dtype == dtype
    assert club.sample(3, generator=torch.Generator().manual_seed(0)).dtype == dtype


@pytest.mark.parametrize(
    ("shares", "chance", "appeal", "match"),
    [
        (SHARES, CHANCE, APPEAL.T, "shapes"),
        (SHARES[:0], CHANCE[:0], torch.zeros(()), "shapes"),
        (torch.tensor([0.0, 0.5]), CHANCE, APPEAL, "shares"),
        (SHARES, torch.tensor([0.1, 1.0, 0.5]), APPEAL, "chance"),
        (SHARES, CHANCE, APPEAL - 0.1, "appeal"),
        (SHARES, CHANCE, APPEAL + torch.nan, "appeal"),
    ],
)
def test_impossible_laws_are_refused(shares, chance, appeal, match):
    with pytest.raises(ValueError, match=match):
        NoisyOr(shares, chance, appeal)


def test_a_mask_must_be_of_the_right_kind():
    for known in (torch.ones(8, 3), torch.ones(8, 2).bool()):
        with pytest.raises(ValueError, match="known: expected bool"):
            CLUB.predict(SPACE, known)
    with pytest.raises(ValueError, match="zeros and ones"):
        CLUB.predict(SPACE + 0.5, torch.ones(8, 3).bool())


def test_a_film_that_is_almost_always_seen():
    """All but 2⁻²⁴ by chance, and by two tastes that nearly all share. Kills: 1 - p of p = 1."""
    chance, appeal = torch.tensor([1 - 2.0**-24]), torch.full((2, 1), 1 - 2.0**-20)
    films = NoisyOr(torch.full((2,), 1 - 2.0**-24).float(), chance.float(), appeal.float())
    unseen = films.log_prob(torch.zeros(1, 1, dtype=torch.float32)).item()
    neither, one, both = 2.0**-48, 2 * 2.0**-24 * (1 - 2.0**-24), (1 - 2.0**-24) ** 2
    expected = math.log(neither * 2.0**-24 + one * 2.0**-44 + both * 2.0**-64)
    assert unseen == pytest.approx(expected, rel=1e-5)

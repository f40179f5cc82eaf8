import pytest
import torch

from coursepkg.enumeration import table_states
from coursepkg.models.chains import (
    HideOne,
    Mask,
    Redraw,
    contraction,
    corruption_table,
    denoiser_table,
    error_bound,
    pixelwise,
    right_denoiser,
    walk_back_denoiser,
    walked_corruption,
)
from coursepkg.rng import seeded
from coursepkg.samplers import is_reversible, random_scan_gibbs, spectral_gap, stationary
from tests.coursepkg.models.chains.laws import joint, noisy_states, small_law

K, D = 3, 2
STATES, NOISY = table_states([K] * D), noisy_states(D, K)


def tables():
    """Corruptions of every kind, as matrices."""
    return {
        "redraw": corruption_table(Redraw(0.5, levels=K), STATES, STATES),
        "redraw little": corruption_table(Redraw(0.1, levels=K), STATES, STATES),
        "mask": corruption_table(Mask(0.5, levels=K), STATES, NOISY),
        "any": torch.rand(9, 5, generator=seeded(4)).add(0.01),
    }


def rows_of_one(C):
    return C / C.sum(1, keepdim=True)


def laws():
    return [small_law(9, seed) for seed in range(3)]


def wrong_by(P, amount, seed=0):
    """A denoiser that is off by chance."""
    other = torch.rand(P.shape, generator=seeded(seed))
    return (1 - amount) * P + amount * rows_of_one(other)


@pytest.mark.equation("right-denoiser")
@pytest.mark.parametrize("name", tables())
def test_the_right_denoiser_is_bayes(name):
    """A slow loop over pairs. Kills: the joint normalised over x̃, the prior forgotten."""
    C, p = rows_of_one(tables()[name]), small_law(9)
    P = right_denoiser(p, C)
    for j in range(C.shape[1]):
        for i in range(9):
            evidence = sum(p[m] * C[m, j] for m in range(9))
            torch.testing.assert_close(P[j, i], p[i] * C[i, j] / evidence)


@pytest.mark.equation("gsn-chain")
@pytest.mark.equation("gsn-stationary")
@pytest.mark.parametrize("name", tables())
def test_the_chain_of_the_right_denoiser_keeps_the_law_of_the_data(name):
    """Every law, corruption, state: π by a linear solve, and detailed balance.

    Kills: denoise before corrupt, a posterior of another law.
    """
    C = rows_of_one(tables()[name])
    for p in laws():
        T = C @ right_denoiser(p, C)
        torch.testing.assert_close(T.sum(1), torch.ones(9))
        torch.testing.assert_close(stationary(T), p)
        assert is_reversible(T, p)
        assert (T - p).abs().max() > 0.01, "vacuous: independent draws"


def test_hiding_one_variable_is_gibbs_sampling():
    """The matrix of random-scan Gibbs from the table. Kills: two hidden, a favourite place."""
    for p in laws():
        C = corruption_table(HideOne(levels=K), STATES, NOISY)
        seen = C.sum(0) > 0
        T = C[:, seen] @ right_denoiser(p, C[:, seen])
        torch.testing.assert_close(T, random_scan_gibbs(p.view(K, K)))


def test_a_denoiser_is_read_as_a_matrix():
    """Kills: rows for columns, one x̃ for all."""
    made = joint(D, K, generator=seeded(0))
    P = denoiser_table(made, STATES, NOISY)
    assert P.shape == (16, 9)
    torch.testing.assert_close(P.sum(1), torch.ones(16))
    logits = made.net(NOISY).detach()
    torch.testing.assert_close(P, logits.softmax(1))


def test_pixelwise_is_the_product_of_the_marginals():
    """A slow loop. Kills: a marginal of the joint law, one variable only."""
    P = rows_of_one(torch.rand(4, 9, generator=seeded(1)))
    found = pixelwise(P, STATES)
    for row, made in zip(P.view(4, K, K), found, strict=True):
        expected = row.sum(1)[:, None] * row.sum(0)
        torch.testing.assert_close(made, expected.flatten())
    torch.testing.assert_close(pixelwise(found, STATES), found)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_independent_guesses_move_the_law_where_two_are_hidden(share):
    """Two coins that agree, one step: both hidden with s², then they disagree half of the time."""
    p = torch.tensor([0.5, 0.0, 0.0, 0.5])
    x, noisy = table_states([2, 2]), noisy_states(2, 2)
    C = corruption_table(Mask(share, levels=2), x, noisy)
    C = C[:, p @ C > 0]
    P = right_denoiser(p, C)
    torch.testing.assert_close(p @ C @ P, p)
    moved = p @ C @ pixelwise(P, x)
    assert (moved - p).abs().sum() / 2 == pytest.approx(share**2 / 2)


@pytest.mark.equation("gsn-error")
@pytest.mark.parametrize("name", tables())
def test_a_wrong_denoiser_errs_by_at_most_the_bound(name):
    """Random errors of many sizes, by enumeration.

    Kills: the bound without 1 - δ, δ of another matrix, an error that is not averaged over x̃.
    """
    C = rows_of_one(tables()[name])
    ratios = []
    for seed, p in enumerate(laws()):
        for amount in (0.02, 0.1, 0.5):
            P = wrong_by(right_denoiser(p, C), amount, seed)
            off = (stationary(C @ P) - p).abs().sum().item() / 2
            bound = error_bound(p, C, P)
            gap = 1 - max((a - b).abs().sum().item() / 2 for a in C @ P for b in C @ P)
            wrong = sum(
                (p @ C)[j].item() * (P[j] - right_denoiser(p, C)[j]).abs().sum().item() / 2
                for j in range(C.shape[1])
            )
            assert bound == pytest.approx(wrong / gap)
            ratios.append(off / bound)
    assert max(ratios) <= 1
    assert max(ratios) > 0.02, "vacuous: the bound says nothing"


def test_the_bound_is_attained():
    """Two states, p = (1, 1)/2, a denoiser that leans to one: kills half the bound."""
    p = torch.tensor([0.5, 0.5])
    C = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    P = right_denoiser(p, C) + torch.tensor([0.1, -0.1])
    off = (stationary(C @ P) - p).abs().sum().item() / 2
    assert off == pytest.approx(error_bound(p, C, P))


def test_contraction_is_the_largest_distance_of_two_rows():
    T = rows_of_one(torch.rand(6, 6, generator=seeded(2)))
    slow = max((a - b).abs().sum().item() / 2 for a in T for b in T)
    assert contraction(T) == pytest.approx(slow)
    assert contraction(torch.eye(3)) == 1
    assert contraction(torch.full((3, 3), 1 / 3)) == pytest.approx(0, abs=1e-12)
    assert error_bound(torch.tensor([0.5, 0.5]), torch.eye(2), torch.eye(2)) == float("inf")


@pytest.mark.equation("walk-back-corruption")
def test_the_corruption_of_a_walk():
    """Written out for three corruptions. Kills: P C for C P, a sum for the mean, one too many."""
    C, p = rows_of_one(tables()["any"]), small_law(9)
    P = wrong_by(right_denoiser(p, C), 0.3)
    expected = (C + C @ P @ C + C @ P @ C @ P @ C) / 3
    torch.testing.assert_close(walked_corruption(C, P, steps=3), expected)
    torch.testing.assert_close(walked_corruption(C, P, steps=1), C)


@pytest.mark.equation("walk-back-stationary")
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("name", tables())
def test_walking_back_keeps_the_law_of_the_data(name, steps):
    """At the fixed point, which differs from the posterior of C. Kills: the walk's law for p."""
    C = rows_of_one(tables()[name])
    for p in laws():
        P = walk_back_denoiser(p, C, steps=steps)
        H = walked_corruption(C, P, steps=steps)
        torch.testing.assert_close(P, right_denoiser(p, H))
        torch.testing.assert_close(stationary(C @ P), p, atol=1e-8, rtol=1e-6)
        same = (P - right_denoiser(p, C)).abs().max() < 1e-9
        assert same == (steps == 1)


def test_walking_back_mixes_faster_here():
    """On these laws and with little corruption; not a theorem."""
    C = rows_of_one(tables()["redraw little"])
    for p in laws():
        gaps = [spectral_gap(C @ walk_back_denoiser(p, C, steps=k)) for k in (1, 2, 4)]
        assert gaps == sorted(gaps)
        assert gaps[2] > 1.2 * gaps[0]


def test_bad_input_is_refused():
    p = small_law(9)
    with pytest.raises(ValueError, match=r"expected shape \(9,\).*got \(4,\)"):
        right_denoiser(small_law(4), tables()["redraw"])
    C = corruption_table(HideOne(levels=K), STATES, NOISY)
    with pytest.raises(ValueError, match=r"expected every x̃ to occur.*got probability 0"):
        right_denoiser(p, C)
    with pytest.raises(ValueError, match="expected it to settle within 1"):
        walk_back_denoiser(p, tables()["redraw"], steps=3, rounds=1)


def test_a_walk_in_single_precision_settles():
    """Kills: float32, in which changes never get below 1e-10."""
    p, C = (torch.rand(shape, generator=seeded(0)).float() for shape in ((6,), (6, 6)))
    p, C = (p + 0.1).softmax(0), C.softmax(1)
    found = walk_back_denoiser(p, C, steps=3)
    assert found.dtype == torch.float32
    exact = walk_back_denoiser(p.double(), C.double(), steps=3)
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=0)


def test_joint_probabilities_that_underflow():
    """Kills: p C = 0 in float32, called a state that never occurs."""
    p, C = torch.tensor([1e-30, 1.0]).float(), torch.tensor([[1.0, 1e-20], [1.0, 0.0]]).float()
    assert right_denoiser(p, C)[1].tolist() == [1.0, 0.0]


def test_a_contraction_is_at_most_one():
    """Rows that do not meet. Kills: 1.0000001, a sum of rounded numbers."""
    for seed in range(30):
        row = torch.rand(11, generator=seeded(seed)).float().softmax(0)
        apart = torch.stack([torch.cat([row, 0 * row]), torch.cat([0 * row, row])])
        assert contraction(apart) <= 1

"""Values against the enumeration of all square subgames; play against a loop of whole numbers."""

from fractions import Fraction
from itertools import combinations

import pytest
import torch
from torch import Tensor

from coursepkg import rng
from coursepkg.games import MatrixGame, fictitious_play

SLIDES = [[30, -10, 20], [-10, 20, -20]]
ROSHAMBO = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]]


def value_by_subgames(A: Tensor) -> float:
    """Shapley and Snow 1950: some square submatrix B has the value 1 / (1ᵀ B⁻¹ 1), equalising.

    The game is shifted so that its value is positive; a pair of laws that equalises a submatrix is
    an equilibrium if no other move does better.
    """
    shift = A.min() - 1
    A = A - shift
    for size in range(1, min(A.shape) + 1):
        for rows in combinations(range(A.shape[0]), size):
            for columns in combinations(range(A.shape[1]), size):
                B = A[list(rows)][:, list(columns)]
                if abs(torch.linalg.det(B)) < 1e-9:
                    continue
                inverse = torch.linalg.inv(B)
                v = 1 / inverse.sum()
                p, q = torch.zeros(A.shape[0]), torch.zeros(A.shape[1])
                p[list(rows)], q[list(columns)] = v * inverse.sum(0), v * inverse.sum(1)
                safe = (p @ A).min() >= v - 1e-9 and (A @ q).max() <= v + 1e-9
                if min(p.min(), q.min()) > -1e-9 and safe:
                    return (v + shift).item()
    raise AssertionError("no subgame: the theorem says that there is one")


def random_game(seed: int) -> Tensor:
    """Small whole numbers, so that ties and saddle points are common."""
    generator = rng.seeded(seed)
    M, N = torch.randint(1, 5, (2,), generator=generator).tolist()
    return torch.randint(-3, 4, (M, N), generator=generator).double()


def test_the_game_of_the_slides():
    """By hand: rows (4/7, 3/7) make columns 1 to 3 cost 90/7, 20/7, 20/7.

    Kills: the matrix transposed, the column player as maximiser, an equilibrium that is a guess.
    """
    found = MatrixGame(SLIDES).solve()
    assert found.value == pytest.approx(20 / 7)
    torch.testing.assert_close(found.row, torch.tensor([4 / 7, 3 / 7]))
    torch.testing.assert_close(found.column, torch.tensor([0, 4 / 7, 3 / 7]))
    cost = MatrixGame(SLIDES).column_payoffs(found.row)
    torch.testing.assert_close(cost, torch.tensor([90 / 7, 20 / 7, 20 / 7]))


@pytest.mark.equation("minimax-theorem")
def test_values_agree_with_the_enumeration_of_subgames():
    """Shapley and Snow. Kills: v bounded below by 0, laws that need not sum to one."""
    values = []
    for seed in range(60):
        A = random_game(seed)
        found = MatrixGame(A).solve()
        values.append(value_by_subgames(A))
        assert found.value == pytest.approx(values[-1], abs=1e-9)
        assert MatrixGame(A).gap(found.row, found.column) == pytest.approx(0, abs=1e-9)
        assert (found.row @ A @ found.column).item() == pytest.approx(values[-1], abs=1e-9)
    assert min(values) < -0.5 < 0.5 < max(values), "vacuous: no game is lost, or none won"


@pytest.mark.equation("game-gap")
def test_the_gap_is_what_both_best_responses_gain():
    """A loop over all moves. Kills: a sign, the gain of one player only, the mean for the best."""
    for seed in range(20):
        A = random_game(seed)
        p, q = (torch.rand(n, generator=rng.seeded(seed)) for n in A.shape)
        p, q = p / p.sum(), q / q.sum()
        rows = [sum(A[i, j] * q[j] for j in range(A.shape[1])) for i in range(A.shape[0])]
        columns = [sum(p[i] * A[i, j] for i in range(A.shape[0])) for j in range(A.shape[1])]
        assert MatrixGame(A).gap(p, q) == pytest.approx((max(rows) - min(columns)).item())
        torch.testing.assert_close(MatrixGame(A).row_payoffs(q), torch.stack(rows))
        torch.testing.assert_close(MatrixGame(A).column_payoffs(p), torch.stack(columns))
        assert rows[MatrixGame(A).best_row(q)] == max(rows)
        assert columns[MatrixGame(A).best_column(p)] == min(columns)
    paper = torch.tensor([0.0, 1.0, 0.0])
    assert MatrixGame(ROSHAMBO).best_row(paper) == MatrixGame(ROSHAMBO).best_column(paper) == 2
    assert MatrixGame(ROSHAMBO).gap(torch.ones(3) / 3, torch.ones(3) / 3) == pytest.approx(0)


@pytest.mark.parametrize("A", [SLIDES, ROSHAMBO, [[1, 2], [0, 5], [2, -1]]])
def test_fictitious_play_is_the_loop_in_whole_numbers(A):
    """Fractions, move by move. Kills: a response to the last move, or to both players' new means.

    Also kills: a column player who maximises, counts that are not divided by the round.
    """
    rows, columns = [0] * len(A), [0] * len(A[0])
    i = j = 0
    history = fictitious_play(MatrixGame(A), rounds=200)
    for n, found in enumerate(history, start=1):
        rows[i] += 1
        columns[j] += 1
        p, q = [Fraction(r, n) for r in rows], [Fraction(c, n) for c in columns]
        assert found.row.tolist() == pytest.approx([float(x) for x in p])
        assert found.column.tolist() == pytest.approx([float(x) for x in q])
        mean = sum(p[i] * A[i][j] * q[j] for i in range(len(A)) for j in range(len(A[0])))
        assert found.value == pytest.approx(float(mean))
        gain = [sum(A[i][j] * columns[j] for j in range(len(A[0]))) for i in range(len(A))]
        cost = [sum(A[i][j] * rows[i] for i in range(len(A))) for j in range(len(A[0]))]
        i, j = gain.index(max(gain)), cost.index(min(cost))
    assert len(history) == 200


def test_fictitious_play_comes_near_the_value():
    """Robinson's theorem, after 4,000 rounds. Kills: play that settles elsewhere."""
    for A, value in ((SLIDES, 20 / 7), (ROSHAMBO, 0)):
        game = MatrixGame(A)
        first, last = (fictitious_play(game, rounds=n)[-1] for n in (20, 4000))
        gaps = [game.gap(found.row, found.column) for found in (first, last)]
        assert gaps[1] < gaps[0] / 4
        assert abs(last.value - value) <= gaps[1] < 1


def test_the_callers_matrix_is_neither_changed_nor_kept():
    """Kills: an alias."""
    A = torch.tensor(SLIDES).double()
    game = MatrixGame(A)
    fictitious_play(game, rounds=5)
    assert torch.equal(A, torch.tensor(SLIDES).double())
    A.zero_()
    assert game.solve().value == pytest.approx(20 / 7)


@pytest.mark.parametrize(
    ("payoff", "message"),
    [
        ([[1, 2], [3]], r"rows of one length, got \[1, 2\]"),
        ([[1.0, float("nan")]], "finite numbers, got 1 NaN"),
        (torch.tensor([[torch.inf, -torch.inf]]), "finite numbers, got 2"),
        ([], r"shape \(M, N\).* got \(0,\)"),
        ([[], []], r"shape \(M, N\).* got \(2, 0\)"),
        (torch.zeros(3), r"shape \(M, N\).* got \(3,\)"),
    ],
)
def test_what_is_no_payoff_matrix_is_refused(payoff, message: str):
    with pytest.raises(ValueError, match=f"payoff: expected.*{message}"):
        MatrixGame(payoff)


def test_what_is_no_law_or_no_round_is_refused():
    game = MatrixGame(SLIDES)
    for bad in (torch.ones(2), torch.tensor([1.5, -0.5]), torch.full((2,), torch.nan)):
        with pytest.raises(ValueError, match=r"p: expected probabilities .* got sum"):
            game.column_payoffs(bad)
    with pytest.raises(ValueError, match=r"q: expected shape \(3,\), got \(2,\)"):
        game.row_payoffs(torch.tensor([0.5, 0.5]))
    with pytest.raises(ValueError, match="rounds: expected at least 1, got 0"):
        fictitious_play(game, rounds=0)


@pytest.mark.parametrize(("scale", "shift"), [(1e-10, 0.0), (1e10, 0.0), (1.0, 1e10), (1e-6, 1.0)])
def test_payoffs_in_other_units(scale, shift):
    """Rock, paper, scissors: a third each. Kills: a solver whose tolerance is 1e-7 of a unit."""
    game = MatrixGame(scale * torch.tensor(ROSHAMBO, dtype=torch.float64) + shift)
    row, column, value = game.solve()
    torch.testing.assert_close(row, torch.full((3,), 1 / 3), rtol=1e-5, atol=0)
    torch.testing.assert_close(column, torch.full((3,), 1 / 3), rtol=1e-5, atol=0)
    assert value == pytest.approx(shift, abs=1e-7 * scale + 1e-15 * shift)


def test_a_gap_is_never_negative():
    """At equilibria of random games. Kills: -1e-17, which rounding leaves of 0."""
    for seed in (5, 14, 88, 106):
        game = MatrixGame(torch.randn(2, 2, generator=rng.seeded(seed)))
        row, column, _ = game.solve()
        assert 0 <= game.gap(row, column) < 1e-6
        assert game.gap(row.float(), column.float()) >= 0

"""Zero-sum games with finitely many moves: mixed strategies, value and equilibrium.

The row player chooses a row of the payoff matrix A, the other a column, both at once; the column
player then pays the entry to the row player. A *mixed* strategy is a law over one's moves: p over
rows, q over columns, and the mean payoff is pᵀ A q. Von Neumann (1928) showed that
max_p min_q pᵀ A q = min_q max_p pᵀ A q, the *value* of the game.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

from coursepkg.counts import check_integers
from coursepkg.validate import check_tensor


class Equilibrium(NamedTuple):
    """A pair of strategies that neither player gains by leaving, and what it pays.

    Args:
        row: the row player's law p, (M,).
        column: the column player's law q, (N,).
        value: the mean payoff pᵀ A q, which every equilibrium of the game shares.
    """

    row: Tensor
    column: Tensor
    value: float


class MatrixGame:
    """The game whose column player pays A[i, j] to the row player, who chose row i, for column j.

    Args:
        payoff: A, (M, N), as a matrix or as one list of numbers for each row; copied to float64.

    Raises:
        ValueError: if the rows differ in length, there is none, or an entry is NaN or infinite.
    """

    def __init__(self, payoff: Tensor | Sequence[Sequence[float]]) -> None:
        if not isinstance(payoff, Tensor | Sequence):
            raise TypeError(f"payoff: expected a tensor or rows, got {type(payoff).__name__}")
        if not isinstance(payoff, Tensor) and len(lengths := {len(row) for row in payoff}) > 1:
            raise ValueError(f"payoff: expected rows of one length, got {sorted(lengths)}")
        A = torch.as_tensor(payoff, dtype=torch.float64).clone()
        if A.ndim != 2 or 0 in A.shape:
            raise ValueError(f"payoff: expected shape (M, N) with M, N >= 1, got {tuple(A.shape)}")
        if not A.isfinite().all():
            bad = int((~A.isfinite()).sum())
            raise ValueError(f"payoff: expected finite numbers, got {bad} NaN or inf")
        self.payoff = A

    def row_payoffs(self, q: Tensor) -> Tensor:
        """Mean payoff of each row against the column player's law q, A q, (N,) -> (M,)."""
        _check_law("q", q, self.payoff.shape[1])
        return self.payoff @ q.to(self.payoff)

    def column_payoffs(self, p: Tensor) -> Tensor:
        """What each column costs its player against the row player's law p, Aᵀ p, (M,) -> (N,)."""
        _check_law("p", p, self.payoff.shape[0])
        return self.payoff.T @ p.to(self.payoff)

    def best_row(self, q: Tensor) -> int:
        """A best response to the column player's law q: the first row that pays most."""
        return int(self.row_payoffs(q).argmax())

    def best_column(self, p: Tensor) -> int:
        """A best response to the row player's law p: the first column that costs least."""
        return int(self.column_payoffs(p).argmin())

    def gap(self, p: Tensor, q: Tensor) -> float:
        """max_i (A q)_i - min_j (Aᵀ p)_j: what the best responses would gain, together.

        The exploitability of the pair: never negative, and 0 exactly at the equilibria.
        """
        p, q = (law.double() / law.double().sum() for law in (p, q))
        gain = self.row_payoffs(q).max() - self.column_payoffs(p).min()
        return max(0.0, gain.item())

    def solve(self) -> Equilibrium:
        """An equilibrium, by two linear programs; there may be others, with the same value."""
        low, high = self.payoff.aminmax()
        unit = (high - low).clamp_min(torch.finfo(torch.float64).tiny)
        A = (self.payoff - low) / unit  # from 0 to 1: the solver's tolerances are absolute
        (p, value), (q, _) = _safest(A), _safest(-A.T)
        return Equilibrium(p, q, low.item() + unit.item() * value)


def fictitious_play(game: MatrixGame, *, rounds: int) -> list[Equilibrium]:
    """Each player meets the other's past as if it were a law: best response to the mean so far.

    Both begin with their first move; among equally good moves the first is taken. Source: Brown
    1951. The laws converge to equilibria (Robinson 1951), slowly: the gap shrinks far less than the
    work grows.

    Args:
        game: what is played.
        rounds: how many moves of each player, at least 1.

    Returns:
        After each round the frequencies of the moves so far, and their mean payoff pᵀ A q.

    Raises:
        ValueError: if there is no round.
    """
    if not isinstance(game, MatrixGame):
        raise TypeError(f"game: expected a MatrixGame, got {type(game).__name__}")
    check_integers(rounds=rounds)
    if rounds < 1:
        raise ValueError(f"rounds: expected at least 1, got {rounds}")
    A = game.payoff
    rows, columns = A.new_zeros(A.shape[0]), A.new_zeros(A.shape[1])
    i, j, history = 0, 0, []
    for n in range(1, rounds + 1):
        rows[i] += 1
        columns[j] += 1
        p, q = rows / n, columns / n
        history.append(Equilibrium(p, q, (p @ A @ q).item()))
        i, j = int((A @ columns).argmax()), int((rows @ A).argmin())  # of counts: ties stay ties
    return history


def _safest(A: Tensor) -> tuple[Tensor, float]:
    """The law p that makes min_j (Aᵀ p)_j largest, and how large: maximise v with Aᵀ p >= v."""
    M, N = A.shape
    goal = np.append(np.zeros(M), -1.0)  # unknowns: p, then v
    beaten = np.hstack([-A.T.numpy(), np.ones((N, 1))])  # v - (Aᵀ p)_j <= 0
    law = np.append(np.ones(M), 0.0)[None]
    found = linprog(goal, A_ub=beaten, b_ub=np.zeros(N), A_eq=law, b_eq=[1.0],
                    bounds=[(0, None)] * M + [(None, None)])  # fmt: skip
    if not found.success:
        raise ArithmeticError(f"the linear program of the game was not solved: {found.message}")
    p = torch.from_numpy(found.x[:M]).clamp_min(0)
    return p / p.sum(), float(found.x[M])


def _check_law(name: str, law: Tensor, size: int) -> None:
    check_tensor(law, name)
    if law.shape != (size,):
        raise ValueError(f"{name}: expected shape ({size},), got {tuple(law.shape)}")
    total = law.sum().item()
    if not (law >= 0).all() or not abs(total - 1) < 1e-6:
        raise ValueError(f"{name}: expected probabilities >= 0 with sum 1, got sum {total}")

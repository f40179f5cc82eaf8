"""A floor plan as a world: moves that slip, walls that stop, a goal and pits that end it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coursepkg.counts import check_numbers
from coursepkg.validate import check_real, check_tensor

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left: rows and columns
REWARDS = {"G": 1.0, "P": -1.0}


class World(NamedTuple):
    """A Markov decision process of S states and A actions.

    Args:
        P: p(s' | s, a), (S, A, S).
        reward: what the step from s to s' by a pays, (S, A, S).
    """

    P: Tensor
    reward: Tensor

    @property
    def mean_reward(self) -> Tensor:
        """r(s, a), the mean over s', (S, A)."""
        return (self.P.double() * self.reward).sum(-1).to(self.P)


class Grid(NamedTuple):
    """A world that is a floor plan.

    Args:
        world: its law.
        cells: row and column of each state, (S, 2).
        beside: where a move would lead that does not slip, (S, 4); s itself where a wall is.
        start: the state where one begins.
        ends: bool (S,), goal and pits: there nothing happens any more, and nothing is paid.
    """

    world: World
    cells: Tensor
    beside: Tensor
    start: int
    ends: Tensor


def grid_world(plan: Sequence[str], *, slip: float = 0.2, cost: float = 0.02) -> Grid:
    """The world of a floor plan: "#" wall, "." floor, "S" the start, "G" goal, "P" pit.

    A move goes where it should with probability 1 - slip, and to its left or right with slip / 2
    each. Who would run into a wall, or off the plan, stays. A step costs `cost`; arriving pays 1
    at the goal and -1 in a pit.   Source: :eq:`grid-moves`.

    Args:
        plan: its rows, of one length.
        slip: 0 <= slip <= 1.
        cost: of every step, >= 0.

    Raises:
        TypeError: if a single string came.
        ValueError: if rows differ in length, a letter is unknown, there is not one start, or a
            number is impossible.
    """
    _check_plan(plan, slip, cost)
    cells = [(i, j) for i, row in enumerate(plan) for j, letter in enumerate(row) if letter != "#"]
    index, S = {cell: s for s, cell in enumerate(cells)}, len(cells)
    letters = [plan[i][j] for i, j in cells]
    beside = torch.tensor([
        [index.get((i + down, j + right), s) for down, right in MOVES]
        for s, (i, j) in enumerate(cells)
    ])
    P = torch.zeros(S, len(MOVES), S)
    states = torch.arange(S)
    for a in range(len(MOVES)):
        for turn, share in ((0, 1 - slip), (1, slip / 2), (-1, slip / 2)):
            P[states, a, beside[:, (a + turn) % len(MOVES)]] += share
    ends = torch.tensor([letter in REWARDS for letter in letters])
    P[ends] = torch.eye(S)[ends, None]
    paid = torch.tensor([REWARDS.get(letter, 0.0) for letter in letters]) - cost
    reward = torch.where(ends[:, None, None], 0.0, paid.expand(S, len(MOVES), S))
    return Grid(World(P, reward), torch.tensor(cells), beside, letters.index("S"), ends)


def check_world(world: World) -> None:
    """Checks that a world's numbers go together and are laws.

    Raises:
        TypeError: if P or the rewards are no floating-point tensors.
        ValueError: if a shape is wrong, a number is not finite, or P are no probabilities.
    """
    if not isinstance(world, World):
        raise TypeError(f"world: expected a World, got {type(world).__name__}")
    P, reward = world
    check_tensor(P, "P")
    if P.ndim != 3 or P.shape[0] != P.shape[2] or 0 in P.shape:
        raise ValueError(f"P: expected shape (S, A, S), got {tuple(P.shape)}")
    check_real(P, name="P")
    check_real(reward, event=tuple(P.shape[1:]), name="reward")
    if len(reward) != len(P):
        raise ValueError(f"reward: expected shape {tuple(P.shape)}, got {tuple(reward.shape)}")
    worst = (P.sum(-1) - 1).abs().max().item()
    if not (P >= 0).all() or worst > 1e-4:
        raise ValueError(
            f"P: expected probabilities that sum to 1 over s', got sums off by up to {worst:.3g} "
            f"and a least entry of {P.min().item():.3g}"
        )


def _check_plan(plan: Sequence[str], slip: float, cost: float) -> None:
    if isinstance(plan, str):
        raise TypeError(f"plan: expected a sequence of rows, got the single string {plan!r}")
    if not isinstance(plan, Sequence):
        raise TypeError(f"plan: expected a sequence of strings, got {plan!r:.60}")
    if not all(isinstance(row, str) for row in plan):
        raise TypeError(f"plan: expected a sequence of strings, got {plan!r:.60}")
    if not plan or len({len(row) for row in plan}) != 1:
        raise ValueError(f"plan: expected rows of one length, got {[len(row) for row in plan]}")
    text = "".join(plan)
    if unknown := sorted(set(text) - set("#.SGP")):
        raise ValueError(f'plan: expected "#", ".", "S", "G" and "P", got {unknown}')
    if text.count("S") != 1:
        raise ValueError(f'plan: expected one start "S", got {text.count("S")}')
    check_numbers(slip=slip, cost=cost)
    if not 0 <= slip <= 1:
        raise ValueError(f"slip: expected a probability, got {slip}")
    if not 0 <= cost < float("inf"):
        raise ValueError(f"cost: expected a finite number >= 0, got {cost}")

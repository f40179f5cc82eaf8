"""How two players move who both follow a gradient: round their equilibrium, away from it, or to it.

A *field* says in which direction each player wants to move: v_x is minus the gradient of x's own
loss in x, v_y minus that of y's in y. For the bilinear game, min over x and max over y of xᵀ A y,
the field is (-A y, Aᵀ x), a rotation. With A = s, a number, one step of size η multiplies the
distance from the equilibrium by

* √(1 + η² s²) if both move at once: outwards, whatever the step;
* 1 on average if they take turns and η s < 2: round in an ellipse;
* √((1 - η² s²)² + η² s²) for the extragradient: inwards if η s < 1;
* √((1 - η γ s²)² + η² s²) for consensus with weight γ.

A rule is made for a field and a step, has ``init(x, y) -> Play`` and ``step(play) -> Play``, and
draws nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from coursepkg.counts import check_integers, check_numbers
from coursepkg.validate import ANY, check_methods, check_positive, check_real

Field = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Play(NamedTuple):
    """Where the players stand, x (M,) and y (N,), and the field at their last step there."""

    x: Tensor
    y: Tensor
    v_x: Tensor
    v_y: Tensor


class Rule(Protocol):
    """How the players move."""

    def init(self, x: Tensor, y: Tensor) -> Play:
        """The state of players who stand at x and y and have not moved."""

    def step(self, play: Play) -> Play:
        """Where they stand after one step of each."""


def bilinear(A: Tensor) -> Field:
    """The field of min over x, max over y of xᵀ A y: (-A y, Aᵀ x); A is (M, N)."""
    check_real(A, event=(ANY,), name="A")
    return lambda x, y: (-A @ y, A.T @ x)


@dataclass(frozen=True)
class _Gradient:
    """What all rules share: a field and the size of a step."""

    field: Field
    step_size: float

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size)

    def init(self, x: Tensor, y: Tensor) -> Play:
        """The state of players who stand at x and y and have not moved."""
        check_real(x, event=())
        check_real(y, event=(), name="y")
        return Play(x, y, *self.field(x, y))


class Simultaneous(_Gradient):
    """Both follow the field at once: x + η v_x(x, y), y + η v_y(x, y)."""

    def step(self, play: Play) -> Play:
        """One step of each."""
        v_x, v_y = self.field(play.x, play.y)
        return Play(play.x + self.step_size * v_x, play.y + self.step_size * v_y, v_x, v_y)


class Alternating(_Gradient):
    """They take turns: x moves first, and y answers to where x stands then."""

    def step(self, play: Play) -> Play:
        """One step of x, then one of y."""
        v_x, _ = self.field(play.x, play.y)
        x = play.x + self.step_size * v_x
        _, v_y = self.field(x, play.y)
        return Play(x, play.y + self.step_size * v_y, v_x, v_y)


class Extragradient(_Gradient):
    """Both look one step ahead, and follow from where they are the field of there.

    Source: Korpelevich 1976.
    """

    def step(self, play: Play) -> Play:
        """One step of each, at the price of two looks at the field."""
        v_x, v_y = self.field(play.x, play.y)
        v_x, v_y = self.field(play.x + self.step_size * v_x, play.y + self.step_size * v_y)
        return Play(play.x + self.step_size * v_x, play.y + self.step_size * v_y, v_x, v_y)


class Optimistic(_Gradient):
    """Follows 2 v_t - v_{t-1}, a guess at the next field from the last two: one look a step.

    Source: Daskalakis, Ilyas, Syrgkanis and Zeng 2018.
    """

    def step(self, play: Play) -> Play:
        """One step of each; the first is a plain one."""
        v_x, v_y = self.field(play.x, play.y)
        x = play.x + self.step_size * (2 * v_x - play.v_x)
        y = play.y + self.step_size * (2 * v_y - play.v_y)
        return Play(x, y, v_x, v_y)


@dataclass(frozen=True)
class Consensus(_Gradient):
    """Follows v - γ ∇ ½‖v‖²: both also want the field to be small. It needs second derivatives.

    Source: Mescheder, Nowozin and Geiger 2017.

    Args:
        field: where each player wants to go; differentiable.
        step_size: η.
        weight: γ >= 0, what the smallness of the field is worth.
    """

    weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(weight=self.weight)
        if not self.weight >= 0:
            raise ValueError(f"weight: expected a number >= 0, got {self.weight}")

    def step(self, play: Play) -> Play:
        """One step of each."""
        v_x, v_y = self.field(play.x, play.y)
        back_x, back_y = torch.func.grad(self._size, argnums=(0, 1))(play.x, play.y)
        x = play.x + self.step_size * (v_x - self.weight * back_x)
        y = play.y + self.step_size * (v_y - self.weight * back_y)
        return Play(x, y, v_x, v_y)

    def _size(self, x: Tensor, y: Tensor) -> Tensor:
        """½‖v‖², ()."""
        return sum((v.square().sum() for v in self.field(x, y)), start=x.new_zeros(())) / 2


def trajectory(rule: Rule, x: Tensor, y: Tensor, *, steps: int) -> Tensor:
    """Where the players stand at the start and after each step, (steps + 1, M + N), x first.

    Raises:
        ValueError: if there is no step.
    """
    check_methods(rule, "init", "step", name="rule")
    check_integers(steps=steps)
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps}")
    play = rule.init(x, y)
    path = [play]
    for _ in range(steps):
        path.append(play := rule.step(play))
    return torch.stack([torch.cat([play.x, play.y]) for play in path])


def spectral_radius(rule: Rule, x: Tensor, y: Tensor) -> float:
    """Largest modulus of an eigenvalue of one step's Jacobian at the equilibrium (x, y).

    Near it the distance is multiplied by this, in the long run and in the worst direction: below 1
    the players arrive, above 1 they leave; at 1 it decides nothing.

    Args:
        rule: how they move; its field is 0 at (x, y).
        x: the first player's place, (M,).
        y: the second player's, (N,).
    """

    def step(*state: Tensor) -> Tensor:
        return torch.cat(rule.step(Play(*state)))

    parts = jacobian(step, tuple(rule.init(x, y)))
    eigenvalues: Tensor = torch.linalg.eigvals(torch.cat(parts, dim=1).double())
    return float(eigenvalues.abs().max())

r"""Planning in a world whose law is known: what the best actions are worth, and which they are.

The best value solves :math:`V(s) = \max_a [r(s, a) + \gamma \sum_{s'} p(s' \mid s, a) V(s')]`
(Bellman, 1957). Repeating the right side brings any start nearer by the factor γ.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from coursepkg.counts import check_numbers
from coursepkg.models.worlds.grid import World, check_world
from coursepkg.validate import check_positive, check_tensor

SWEEPS = 1_000_000  # of value iteration, half a minute in a small world


class Plan(NamedTuple):
    """What was planned.

    Args:
        value: V(s), (S,), sums of discounted rewards.
        q: Q(s, a), the value of a first and the best after it, (S, A).
        policy: the best action in each state, (S,); the first of several.
    """

    value: Tensor
    q: Tensor
    policy: Tensor


def value_iteration(world: World, *, discount: float, tolerance: float = 1e-6) -> Plan:
    """The best value of each state, to within `tolerance`, and the actions that reach it.

    Sources: :eq:`bellman-optimality`, :eq:`value-iteration-error`.

    Args:
        world: its law and its rewards.
        discount: γ, 0 <= γ < 1.
        tolerance: largest error of a value; > 0, and above what rounding allows.

    Raises:
        ValueError: if the world is none, a number is impossible, or `SWEEPS` are not enough.
    """
    check_world(world)
    _check_discount(discount)
    check_positive(tolerance=tolerance)
    (P, r), dtype = _doubled(world), world.P.dtype
    value = P.new_zeros(len(P))
    for _ in range(_sweeps(r.abs().max().item(), discount, tolerance)):
        q = r + discount * (P @ value)
        best = q.max(1).values
        change = (best - value).abs().max().item()
        value = best
        if discount * change <= (1 - discount) * tolerance:
            return Plan(value.to(dtype), q.to(dtype), q.to(dtype).argmax(1))
    raise ValueError(
        f"tolerance: expected one above rounding, got {tolerance:.3g} for values up to "
        f"{value.abs().max().item():.3g} and discount {discount}"
    )


def value_of_policy(world: World, policy: Tensor, *, discount: float) -> Tensor:
    """What a policy is worth from each state, exactly: V = (I - γ P_π)⁻¹ r_π, (S,).

    Source: :eq:`policy-value`.

    Args:
        world: its law and its rewards.
        policy: an action for each state, (S,).
        discount: γ, 0 <= γ < 1.

    Raises:
        TypeError: if the policy is no int64 tensor.
        ValueError: if the policy is none of this world, the world is none, or γ is impossible.
    """
    check_world(world)
    _check_discount(discount)
    S, A, _ = world.P.shape
    check_tensor(policy, "policy")
    if policy.dtype != torch.int64:  # a bool tensor would pick rows, not actions
        raise TypeError(f"policy: expected an int64 tensor, got dtype {policy.dtype}")
    if policy.shape != (S,) or not ((policy >= 0) & (policy < A)).all():
        raise ValueError(f"policy: expected {S} actions from 0 to {A - 1}, got {policy.tolist()}")
    states = torch.arange(S)
    P, r = (each[states, policy] for each in _doubled(world))
    value: Tensor = torch.linalg.solve(torch.eye(S).to(P) - discount * P, r)
    return value.to(world.P)


def _doubled(world: World) -> tuple[Tensor, Tensor]:
    """p(s' | s, a) with sums 1, and r(s, a), in double precision: 1 - γ may be little."""
    P = world.P.double() / world.P.double().sum(-1, keepdim=True)
    return P, (P * world.reward).sum(-1)


def _sweeps(largest: float, discount: float, tolerance: float) -> int:
    """After how many sweeps the tolerance is reached, and ten: the first changes r at most.

    Raises:
        ValueError: if these are more than `SWEEPS`.
    """
    near = (1 - discount) * tolerance
    if discount == 0 or largest <= near:
        return 10
    count = math.log(near / largest) / math.log(discount)
    if count > SWEEPS:
        raise ValueError(
            f"discount: expected one with which {SWEEPS:,} sweeps reach the tolerance "
            f"{tolerance:.3g}, got {discount}, which takes {count:.3g}; `value_of_policy` solves"
        )
    return int(count) + 10


def _check_discount(discount: float) -> None:
    check_numbers(discount=discount)
    if not 0 <= discount < 1:
        raise ValueError(f"discount: expected 0 <= discount < 1, got {discount}")

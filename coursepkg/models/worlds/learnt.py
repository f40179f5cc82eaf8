"""Worlds learnt from experience: by counting, and with doubt about what was rarely tried.

Experience is a list of steps. A *model* of the world is what they say of p(s' | s, a) and of the
rewards; planning in it needs no further step. Q-learning keeps no model, and learns values alone.
"""

from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, one_hot
from torch.optim import Adam

from coursepkg.counts import check_counts, check_generator, check_integers, check_numbers
from coursepkg.models.worlds.grid import Grid, World
from coursepkg.nets.mlp import MLP
from coursepkg.validate import check_finite, check_positive, check_real, check_tensor


class Experience(NamedTuple):
    """N steps: from state s by action a to s_next, which paid `reward`, and was an end or not.

    All (N,): s, a and s_next int64, reward real, ended bool.
    """

    s: Tensor
    a: Tensor
    reward: Tensor
    s_next: Tensor
    ended: Tensor


def wander(place: Grid, steps: int, *, patience: int = 50, generator: Generator) -> Experience:
    """Experience of somebody who acts at random, from the start, and anew after each end.

    Args:
        place: where.
        steps: number of steps N.
        patience: after so many steps without an end one begins anew, too.
        generator: the only source of randomness.

    Raises:
        ValueError: if a number is not positive.
    """
    _check_place(place)
    check_generator(generator)
    check_counts(steps=steps, patience=patience)
    P, reward = place.world
    actions = torch.randint(P.shape[1], (steps,), generator=generator)
    chance = torch.rand(steps, generator=generator, dtype=torch.float64)
    cumulative = P.double().cumsum(-1)
    rows: list[tuple[int, int, float, int, bool]] = []
    s, walked = place.start, 0
    for a, u in zip(actions.tolist(), chance.tolist(), strict=True):
        row = cumulative[s, a]
        s_next = int(torch.searchsorted(row, u * row[-1], right=True))
        ended = bool(place.ends[s_next])
        rows.append((s, a, reward[s, a, s_next].item(), s_next, ended))
        walked = 0 if ended or walked + 1 >= patience else walked + 1
        s = s_next if walked else place.start
    s_, a_, r_, next_, ended_ = zip(*rows, strict=True)
    paid = torch.tensor(r_, dtype=reward.dtype, device=reward.device)
    where, moves, there, over = map(torch.tensor, (s_, a_, next_, ended_))
    return Experience(where, moves, paid, there, over)


def counts(seen: Experience, states: int, actions: int) -> Tensor:
    """n(s, a, s'), how often each step was made, (S, A, S)."""
    _check_seen(seen, states, actions)
    place = (seen.s * actions + seen.a) * states + seen.s_next
    n = torch.bincount(place, minlength=states * actions * states)
    return n.view(states, actions, states).to(seen.reward)


def counted(seen: Experience, states: int, actions: int, *, strength: float) -> World:
    """The world by counting, with `strength` imaginary steps to anywhere for each state and action.

    The mean of the posterior under a Dirichlet prior: (n(s, a, s') + α / S) / (n(s, a) + α). The
    reward of arriving somewhere is the mean of those seen there, and 0 where nobody arrived.
    Source: :eq:`counted-world`.

    Args:
        seen: experience.
        states: number of states S.
        actions: number of actions A.
        strength: α > 0.

    Raises:
        ValueError: if the experience is none of such a world, or the strength is not positive.
    """
    n = _checked_counts(seen, states, actions, strength)
    P = (n + strength / states) / (n.sum(-1, keepdim=True) + strength)
    return _closed(P, seen)


def distrustful(
    seen: Experience, states: int, actions: int, *, strength: float, value: float, discount: float
) -> World:
    """The world by counting, where imaginary steps lead to a place beyond it that is worth `value`.

    With the lowest value there is, a plan avoids what was rarely tried: pessimism, for somebody who
    must make do with the experience at hand. With the highest value it seeks that: optimism, for
    somebody who can go and look. Source: :eq:`distrustful-world`.

    Args:
        seen: experience.
        states: number of states S.
        actions: number of actions A.
        strength: α > 0: an action tried n times is believed to lead beyond with α / (n + α).
        value: what being beyond is worth.
        discount: γ of the plan that will be made, 0 <= γ < 1.

    Returns:
        A world of S + 1 states; the last is beyond, stays, and pays (1 - γ) `value` a step.

    Raises:
        ValueError: if the experience is none of such a world, or a number is impossible.
    """
    check_numbers(discount=discount)
    check_finite(value=value)
    if not 0 <= discount < 1:
        raise ValueError(f"discount: expected 0 <= discount < 1, got {discount}")
    n = _checked_counts(seen, states, actions, strength)
    P = n.new_zeros(states + 1, actions, states + 1)
    tried = n.sum(-1)
    P[:-1, :, :-1] = n / (tried[..., None] + strength)
    P[:-1, :, -1] = strength / (tried + strength)
    P[-1, :, -1] = 1
    world = _closed(P, seen)
    world.reward[-1] = (1 - discount) * value
    return world


def with_moves(
    place: Grid, seen: Experience, *, hidden: int = 16, steps: int = 300, generator: Generator
) -> World:
    """The world by a network that is told what is around: one law of moves for all cells.

    From the walls around a cell and the action it predicts the law of what happens: a move up,
    right, down or left, or none. What was learnt in one cell so holds in all that look alike. The
    rewards are those of `counted`.

    Args:
        place: gives the floor plan, and nothing of the law.
        seen: experience in it.
        hidden: hidden units.
        steps: of Adam, on all of the experience.
        generator: draws the initial weights.

    Raises:
        TypeError: if states or actions are no int64, rewards not real, or ends not bool.
        ValueError: if the experience is none of this floor plan, or a number is not positive.
    """
    _check_place(place)
    S, A = place.beside.shape
    _check_seen(seen, S, A)
    check_counts(hidden=hidden, steps=steps)
    stays = torch.arange(S)[:, None]
    leads = torch.cat([place.beside, stays], dim=1)  # (S, 5): where each thing that happens leads
    wall = (place.beside == stays).to(seen.reward)
    inputs = torch.cat([wall[:, None].expand(S, A, 4), torch.eye(A).expand(S, A, A).to(wall)], -1)
    fits = leads[seen.s] == seen.s_next[:, None]  # (N, 5)
    if not fits.any(1).all():
        raise ValueError(
            f"seen: expected steps to cells beside, got {int((~fits.any(1)).sum())} others"
        )
    happened = torch.where(seen.s == seen.s_next, 4, fits.int().argmax(1))
    net = MLP([4 + A, hidden, 5], generator=generator)
    optimizer = Adam(net.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(net(inputs[seen.s, seen.a]), happened).backward()
        optimizer.step()
    with torch.no_grad():
        p = net(inputs).softmax(-1)  # (S, A, 5)
    return _closed((p[..., None] * one_hot(leads, S)[:, None].to(p)).sum(2), seen)


def q_learning(
    seen: Experience, states: int, actions: int, *, discount: float, passes: int = 1,
    power: float = 0.6,
) -> Tensor:  # fmt: skip
    """Q(s, a) without a model, (S, A): each step moves it towards reward + γ max Q(s', ·).

    Source: :eq:`q-learning`; Watkins and Dayan (1992). The n-th update of Q(s, a) has the rate
    n^-power.

    Args:
        seen: experience, taken in its order.
        states: number of states S.
        actions: number of actions A.
        discount: γ, 0 <= γ < 1.
        passes: how often the experience is gone through.
        power: of the rate, 0.5 < power <= 1.

    Raises:
        ValueError: if the experience is none of such a world, or a number is impossible.
    """
    check_numbers(discount=discount, power=power)
    check_integers(passes=passes)
    if not (0 <= discount < 1 and 0.5 < power <= 1 and passes >= 1):
        raise ValueError(
            "expected 0 <= discount < 1, 0.5 < power <= 1 and passes >= 1, got "
            f"{discount}, {power} and {passes}"
        )
    _checked_counts(seen, states, actions, 1.0)
    q = [[0.0] * actions for _ in range(states)]
    n = [[0] * actions for _ in range(states)]
    steps = list(zip(*(part.tolist() for part in seen), strict=True))
    for s, a, reward, s_next, ended in steps * passes:
        n[s][a] += 1
        target = reward + (0.0 if ended else discount * max(q[s_next]))
        q[s][a] += (target - q[s][a]) / n[s][a] ** power
    return torch.tensor(q, dtype=torch.float64).to(seen.reward)


def _closed(P: Tensor, seen: Experience) -> World:
    """With what was seen of rewards, and of ends: there one stays, and nothing is paid."""
    S, A, _ = P.shape
    arrived = torch.bincount(seen.s_next, minlength=S).clamp_min(1)
    paid = torch.bincount(seen.s_next, weights=seen.reward, minlength=S) / arrived
    ends = torch.zeros(S, dtype=torch.bool)
    ends[seen.s_next[seen.ended]] = True
    P = torch.where(ends[:, None, None], torch.eye(S).to(P)[:, None], P)
    reward = torch.where(ends[:, None, None], 0.0, paid.to(P).expand(S, A, S))
    return World(P, reward)


def _checked_counts(seen: Experience, states: int, actions: int, strength: float) -> Tensor:
    check_positive(strength=strength)
    return counts(seen, states, actions)


def _check_place(place: Grid) -> None:
    if not isinstance(place, Grid):
        raise TypeError(f"place: expected a Grid, got {type(place).__name__}")


def _check_seen(seen: Experience, states: int, actions: int) -> None:
    check_counts(states=states, actions=actions)
    if not isinstance(seen, Experience):
        raise TypeError(f"seen: expected an Experience, got {type(seen).__name__}")
    for name, part in seen._asdict().items():
        check_tensor(part, name)
    if not (len(seen.s) and {part.shape for part in seen} == {(len(seen.s),)}):
        raise ValueError(f"seen: expected N >= 1 steps, got {[tuple(p.shape) for p in seen]}")
    check_real(seen.reward, event=(), name="reward")
    if seen.ended.dtype != torch.bool:
        raise TypeError(f"ended: expected a bool tensor, got dtype {seen.ended.dtype}")
    for name, part, size in (("s", seen.s, states), ("a", seen.a, actions),
                             ("s_next", seen.s_next, states)):  # fmt: skip
        if part.dtype != torch.int64:
            raise TypeError(f"{name}: expected an int64 tensor, got dtype {part.dtype}")
        low, high = int(part.min()), int(part.max())
        if low < 0 or high >= size:
            raise ValueError(f"{name}: expected 0 to {size - 1}, got values from {low} to {high}")

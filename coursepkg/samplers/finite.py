"""Markov chains with finitely many states: all that a sampler does, seen by matrix.

P (K, K) holds the probabilities of going from state i (row) to state j (column), and a law over the
states is a row π (K,), which one step takes to πP.
"""

import torch
from scipy.sparse.csgraph import connected_components
from torch import Generator, Tensor

from coursepkg.counts import check_generator, check_integers, check_sizes
from coursepkg.validate import check_floating, check_levels, check_real


def check_stochastic(P: Tensor) -> None:
    """Checks that P is a transition matrix.

    Raises:
        ValueError: unless P is square, its entries are >= 0 and its rows sum to 1.
    """
    check_floating(P, "P")
    if P.ndim != 2 or len(P) == 0 or P.shape[0] != P.shape[1]:
        raise ValueError(f"P: expected a square matrix, got shape {tuple(P.shape)}")
    if not (P >= 0).all():
        raise ValueError(f"P: expected probabilities >= 0, got {P.min().item():.4g}")
    if ((P.sum(1) - 1).abs() > _tolerance(P)).any():
        raise ValueError(f"P: expected rows that sum to 1, got sums {P.sum(1).tolist()}")


def closed_classes(P: Tensor) -> list[list[int]]:
    """The sets of states that, once entered, are never left, and have no smaller such set inside.

    Each carries one stationary law; so the stationary law is unique iff there is one class.
    """
    check_stochastic(P)
    count, label = connected_components((P > 0).cpu().numpy(), connection="strong")
    classes = [[i for i in range(len(P)) if label[i] == c] for c in range(count)]
    return [states for states in classes if set(P[states].nonzero()[:, 1].tolist()) <= set(states)]


def stationary(P: Tensor) -> Tensor:
    """The law π with π = πP, (K,), O(K³).   Source: :eq:`stationary-law`.

    State after state is taken out, and what passes through it added to the moves of the others.
    Nothing is subtracted, so that rare moves count as they should: Grassmann, Taksar and Heyman,
    *Regenerative analysis and steady state distributions for Markov chains* (1985).

    Raises:
        ValueError: if there are several.
    """
    if len(classes := closed_classes(P)) > 1:
        raise ValueError(
            "P: expected one stationary law, got several: chains cannot leave the classes "
            f"{classes[0][:5]} and {classes[1][:5]}"
        )
    states = classes[0]
    left = P.double()[states][:, states]
    for k in range(len(states) - 1, 0, -1):
        left[:k, k] /= left[k, :k].sum()  # expected visits to k between visits to others
        left[:k, :k] += torch.outer(left[:k, k], left[k, :k])
    law = left.new_ones(1)
    for k in range(1, len(states)):
        law = torch.cat([law, (law @ left[:k, k])[None]])
        law /= law.sum()
    pi = P.new_zeros(len(P))  # 0 in transient states
    pi[states] = law.to(P)
    return pi


def is_reversible(P: Tensor, pi: Tensor) -> bool:
    """Whether π_i P_ij = π_j P_ji for all i, j: detailed balance.   Source: :eq:`detailed-balance`.

    It is enough for π = πP, and not needed for it.
    """
    check_stochastic(P)
    check_real(pi, event=(), name="pi")
    if pi.shape != P.shape[:1]:
        raise ValueError(f"pi: expected a law over {len(P)} states, got shape {tuple(pi.shape)}")
    flow = pi[:, None] * P
    moving = flow - torch.diag(flow.diagonal())
    return bool((flow - flow.T).abs().max() <= _tolerance(P) * moving.max())


def accept_or_stay(proposal: Tensor, acceptance: Tensor) -> Tensor:
    """Proposes j from i with proposal_ij and accepts with acceptance_ij, all (K, K)."""
    check_stochastic(proposal)
    if not ((acceptance >= 0) & (acceptance <= 1)).all():
        raise ValueError(
            f"acceptance: expected probabilities, got {acceptance.min()} to {acceptance.max()}"
        )
    P = proposal * acceptance
    return P + torch.diag(1 - P.sum(1)).clamp_min(0)


def metropolis_hastings(proposal: Tensor, target: Tensor) -> Tensor:
    """Transition matrix (K, K) of Metropolis–Hastings.   Source: :eq:`mh-ratio`.

    Args:
        proposal: q(j | i) at row i, column j, (K, K).
        target: π up to a constant, (K,), > 0.
    """
    check_stochastic(proposal)
    check_floating(target, "target")
    if target.shape != proposal.shape[:1] or not (target.isfinite() & (target > 0)).all():
        raise ValueError(f"target: expected {len(proposal)} numbers > 0, got {target.tolist()}")
    pi, q = target.double(), proposal.double()
    odds = pi / pi[:, None] * (q.T / q)  # π_j q(i | j) / π_i q(j | i): their product may underflow
    return accept_or_stay(proposal, torch.where(q > 0, odds, 0.0).clamp_max(1).to(proposal))


def gibbs_update(table: Tensor, d: int) -> Tensor:
    """Matrix of one Gibbs update, of variable d; states are cells of the table in C order, (K, K).

    Source: :eq:`gibbs-update`.

    Args:
        table: the joint law up to a constant, (K_1, ..., K_D), >= 0; K is the product.
        d: variable to redraw, 0..D-1.

    Raises:
        ValueError: if values of the other variables have probability 0, so that no law is given.
    """
    check_floating(table, "table")
    check_integers(d=d)
    if not 0 <= d < table.ndim:
        raise ValueError(f"d: expected a variable 0..{table.ndim - 1}, got {d}")
    total = table.sum(d, keepdim=True)
    if not ((table >= 0).all() and total.isfinite().all() and (total > 0).all()):
        raise ValueError(f"table: expected numbers >= 0 with sums > 0 over variable {d}")
    index = torch.arange(table.numel()).view(table.shape)
    conditional = (table / total).movedim(d, -1).reshape(-1, table.shape[d])
    rows = index.movedim(d, -1).reshape(-1, table.shape[d])  # states that differ in x_d only
    P = torch.zeros(table.numel(), table.numel()).to(table)
    P[rows[:, :, None], rows[:, None, :]] = conditional[:, None, :]
    return P


def systematic_gibbs(table: Tensor) -> Tensor:
    """Matrix of a sweep over all variables in order, (K, K): the product of the updates."""
    check_floating(table, "table")
    P = gibbs_update(table, 0)
    for d in range(1, table.ndim):
        P = P @ gibbs_update(table, d)
    return P


def random_scan_gibbs(table: Tensor) -> Tensor:
    """Matrix of *one* update of a variable chosen uniformly, (K, K): the average of the updates."""
    check_floating(table, "table")
    return torch.stack([gibbs_update(table, d) for d in range(table.ndim)]).mean(0)


def spectral_gap(P: Tensor) -> float:
    """`1 - |λ₂|`, where λ₂ is the second-largest eigenvalue in absolute value, O(K³).

    Source: :eq:`spectral-gap`. For a reversible chain the distance to the stationary law is at most
    a constant times `|λ₂|ᵗ`; 0 means that it need not fall at all: the chain is periodic, or has
    several stationary laws.
    """
    check_stochastic(P)
    if len(P) == 1:
        return 1.0
    rates = P.double() - torch.diag(P.double().diagonal())
    mu = torch.linalg.eigvals(torch.diag(rates.sum(1)) - rates)  # 1 - λ, where nothing cancels
    gaps = (2 * mu.real - mu.abs().square()) / (1 + (1 - mu).abs())  # 1 - |λ|
    return max(0.0, float(gaps.sort().values[1]))


def total_variation(P: Tensor, start: Tensor, *, steps: int) -> Tensor:
    """`½ Σ_j |(start Pᵗ)_j - π_j|` for t = 0..steps, (steps + 1,).   Source: :eq:`total-variation`.

    The largest difference, over all events, between their probabilities at time t and under π.

    Args:
        P: transition matrix (K, K) with one stationary law.
        start: law at time 0, (K,).
        steps: last time.

    Raises:
        ValueError: if there are several stationary laws, or `start` is no law.
    """
    check_stochastic(P)
    check_floating(start, "start")
    check_sizes(steps=steps)
    if start.shape != P.shape[:1] or (start < 0).any() or abs(start.sum() - 1) > _tolerance(P):
        raise ValueError(f"start: expected a law over {len(P)} states, got {start.tolist()}")
    P, law = P.double() / P.double().sum(1, keepdim=True), start.double() / start.double().sum()
    pi = stationary(P)
    distances = [(law - pi).abs().sum() / 2]
    for _ in range(steps):
        law = law @ P
        distances.append((law - pi).abs().sum() / 2)
    return torch.stack(distances).clamp_max(1).to(start)


def simulate(P: Tensor, start: Tensor, *, steps: int, generator: Generator) -> Tensor:
    """States of C chains at times 0..steps, (steps + 1, C) int64; O(steps · C · K).

    Args:
        P: transition matrix (K, K).
        start: states at time 0, (C,) int64.
        steps: last time.
        generator: the only source of randomness.

    Raises:
        ValueError: if P or a state is none.
    """
    check_generator(generator)
    check_stochastic(P)
    check_levels(start, event=(), levels=len(P), name="start")
    check_sizes(steps=steps)
    path = [start]
    for _ in range(steps):
        path.append(torch.multinomial(P[path[-1]], 1, generator=generator).squeeze(1))
    return torch.stack(path)


def _tolerance(P: Tensor) -> float:
    return 10 * len(P) * torch.finfo(P.dtype).eps

"""Few symbols, seen in full: the right network of a known law, and the laws of samplers.

A law of x is a table over all K^D states, the last variable fastest. Nothing is drawn and nothing
is learned: what differs from the truth is the sampler's own error.
"""

from collections.abc import Sequence
from math import comb

import torch
from torch import Tensor, nn

from coursepkg.counts import check_integers
from coursepkg.divergences import divergence_terms
from coursepkg.enumeration import table_states
from coursepkg.models.masked.discrete import DiscreteDiffusion
from coursepkg.models.masked.order import AnyOrder
from coursepkg.validate import check_tensor


class RightGuess(nn.Module):
    """What the other symbols of z tell of x_d, by Bayes: the network that cannot be bettered.

    log Σ_x p(x) [x_d = k] Π_{e ≠ d} q(z_e | x_e), of a law that is known.

    Args:
        log_p: the law, (K^D,), nats; -inf for what does not occur.
        dim: number of variables D.
        levels: number of levels K.
        rest: π of the noise, (S,).

    Raises:
        ValueError: if the table has another size.
    """

    def __init__(self, log_p: Tensor, rest: Tensor, *, dim: int, levels: int) -> None:
        check_tensor(log_p, "log_p")
        check_tensor(rest, "rest")
        check_integers(dim=dim, levels=levels)
        super().__init__()
        if log_p.shape != (levels**dim,):
            raise ValueError(f"log_p: expected shape ({levels**dim},), got {tuple(log_p.shape)}")
        self.levels, self.states = levels, table_states([levels] * dim)
        self.log_p, self.rest = log_p.double().clone(), rest.double().clone()

    def forward(self, z: Tensor, log_odds: Tensor) -> Tensor:
        """Maps z (B, D) and log-odds of being kept (B,) to logits (B, D, K)."""
        kept = log_odds.double().sigmoid()[:, None, None]
        same = z[:, None] == self.states  # (B, K^D, D)
        log_q = (kept * same + (1 - kept) * self.rest[z][:, None]).log()
        logits = []
        for d, x_d in enumerate(self.states.T):
            others = [e for e in range(z.shape[1]) if e != d]
            joint = (self.log_p + log_q[:, :, others].sum(2)).softmax(1)  # of x and the others
            logits.append(torch.stack([joint[:, x_d == k].sum(1) for k in range(self.levels)], 1))
        return torch.stack(logits, dim=1).log()


@torch.no_grad()
def order_law(model: AnyOrder) -> Tensor:
    """p(x) of every x, exactly, (K^D,): the mean over all orders, found step by step.

    A step goes from each z to those z' that show c more of its places, any with equal probability.
    """
    K, D = model.levels, model.dim
    z = table_states([K + 1] * D)
    log_q = model.log_conditionals(z).double()
    hidden = z == K
    p = hidden.all(1).double()  # all on the blank
    for count in model.counts:
        after = torch.zeros_like(p)
        for n in p.nonzero().flatten().tolist():
            more = hidden[n] & ~hidden  # (S, D), found in this step
            fits = ((z == z[n]) | more).all(1) & (more.sum(1) == count)
            rows = z[fits]
            law = log_q[n].gather(1, rows.clamp_max(K - 1).T).T  # (·, D)
            ways = comb(int(hidden[n].sum()), count)
            after[fits] += p[n] * law.mul(more[fits]).nan_to_num(0.0).sum(1).exp() / ways
        p = after
    return p[~hidden.any(1)]


@torch.no_grad()
def back_law(model: DiscreteDiffusion) -> Tensor:
    """p(x) of every x, exactly, (K^D,): rest times the matrices of the T steps."""
    S, D = len(model.noise.rest), model.dim
    z = table_states([S] * D)
    p = model.noise.rest[z].prod(1)
    for t in range(model.noise.T, 0, -1):
        here = p > 0  # what never occurs has no way back
        each = model.back(z[here], torch.full((int(here.sum()),), t))  # (·, D, S)
        step = each[:, 0]
        for d in range(1, D):  # the product over variables, of all their symbols
            step = (step[:, :, None] * each[:, d, None]).flatten(1)
        p = p[here] @ step
    return p[(z < model.levels).all(1)]


def groups_cost(p: Tensor, groups: Sequence[Sequence[int]], *, dim: int, levels: int) -> float:
    """KL(p ‖ q) of drawing groups of variables one after the other, each group's independently.

    Σ over groups of Σ_d H(x_d | before) - H(x_group | before), with the right conditionals.
    Source: :eq:`parallel-cost`.

    Args:
        p: the law, (K^D,).
        groups: variables 0..D-1, each once.
        dim: number of variables D.
        levels: number of levels K.

    Raises:
        ValueError: if a variable is in no group or in two, or the table has another size.
    """
    if sorted(d for group in groups for d in group) != list(range(dim)):
        raise ValueError(f"groups: expected each of 0..{dim - 1} once, got {groups}")
    if p.shape != (levels**dim,):
        raise ValueError(f"p: expected shape ({levels**dim},), got {tuple(p.shape)}")
    table, total = p.double().view((levels,) * dim), 0.0
    before: list[int] = []
    for group in groups:
        apart = known = _marginal(table, before)
        for d in group:
            apart = apart * (_marginal(table, [*before, d]) / known).nan_to_num(0.0)
        before = [*before, *group]
        total += float(divergence_terms(_marginal(table, before), apart).sum())
    return total


def _marginal(table: Tensor, kept: Sequence[int]) -> Tensor:
    """The law of some of the variables; the others' axes stay, with length 1."""
    others = [d for d in range(table.ndim) if d not in kept]
    return table.sum(others, keepdim=True) if others else table

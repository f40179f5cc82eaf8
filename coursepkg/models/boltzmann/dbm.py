r"""Deep Boltzmann machines: layers of binary units, all links undirected.

Only neighbouring layers are linked, so the even layers (v, h², …) are independent given the odd
ones (h¹, h³, …), and conversely: a deep machine is a *restricted* one between its even and its odd
layers, of whose visible units only v is observed. What needs no data (Gibbs steps, log Z and its
annealing) is therefore the restricted machine's own; new is p(h | v), since given v the hidden
layers still depend on one another.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import binary_cross_entropy

from coursepkg.counts import (
    check_counts,
    check_draws,
    check_generator,
    check_integer_lists,
    check_integers,
)
from coursepkg.enumeration import Unnormalised
from coursepkg.models.rbm import learning
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.harmonium import Statistics
from coursepkg.models.rbm.learning import gibbs
from coursepkg.validate import check_binary, check_positive

T = TypeVar("T")


class DBM(Unnormalised):
    r"""Layers 0 (v) to L of binary units, each linked with the next.   Source: :eq:`dbm-energy`.

    :math:`E(v, h^1, \dots, h^L) = -\sum_{l=0}^{L} b_l^\top h^l
    - \sum_{l=1}^{L} {h^{l-1}}^\top W_l h^l` with :math:`h^0 = v`.

    Says: `unnormalised_log_weight`, whose mean bounds log p(v) up to log Z (≈). If all even or all
    odd layers together have 22 units or fewer, `log_z` is exact and `NormalisedBound(dbm)` says
    `log_weight` (≤).

    Attributes:
        machine: the `RBM` between (v, h², …) and (h¹, h³, …) that is the same law; it owns the
            parameters. Its W is 0 between layers that are not neighbours.

    Args:
        sizes: units of the layers, (D, M_1, …, M_L) with L >= 1; L = 1 is an RBM.
        generator: draws the weights, normal with standard deviation `scale`; biases start at 0.
        scale: standard deviation of the first weights.
        sweeps: updates of every layer in `mean_field`.

    Raises:
        ValueError: if a size or number is impossible.
    """

    def __init__(
        self, sizes: Sequence[int], *, generator: Generator, scale: float = 0.01, sweeps: int = 20
    ) -> None:  # fmt: skip
        check_integer_lists(sizes=sizes)
        check_integers(sweeps=sweeps)
        check_generator(generator)
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1 or sweeps < 1:
            raise ValueError(
                f"expected two or more sizes >= 1 and sweeps >= 1, got {list(sizes)} and {sweeps}"
            )
        self.sizes, self.sweeps = list(sizes), sweeps
        layer = torch.arange(len(sizes), device=generator.device)
        of_unit = [
            layer[p::2].repeat_interleave(torch.tensor(sizes[p::2]).to(layer)) for p in (0, 1)
        ]
        neighbours = (of_unit[0][:, None] - of_unit[1]).abs() == 1
        mask = None if neighbours.all() else neighbours.to(torch.get_default_dtype())
        self.machine = RBM(*neighbours.shape, generator=generator, scale=scale, mask=mask)

    @property
    def weights(self) -> list[Tensor]:
        """W_1, …, W_L, each (M_(l-1), M_l): views into the machine's W."""
        rows = self.machine.W.split(self.sizes[0::2], dim=0)
        blocks = [row.split(self.sizes[1::2], dim=1) for row in rows]
        pairs = [(blocks[l // 2][(l - 1) // 2], l) for l in range(1, len(self.sizes))]
        return [block if l % 2 else block.T for block, l in pairs]

    @property
    def biases(self) -> list[Tensor]:
        """b_0, …, b_L, each (M_l,): views into the machine's biases."""
        return self.unfold(self.machine.b, self.machine.c)

    def fold(self, layers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Layers 0..L, each (B, M_l): the even ones side by side, the odd ones side by side."""
        return torch.cat(list(layers[0::2]), dim=-1), torch.cat(list(layers[1::2]), dim=-1)

    def unfold(self, even: Tensor, odd: Tensor) -> list[Tensor]:
        """The inverse of `fold`."""
        parts = even.split(self.sizes[0::2], dim=-1), odd.split(self.sizes[1::2], dim=-1)
        return [parts[l % 2][l // 2] for l in range(len(self.sizes))]

    def energy(self, layers: Sequence[Tensor]) -> Tensor:
        """E(v, h¹, …, h^L), L + 1 tensors (B, M_l) -> (B,).   Source: :eq:`dbm-energy`."""
        return self.machine.energy(*self.fold(layers))

    def layer_probs(self, layers: Sequence[Tensor]) -> list[Tensor]:
        """P(unit = 1 | neighbouring layers) for every unit of every layer, L + 1 tensors (B, M_l).

        Source: :eq:`dbm-conditionals`.
        """
        even, odd = self.fold(layers)
        return self.unfold(self.machine.visible_probs(odd), self.machine.hidden_probs(even))

    def mean_field(self, x: Tensor) -> list[Tensor]:
        """μ_1, …, μ_L of the factorised q(h | v) of the bound, (B, D) -> L tensors (B, M_l).

        Source: :eq:`dbm-mean-field`. Starts at 1/2; `sweeps` times the odd layers, then the even
        ones. No update lowers the bound; at its fixed points all slopes are 0. No gradient runs
        through it: at a fixed point it would add nothing to that of the bound.
        """
        check_binary(x, event=(self.sizes[0],), like=self)
        return self.unfold(*self.folded_mean_field(x))[1:]

    def variational_free_energy(self, x: Tensor) -> Tensor:
        """E(v, μ) - H(μ), (B, D) -> (B,), nats: log p(v) >= -this - log Z.

        Source: :eq:`dbm-bound`. No draws are needed, since the energy is linear in every unit. Its
        gradient is minus the data term of :eq:`dbm-gradient`, once mean field has converged.
        """
        check_binary(x, event=(self.sizes[0],), like=self)
        (even, odd), rbm = self.folded_mean_field(x), self.machine
        energy = -(even @ rbm.b) - odd @ rbm.c - ((even @ rbm.W) * odd).sum(-1)
        mu = torch.cat([even, odd], dim=-1)  # v has no entropy: it is 0 or 1
        entropy: Tensor = torch.special.entr(mu) + torch.special.entr(1 - mu)
        return energy - entropy.sum(-1)

    def unnormalised_log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log w with E w = Z p(v), (B, D) -> (B,), nats; no looser than mean field.

        Draws the even hidden layers from q, once, and sums the odd ones out by formula:
        log w = -F(v, h², …) - log q(h², … | v). So E[log w] <= log p(v) + log Z, on average over
        `generator`, not for each draw. `ImportanceBound(dbm, R)` averages R weights.
        """
        check_generator(generator)
        check_binary(x, event=(self.sizes[0],), like=self)
        q = self.folded_mean_field(x)[0][:, self.sizes[0] :]
        h = torch.bernoulli(q, generator=generator)
        log_q = -binary_cross_entropy(q, h, reduction="none").sum(-1)
        return -self.machine.free_energy(torch.cat([x, h], dim=-1)) - log_q

    def log_z(self) -> Tensor:
        """Log Z, (), nats, exactly: the even or the odd layers are enumerated.

        Raises:
            ValueError: if both have more than 22 units.
        """
        return self.machine.log_z()

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator, steps: int = 1000) -> Tensor:
        """Draws v, (n, D): n chains of block Gibbs from fair coins, odd layers, then even ones.

        Only as good as the chains: too few steps, and the draws are not from the model.
        """
        check_draws(n, generator)
        check_counts(steps=steps)
        coins = torch.full_like(self.machine.b.expand(n, -1), 0.5)
        even = torch.bernoulli(coins, generator=generator)
        return gibbs(self.machine, even, steps, generator=generator)[:, : self.sizes[0]]

    @torch.no_grad()
    def folded_mean_field(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`mean_field` of the machine, unchecked: v, μ_2, μ_4, … side by side; μ_1, μ_3, …."""
        D, rbm = self.sizes[0], self.machine
        even = torch.cat([x, torch.full_like(rbm.b[D:].expand(len(x), -1), 0.5)], dim=-1)
        for _ in range(self.sweeps):
            odd = rbm.hidden_probs(even)
            even = torch.cat([x, rbm.visible_probs(odd)[:, D:]], dim=-1)
        return even, odd


def train_jointly(
    dbm: DBM,
    x: Tensor,
    *,
    negative: learning.Negative,
    epochs: int,
    batch_size: int,
    step_size: float,
    generator: Generator,
    last_step_size: float | None = None,
    average: float = 0.0,
    decay: float = 0.0,
    monitor: Callable[[DBM], T] | None = None,
) -> list[learning.Epoch[T]]:
    """Joint training of all layers, in place: mean field for the data term, chains for the model's.

    Source: :eq:`dbm-gradient`. It is `coursepkg.models.rbm.learning.train`, centred, of the machine
    between even and odd layers, whose unobserved units are filled in by `mean_field` at every step.

    Args:
        dbm: the deep machine.
        x: training examples, (N, D), zeros and ones.
        negative: the model term, `PersistentChains` (stochastic maximum likelihood) as a rule.
        epochs: passes over the data.
        batch_size: examples of a step.
        step_size: η of the first step.
        generator: orders the examples and moves the chains.
        last_step_size: η of the last step, reached linearly; default the same.
        average: decay of the running mean of the weights; 0 leaves the last weights.
        decay: weight decay.
        monitor: called after each epoch with the machine.

    Returns:
        One `Epoch` for each pass.
    """
    D = dbm.sizes[0]
    check_binary(x, event=(D,))
    unobserved = torch.zeros_like(dbm.machine.b[D:]).expand(len(x), -1)
    return learning.train(
        dbm.machine, torch.cat([x, unobserved], dim=-1), negative=negative, epochs=epochs,
        batch_size=batch_size, step_size=step_size, last_step_size=last_step_size, average=average,
        decay=decay, generator=generator,
        complete=lambda even: dbm.folded_mean_field(even[:, :D])[0],
        monitor=None if monitor is None else lambda _: monitor(dbm),
    )  # fmt: skip


@torch.no_grad()
def pretrain(
    dbm: DBM, x: Tensor, *, epochs: int, batch_size: int, step_size: float, generator: Generator
) -> None:
    """Greedy layerwise start for `train_jointly`, in place: each layer's machine by CD-1.

    A layer between two others hears both. Alone with the one below, it counts that input twice, in
    place of the other; likewise alone with the one above. So machine l is one in which layer l - 1
    occurs in two copies if l < L, and layer l in two if l > 1. Each machine has its own bias for
    the layer that two of them share; the deep machine gets the mean, and with it, if L = 2, the
    geometric mean of their two laws.
    Source: :eq:`dbm-pretraining`.
    """
    check_generator(generator)
    check_binary(x, event=(dbm.sizes[0],))
    check_counts(epochs=epochs, batch_size=batch_size)
    check_positive(step_size=step_size)
    L = len(dbm.weights)
    for bias in dbm.biases:
        bias.zero_()
    for l, W in enumerate(dbm.weights, start=1):
        below, above = 1 + (l < L), 1 + (l > 1)  # copies of the layers l - 1 and l
        b, c = x.mean(0).clamp(0.01, 0.99).logit(), torch.zeros_like(W[0])
        for _ in range(epochs):
            order = torch.randperm(len(x), generator=generator, device=x.device)
            for v in x[order].split(batch_size):
                g = contrast(W, b, c, v, below=below, above=above, generator=generator)
                for value, slope in zip((W, b, c), g, strict=True):
                    value.add_(slope, alpha=step_size)
        dbm.biases[l - 1].add_(b / above)
        dbm.biases[l].add_(c / below)
        x = torch.bernoulli(torch.sigmoid(c + below * x @ W), generator=generator)


def contrast(
    W: Tensor, b: Tensor, c: Tensor, v: Tensor, *, below: int, above: int, generator: Generator
) -> Statistics:
    """The CD-1 step of a machine whose layers occur in copies with the same weights.

    Source: :eq:`rbm-cd`, with fields that count every copy. One draw stands for all copies of a
    layer.

    Args:
        W: weights (D, M) of each copy of v with each copy of h.
        b: visible biases, (D,).
        c: hidden biases, (M,).
        v: data, (B, D).
        below: copies of v.
        above: copies of h.
        generator: the only source of randomness.
    """
    check_generator(generator)
    p_h = torch.sigmoid(c + below * v @ W)
    h = torch.bernoulli(p_h, generator=generator)
    v_1 = torch.bernoulli(torch.sigmoid(b + above * h @ W.T), generator=generator)
    p_1 = torch.sigmoid(c + below * v_1 @ W)
    return Statistics((v.T @ p_h - v_1.T @ p_1) / len(v), (v - v_1).mean(0), (p_h - p_1).mean(0))

r"""Deep belief networks: machines of two layers, trained one on top of the other.

The top two layers are a restricted Boltzmann machine, the layers below hang from it by directed
links: :math:`p(v, h^1, \dots, h^L) = p(v \mid h^1) \cdots p(h^{L-2} \mid h^{L-1}) \,
p(h^{L-1}, h^L)`. Machine k links the layers k - 1 and k (layer 0 is v). It lends the network its
conditional :math:`p(h^{k-1} \mid h^k)`, and the recognition model its other one,
:math:`q(h^k \mid h^{k-1})`.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws
from coursepkg.enumeration import Unnormalised
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.harmonium import Harmonium
from coursepkg.models.rbm.learning import gibbs
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded


class DBN(Unnormalised):
    r"""Deep belief network of L machines, the last one undirected.   Source: :eq:`dbn-joint`.

    Says: `unnormalised_log_weight`, whose mean bounds log p(v) up to the log Z of the *top machine*
    (≈). If that machine has a layer of 22 units or fewer, `log_z` is exact and
    `NormalisedBound(dbn)` says `log_weight` (≤). With one machine the network is that machine and
    the bound is exact.

    Args:
        machines: from the bottom up; the hidden units of each are the visible ones of the next, so
            all but the first are `RBM`. The first may be a `GaussianRBM`: then v is real, and given
            h^1 it is normal (:eq:`dbn-gaussian`).

    Raises:
        ValueError: if neighbouring machines do not fit.
    """

    def __init__(self, machines: Sequence[Harmonium]) -> None:
        super().__init__()
        if len(machines) == 0:
            raise ValueError("machines: expected at least one, got none")
        for k, (below, above) in enumerate(pairwise(machines), start=2):
            if not isinstance(above, RBM) or len(above.b) != len(below.c):
                raise ValueError(
                    f"machines: expected number {k} to be an RBM with {len(below.c)} visible units,"
                    f" the hidden ones of the machine below, got {type(above).__name__} with "
                    f"{len(above.b)}"
                )
        self.machines = nn.ModuleList(machines)

    @property
    def _machines(self) -> list[Harmonium]:
        return list(self.machines)  # type: ignore[arg-type]

    def unnormalised_log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        r"""log w with E w = Z p(v), Z that of the top machine: (B, D) -> (B,), nats.

        With G_k the free energy of machine k's hidden units, F_k that of its visible ones, and
        layers drawn upwards from q, once,

        .. math:: \log w = -F_1(v) + \sum_{k<L} G_k(h^k) - F_{k+1}(h^k),
            \qquad \log p(v) + \log Z_L \ge \mathrm{E}_q[\log w] .

        Source: :eq:`dbn-bound`. The bound holds on average over `generator`, not for each draw.
        `ImportanceBound(dbn, R)` averages R weights, which tightens it.
        """
        log_w = -self._machines[0].free_energy(x)
        for below, above in pairwise(self._machines):
            x = below.sample_hidden(x, generator=generator)
            log_w = log_w + below.hidden_free_energy(x) - above.free_energy(x)
        return log_w

    def log_z(self) -> Tensor:
        """Log Z of the top machine, (), nats, exactly: the only constant that the network lacks.

        Raises:
            ValueError: if the smaller of its layers has more than 22 units.
        """
        return self._machines[-1].log_z()

    @torch.no_grad()
    def upward(self, x: Tensor, *, generator: Generator) -> list[Tensor]:
        """Draws h^1, …, h^L from the recognition model, (B, D) -> L tensors (B, M_k).

        Source: :eq:`dbn-conditionals`, read upwards.
        """
        layers = []
        self._machines[0].check_visible(x)
        for machine in self._machines:
            x = machine.sample_hidden(x, generator=generator)
            layers.append(x)
        return layers

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator, steps: int = 1000) -> Tensor:
        """Draws v, (n, D): n chains of the top machine, then one pass down.

        Source: :eq:`dbn-conditionals`. Only as good as the chains, which start from fair coins: too
        few steps, and the draws are not from the model.

        Args:
            n: number of draws, each from its own chain.
            generator: the only source of randomness.
            steps: steps of block Gibbs in the top machine.
        """
        check_draws(n, generator)
        check_counts(steps=steps)
        *directed, top = self._machines
        coins = torch.full_like(top.b.expand(n, -1), 0.5)
        v = gibbs(top, torch.bernoulli(coins, generator=generator), steps, generator=generator)
        for machine in reversed(directed):
            v = machine.sample_visible(v, generator=generator)
        return v


def greedy(
    machines: Sequence[Harmonium],
    x: Tensor,
    *,
    train: Callable[[Harmonium, Tensor], object],
    generator: Generator,
) -> DBN:
    """Trains the machines one after the other, each on the hidden units of the one below.

    Source: :eq:`dbn-greedy`.

    Args:
        machines: from the bottom up, trained in place.
        x: training examples, (N, D).
        train: called as ``train(machine, x)``, with binary x from the second machine on; a
            ``partial`` of `coursepkg.models.rbm.learning.train`, say.
        generator: draws the hidden units that the next machine sees.

    Returns:
        The network of these machines.
    """
    for machine in machines:
        train(machine, x)
        x = machine.sample_hidden(x, generator=generator)
    return DBN(machines)


def transposed(machine: RBM) -> RBM:
    """The same machine upside down: its hidden units are visible, and the other way round.

    As the next layer's start it makes the bound of :eq:`dbn-greedy` an equality.
    """
    mask = None if machine.mask is None else machine.mask.T
    return rbm_of(machine.W.T, machine.c, machine.b, mask=mask)


def rbm_of(W: Tensor, b: Tensor, c: Tensor, *, mask: Tensor | None = None) -> RBM:
    """A machine that holds copies of the given W (D, M), b (D,) and c (M,)."""
    D, M = W.shape
    rbm = RBM(D, M, generator=seeded(0, device=W.device), mask=mask).to(W)
    with torch.no_grad():
        for parameter, value in ((rbm.W, W), (rbm.b, b), (rbm.c, c)):
            parameter.copy_(value)
    return rbm


def classifier(dbn: DBN, classes: int, *, generator: Generator) -> MLP:
    """The perceptron that the network's upward pass is, with a new output layer: D -> M_1 … -> K.

    Layer k computes σ(c_k + h W_k), the mean of q(h^k | h^(k-1)) if its input were binary; training
    then fine-tunes all weights.

    Args:
        dbn: where W_k and c_k come from; copied.
        classes: number of outputs K.
        generator: draws the weights of the output layer.
    """
    machines = dbn._machines
    D, sizes = len(machines[0].b), [len(machine.c) for machine in machines]
    mlp = MLP([D, *sizes, classes], activation=torch.sigmoid, generator=generator)
    with torch.no_grad():
        for layer, machine in zip(mlp.layers, machines, strict=False):  # not the last layer
            layer.weight.copy_(machine.W.T)  # type: ignore[operator]
            layer.bias.copy_(machine.c)  # type: ignore[operator]
    return mlp.to(machines[0].W)

"""From independent pixels to an RBM: the annealing path on which its log Z is estimated."""

import math

import torch
from torch import Generator, Tensor
from torch.nn.functional import softplus

from coursepkg.counts import check_draws
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.harmonium import draw_bits
from coursepkg.validate import check_methods, check_weights


class RBMPath:
    r"""p_β(v) between independent units of given rates (β = 0) and the machine (β = 1).

    :math:`\log \tilde p_\beta(v) = (1 - \beta)\, a^\top v + \beta\, b^\top v +
    \sum_j \log(1 + e^{\beta (c_j + \sum_i v_i W_{ij})})`: the machine with weights βW, βc and
    biases (1 - β)a + βb. Source: :eq:`rbm-ais-path`. Implements `coursepkg.samplers.annealed.Path`.

    A step goes from v to h and back to v at β, which is reversible.

    Args:
        rbm: the machine at β = 1.
        rates: P(v_i = 1) at β = 0, (D,), strictly between 0 and 1; default 1/2. The smoothed
            mean of the training data is the usual choice.

    Raises:
        ValueError: if a rate is not strictly between 0 and 1, or a weight is not finite.
    """

    def __init__(self, rbm: RBM, rates: Tensor | None = None) -> None:
        check_methods(rbm, "free_energy", name="rbm")
        check_weights(rbm)
        rates = torch.full_like(rbm.b, 0.5) if rates is None else rates
        if rates.shape != rbm.b.shape or not ((rates > 0) & (rates < 1)).all():
            raise ValueError(
                f"rates: expected {tuple(rbm.b.shape)} strictly between 0 and 1, got "
                f"{tuple(rates.shape)} from {rates.min().item():.4g} to {rates.max().item():.4g}"
            )
        self.rbm, self.rates = rbm, rates
        self.a = rates.logit()

    def log_z0(self) -> Tensor:
        """Σ_i log(1 + e^a_i) + M log 2: at β = 0 each hidden unit is a fair coin."""
        return softplus(self.a).sum() + len(self.rbm.c) * math.log(2)

    def start(self, n: int, *, generator: Generator) -> Tensor:
        """Draws n independent v at β = 0, (n, D)."""
        check_draws(n, generator)
        return torch.bernoulli(self.rates.expand(n, -1), generator=generator)

    @torch.no_grad()
    def log_density(self, x: Tensor, beta: float) -> Tensor:
        """log p̃_β(v), (C, D) -> (C,), nats. Source: :eq:`rbm-ais-path`."""
        field = beta * (self.rbm.c + x @ self.rbm.W)
        return x @ torch.lerp(self.a, self.rbm.b, beta) + softplus(field).sum(-1)

    @torch.no_grad()
    def step(self, x: Tensor, beta: float, *, generator: Generator) -> Tensor:
        """Moves every chain once by block Gibbs at β, (C, D) -> (C, D)."""
        p_h = torch.sigmoid(beta * (self.rbm.c + x @ self.rbm.W))
        h = draw_bits(p_h, generator=generator)
        bias = torch.lerp(self.a, self.rbm.b, beta)
        p_v = torch.sigmoid(bias + beta * (h @ self.rbm.W.T))
        return draw_bits(p_v, generator=generator)

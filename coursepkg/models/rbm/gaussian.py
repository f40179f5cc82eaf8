"""The machine with real visible units: given the hidden ones they are independent normals."""

import math

import torch
from torch import Generator, Tensor
from torch.nn.functional import softplus

from coursepkg.counts import check_generator, check_integers
from coursepkg.enumeration import log_sum_exp
from coursepkg.models.rbm.harmonium import Harmonium, draw_bits
from coursepkg.validate import check_binary, check_positive, check_real, check_weights


class GaussianRBM(Harmonium):
    r"""D real visible and M hidden units of 0 or 1: a mixture of 2^M normals that share parts.

    :math:`p(v, h) = e^{-E(v, h)} / Z` with
    :math:`E(v, h) = |v|^2 / 2\sigma^2 - b^\top v - c^\top h - v^\top W h`.
    Source: :eq:`rbm-gaussian-energy`. So v given h is :math:`N(\sigma^2 (b + W h), \sigma^2 I)`:
    each hidden unit that is on moves the mean by one column of σ²W.

    Says: `free_energy`, so log p(v) up to log Z (≈); `log_z` is exact for up to 22 hidden units,
    and then `Normalised` says `log_prob` (=).

    Args:
        visible: number of visible units D.
        hidden: number of hidden units M.
        sigma: σ > 0, the standard deviation of v_i given h; fixed.
        generator: draws the weights, normal with standard deviation `scale`; biases start at 0.
        scale: standard deviation of the first weights.
        mask: links that exist, (D, M) of zeros and ones; default all.
    """

    def __init__(
        self, visible: int, hidden: int, *, generator: Generator, sigma: float = 1.0,
        scale: float = 0.01, mask: Tensor | None = None,
    ) -> None:  # fmt: skip
        check_integers(visible=visible, hidden=hidden)
        super().__init__(visible, hidden, generator=generator, scale=scale, mask=mask)
        check_positive(sigma=sigma)
        self.sigma = sigma

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h), (B, D) and (B, M) -> (B,). Source: :eq:`rbm-gaussian-energy`."""
        self.check_visible(v, name="v")
        check_binary(h, event=self.c.shape, name="h", like=self)
        square = v.square().sum(-1) / (2 * self.sigma**2)
        return square - v @ self.b - h @ self.c - ((v @ self.W) * h).sum(-1)

    def free_energy(self, x: Tensor) -> Tensor:
        """F(v) = -log Σ_h exp(-E(v, h)), (B, D) -> (B,), nats."""
        self.check_visible(x)
        square = x.square().sum(-1) / (2 * self.sigma**2)
        return square - x @ self.b - softplus(self.c + x @ self.W).sum(-1)

    def hidden_free_energy(self, h: Tensor) -> Tensor:
        """-log ∫ exp(-E(v, h)) dv, (B, M) -> (B,), nats."""
        variance, natural = self.sigma**2, self.b + h @ self.W.T
        volume = len(self.b) / 2 * math.log(2 * math.pi * variance)
        return -(h @ self.c) - variance / 2 * natural.square().sum(-1) - volume

    def hidden_probs(self, v: Tensor) -> Tensor:
        """P(h_j = 1 | v), (B, D) -> (B, M), as in the binary machine."""
        self.check_layer(v, self.b, "v")
        return torch.sigmoid(self.c + v @ self.W)

    def hidden_mean(self, v: Tensor) -> Tensor:
        """E[h | v], which is P(h_j = 1 | v), (B, D) -> (B, M)."""
        return self.hidden_probs(v)

    def visible_mean(self, h: Tensor) -> Tensor:
        """E[v | h] = σ²(b + Wh), (B, M) -> (B, D)."""
        self.check_layer(h, self.c, "h")
        return self.sigma**2 * (self.b + h @ self.W.T)

    @torch.no_grad()
    def sample_hidden(self, v: Tensor, *, generator: Generator) -> Tensor:
        """Draws h from p(h | v), (B, D) -> (B, M)."""
        return draw_bits(self.hidden_probs(v), generator=generator)

    @torch.no_grad()
    def sample_visible(self, h: Tensor, *, generator: Generator) -> Tensor:
        """Draws v from p(v | h), (B, M) -> (B, D)."""
        check_generator(generator)
        mean = self.visible_mean(h)
        return mean + self.sigma * torch.randn_like(mean, generator=generator)

    def log_z(self) -> Tensor:
        """Log Z, (), nats, exactly: v integrated by formula, h enumerated. O(2^M D M).

        Source: :eq:`rbm-gaussian-log-z`.

        Raises:
            ValueError: if there are more than 22 hidden units, or a weight is not finite.
        """
        check_weights(self)
        return log_sum_exp(lambda h: -self.hidden_free_energy(h), len(self.c), like=self.W)

    def check_visible(self, v: Tensor, *, name: str = "x") -> None:
        """Checks that v is a batch (B, D) of finite real numbers."""
        check_real(v, event=self.b.shape, name=name, like=self)

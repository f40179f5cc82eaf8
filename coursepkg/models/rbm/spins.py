"""The restricted Boltzmann machine of spins, ±1, at an inverse temperature β, as physics has it."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_integers
from coursepkg.enumeration import log_sum_exp
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.harmonium import Harmonium, draw_bits
from coursepkg.validate import check_positive, check_real, check_weights


class SpinRBM(Harmonium):
    r"""D visible and M hidden units, all -1 or +1, at the inverse temperature β.

    :math:`p(v, h) = e^{-\beta E(v, h)} / Z` with
    :math:`E(v, h) = -b^\top v - c^\top h - v^\top W h`. Source: :eq:`rbm-spin-energy`. It is an
    `RBM` in other units: `to_binary` and `from_binary` translate.

    Says: `free_energy`, so log p(v) up to log Z (≈); `log_z` is exact for one layer of 20 units or
    so, and then `Normalised` says `log_prob` (=).

    Args:
        visible: number of visible units D.
        hidden: number of hidden units M.
        beta: inverse temperature β > 0; it scales all of E, and is not learned.
        generator: draws the weights, normal with standard deviation `scale`; biases start at 0.
        scale: standard deviation of the first weights.
        mask: links that exist, (D, M) of zeros and ones; default all.
    """

    def __init__(
        self, visible: int, hidden: int, *, generator: Generator, beta: float = 1.0,
        scale: float = 0.01, mask: Tensor | None = None,
    ) -> None:  # fmt: skip
        check_integers(visible=visible, hidden=hidden)
        super().__init__(visible, hidden, generator=generator, scale=scale, mask=mask)
        check_positive(beta=beta)
        self.beta = beta

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h), without β, (B, D) and (B, M) -> (B,). Source: :eq:`rbm-spin-energy`."""
        self.check_visible(v, name="v")
        check_spins(h, event=self.c.shape, name="h", like=self)
        return -(v @ self.b) - h @ self.c - ((v @ self.W) * h).sum(-1)

    def free_energy(self, x: Tensor) -> Tensor:
        """-log Σ_h exp(-β E(v, h)), (B, D) -> (B,), nats: β times the F of physics.

        Each hidden unit gives log 2 cosh β(c_j + Σ_i v_i W_ij).
        """
        self.check_visible(x)
        return self._free_energy(x)

    def hidden_free_energy(self, h: Tensor) -> Tensor:
        """-log Σ_v exp(-β E(v, h)), (B, M) -> (B,), nats: the same with the layers exchanged."""
        return -self.beta * (h @ self.c) - log_2_cosh(self.beta * (self.b + h @ self.W.T)).sum(-1)

    def hidden_probs(self, v: Tensor) -> Tensor:
        """P(h_j = +1 | v) = σ(2β(c_j + Σ_i v_i W_ij)), (B, D) -> (B, M)."""
        self.check_layer(v, self.b, "v")
        return torch.sigmoid(2 * self.beta * (self.c + v @ self.W))

    def visible_probs(self, h: Tensor) -> Tensor:
        """P(v_i = +1 | h) = σ(2β(b_i + Σ_j W_ij h_j)), (B, M) -> (B, D)."""
        self.check_layer(h, self.c, "h")
        return torch.sigmoid(2 * self.beta * (self.b + h @ self.W.T))

    def hidden_mean(self, v: Tensor) -> Tensor:
        """E[h | v] = tanh β(c + vW), (B, D) -> (B, M)."""
        self.check_layer(v, self.b, "v")
        return torch.tanh(self.beta * (self.c + v @ self.W))

    def visible_mean(self, h: Tensor) -> Tensor:
        """E[v | h] = tanh β(b + hWᵀ), (B, M) -> (B, D)."""
        self.check_layer(h, self.c, "h")
        return torch.tanh(self.beta * (self.b + h @ self.W.T))

    @torch.no_grad()
    def sample_hidden(self, v: Tensor, *, generator: Generator) -> Tensor:
        """Draws h from p(h | v), (B, D) -> (B, M)."""
        return 2 * draw_bits(self.hidden_probs(v), generator=generator) - 1

    @torch.no_grad()
    def sample_visible(self, h: Tensor, *, generator: Generator) -> Tensor:
        """Draws v from p(v | h), (B, M) -> (B, D)."""
        return 2 * draw_bits(self.visible_probs(h), generator=generator) - 1

    def log_z(self) -> Tensor:
        """Log Z, (), nats, exactly, O(2^min(D, M) D M).

        Raises:
            ValueError: if the smaller layer has more than 22 units, or a weight is not finite.
        """
        check_weights(self)
        D, M = self.W.shape
        if M <= D:
            return log_sum_exp(lambda s: -self.hidden_free_energy(2 * s - 1), M, like=self.W)
        return log_sum_exp(lambda s: -self._free_energy(2 * s - 1), D, like=self.W)

    def check_visible(self, v: Tensor, *, name: str = "x") -> None:
        """Checks that v is a batch (B, D) of -1 and +1."""
        check_spins(v, event=self.b.shape, name=name, like=self)

    @torch.no_grad()
    def to_binary(self) -> RBM:
        """The same law over (v + 1)/2 and (h + 1)/2.   Source: :eq:`rbm-spin-link`."""
        rbm = RBM(*self.W.shape, generator=torch.Generator(self.W.device)).to(self.W)
        rbm.W.copy_(4 * self.beta * self.W)
        rbm.b.copy_(2 * self.beta * (self.b - self.W.sum(1)))
        rbm.c.copy_(2 * self.beta * (self.c - self.W.sum(0)))
        return rbm

    @classmethod
    @torch.no_grad()
    def from_binary(cls, rbm: RBM, *, beta: float = 1.0) -> "SpinRBM":
        """The same law over 2v - 1 and 2h - 1.   Source: :eq:`rbm-spin-link`."""
        spin = cls(*rbm.W.shape, generator=torch.Generator(rbm.W.device), beta=beta).to(rbm.W)
        spin.W.copy_(rbm.W / (4 * beta))
        spin.b.copy_((rbm.b + rbm.W.sum(1) / 2) / (2 * beta))
        spin.c.copy_((rbm.c + rbm.W.sum(0) / 2) / (2 * beta))
        return spin

    def _free_energy(self, v: Tensor) -> Tensor:
        return -self.beta * (v @ self.b) - log_2_cosh(self.beta * (self.c + v @ self.W)).sum(-1)

    def _hidden_states(self) -> Tensor:
        return 2 * super()._hidden_states() - 1


def log_2_cosh(x: Tensor) -> Tensor:
    """log(e^x + e^-x), which cosh alone would overflow."""
    return torch.logaddexp(x, -x)


def check_spins(
    x: Tensor, *, event: tuple[int, ...], name: str = "x", like: nn.Module | None = None
) -> None:
    """Checks that x holds a non-empty batch of -1 and +1, as real numbers.

    Raises:
        TypeError: if x is not a floating-point tensor.
        ValueError: if the shape is wrong or an entry is neither -1 nor +1.
    """
    check_real(x, event=event, name=name, like=like)
    if (other := x.abs() != 1).any():
        raise ValueError(
            f"{name}: expected -1 and +1, got {int(other.sum())} others, such as "
            f"{x[other][0].item():.4g}"
        )

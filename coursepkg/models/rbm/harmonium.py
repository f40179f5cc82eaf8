"""What the machines of two layers share: parameters, sufficient statistics, and exact draws."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws, check_generator, check_integers, check_numbers
from coursepkg.enumeration import CHUNK, Unnormalised, binary_states
from coursepkg.validate import check_binary, check_floating, check_like, check_weights


def draw_bits(p: Tensor, *, generator: Generator) -> Tensor:
    """Zeros and ones, each 1 with its probability in p; twice as fast as `torch.bernoulli`."""
    check_generator(generator)
    return torch.rand_like(p, generator=generator).lt_(p)


class Statistics(NamedTuple):
    """One number for each parameter: a gradient of log p(v), or one of its two terms."""

    W: Tensor  # (D, M)
    b: Tensor  # (D,)
    c: Tensor  # (M,)


class Harmonium(Unnormalised, ABC):
    r"""D visible and M hidden units, linked across the layers only; abstract.

    A subclass says which values the units take, and so which laws :math:`p(v \mid h)` and
    :math:`p(h \mid v)` are. In all of them the energy holds
    :math:`-b^\top v - c^\top h - v^\top W h`, so that they learn alike.

    Args:
        visible: number of visible units D.
        hidden: number of hidden units M.
        generator: draws the weights, normal with standard deviation `scale`; biases start at 0.
        scale: standard deviation of the first weights.
        mask: links that exist, (D, M) of zeros and ones; default all.
    """

    beta: float = 1.0  # inverse temperature
    mask: Tensor | None

    def __init__(
        self, visible: int, hidden: int, *, generator: Generator, scale: float = 0.01,
        mask: Tensor | None = None,
    ) -> None:  # fmt: skip
        check_integers(visible=visible, hidden=hidden)
        check_generator(generator)
        super().__init__()
        check_numbers(scale=scale)
        if visible < 1 or hidden < 1 or not scale >= 0:
            raise ValueError(
                "expected visible >= 1, hidden >= 1 and scale >= 0, got "
                f"{visible}, {hidden}, {scale}"
            )
        device = generator.device
        W = scale * torch.randn(visible, hidden, generator=generator, device=device)
        if mask is not None:
            check_binary(mask, event=(hidden,), name="mask")
            if len(mask) != visible:
                raise ValueError(f"mask: expected ({visible}, {hidden}), got {tuple(mask.shape)}")
            W = W * mask
        self.W = nn.Parameter(W)
        self.b = nn.Parameter(torch.zeros(visible, device=device))
        self.c = nn.Parameter(torch.zeros(hidden, device=device))
        self.register_buffer("mask", mask)

    @abstractmethod
    def free_energy(self, x: Tensor) -> Tensor:
        """Maps (B, D) to (B,), nats: log p(v) = -free_energy(v) - log Z."""

    @abstractmethod
    def log_z(self) -> Tensor:
        """The exact log Z, (), nats, by enumeration."""

    @abstractmethod
    def hidden_mean(self, v: Tensor) -> Tensor:
        """E[h | v], (B, D) -> (B, M)."""

    @abstractmethod
    def visible_mean(self, h: Tensor) -> Tensor:
        """E[v | h], (B, M) -> (B, D)."""

    @abstractmethod
    def sample_hidden(self, v: Tensor, *, generator: Generator) -> Tensor:
        """Draws h from p(h | v), (B, D) -> (B, M)."""

    @abstractmethod
    def sample_visible(self, h: Tensor, *, generator: Generator) -> Tensor:
        """Draws v from p(v | h), (B, M) -> (B, D)."""

    @abstractmethod
    def hidden_free_energy(self, h: Tensor) -> Tensor:
        """-log of the unnormalised mass of all v with this h, (B, M) -> (B,), nats; unchecked."""

    @abstractmethod
    def check_visible(self, v: Tensor, *, name: str = "x") -> None:
        """Checks that v is a batch (B, D) of values that the visible units can take."""

    def check_layer(self, units: Tensor, bias: Tensor, name: str) -> None:
        """Checks that a layer is real, of the machine's precision, and has a number for each unit.

        Raises:
            TypeError: if it is no floating-point tensor of this precision.
            ValueError: if the last axis has another size.
        """
        check_floating(units, name)
        check_like(units, self, name=name)
        if units.shape[-1:] != bias.shape:
            raise ValueError(f"{name}: expected (..., {len(bias)}), got {tuple(units.shape)}")

    @torch.no_grad()
    def statistics(self, v: Tensor) -> Statistics:
        """∂/∂θ of log Σ_h exp(-β E(v, h)), averaged over the rows of v, (B, D).

        By rows: β v E[h | v]ᵀ, β v and β E[h | v]. Source: :eq:`rbm-gradient`, either term.
        """
        h, scale = self.hidden_mean(v), self.beta / len(v)
        return Statistics(scale * (v.T @ h), scale * v.sum(0), scale * h.sum(0))

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws n independent v, (n, D), exactly: h from its enumerated law, then v given h.

        A chain (`BlockGibbs`) does this approximately for machines of any size.

        Raises:
            ValueError: if there are more than 22 hidden units, or a weight is not finite.
        """
        check_draws(n, generator)
        check_weights(self)
        h = self._hidden_states()
        log_p = -torch.cat([self.hidden_free_energy(part) for part in h.split(CHUNK)])
        p = torch.softmax(log_p.double(), dim=0)
        row = torch.multinomial(p, n, replacement=True, generator=generator)
        return self.sample_visible(h[row], generator=generator)

    def _hidden_states(self) -> Tensor:
        return binary_states(len(self.c), like=self.W)

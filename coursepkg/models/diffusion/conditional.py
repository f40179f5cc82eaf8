"""Diffusion given a condition, which it may forget: one network with and without."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws, check_generator, check_numbers
from coursepkg.models.diffusion.denoisers import like_of
from coursepkg.validate import check_methods, check_real, check_tensor, count_rows


class ToldNet(nn.Module):
    """A network of z, λ and a condition, with the condition filled in.

    Args:
        net: maps z (B, D), log-SNRs (B,) and conditions (B, E) to what a denoiser wants.
        condition: (B, E), or (E,) for all.
    """

    def __init__(self, net: nn.Module, condition: Tensor) -> None:
        check_methods(net, "__call__", name="net")
        check_tensor(condition, "condition")
        super().__init__()
        self.net, self.condition = net, condition

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """Maps z (B, D) and log-SNRs (B,)."""
        result: Tensor = self.net(z, log_snr, self.condition.expand(len(z), -1))
        return result


class ConditionalDiffusion(nn.Module):
    """p(x | c): a diffusion whose network is told c, a vector of E numbers.

    In training it is told nothing, which is all zeros, of a share of the examples, so that the same
    network also says what is true without c: what guidance compares. Ho and Salimans,
    *Classifier-free diffusion guidance* (2022).

    Says: `elbo`, a bound (≤), if the network is in eval mode.

    Args:
        net: maps z (B, D), log-SNRs (B,) and conditions (B, E) to what a denoiser wants.
        around: makes a diffusion, such as `ContinuousDiffusion`, of a network of z and λ alone.
        conditions: size E of a condition.
        forget: of which share of the examples the condition is kept back in training, [0, 1).

    Raises:
        ValueError: if `conditions` or `forget` is impossible.
    """

    def __init__(
        self, net: nn.Module, around: Callable[[nn.Module], Any], *, conditions: int,
        forget: float = 0.0,
    ) -> None:  # fmt: skip
        check_methods(net, "__call__", name="net")
        super().__init__()
        check_counts(conditions=conditions)
        check_numbers(forget=forget)
        if not 0 <= forget < 1:
            raise ValueError(f"forget: expected a share in [0, 1), got {forget}")
        self.net, self.around = net, around
        self.conditions, self.forget = conditions, forget
        self.train(net.training)

    def given(self, condition: Tensor) -> Any:
        """The diffusion of x given one condition for each example (B, E), or for all (E,).

        Raises:
            TypeError: if the conditions are no real numbers: labels want `one_hot` first.
            ValueError: if the conditions have another size, or are not finite.
        """
        condition = self._checked(condition)
        made = self.around(ToldNet(self.net, condition)).to(like_of(self.net))
        return made.train(self.net.training)

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """The diffusion's own, with a share of the conditions forgotten; (B, D), (B, E) -> (B,)."""
        check_generator(generator)
        condition = self._checked(condition, n=count_rows(x))
        if self.training and self.forget:
            u = torch.rand(len(condition), 1, generator=generator, device=condition.device)
            condition = torch.where(u < self.forget, torch.zeros_like(condition), condition)
        loss: Tensor = self.given(condition).loss(x, generator=generator)
        return loss

    def elbo(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """A bound on log p(x | c), (B, D) and (B, E) -> (B,), nats."""
        condition = self._checked(condition, n=count_rows(x))
        elbo: Tensor = self.given(condition).elbo(x, generator=generator)
        return elbo

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """Draws x given each condition, (n, E) -> (n, D)."""
        check_draws(n, generator)
        x: Tensor = self.given(self._checked(condition, n=n)).sample(n, generator=generator)
        return x

    def _checked(self, condition: Tensor, *, n: int | None = None) -> Tensor:
        """Conditions in the network's type; with n they are (n, E)."""
        count_rows(condition, name="condition")
        rows = condition if condition.ndim == 2 else condition[None]
        check_real(rows, event=(self.conditions,), name="condition")
        if n is None:
            return condition.to(like_of(self.net))
        if len(rows) != n and condition.ndim == 2:
            raise ValueError(f"condition: expected {n} rows, got {len(rows)}")
        return rows.to(like_of(self.net)).expand(n, -1)

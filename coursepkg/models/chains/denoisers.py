"""Denoisers of levels: laws p(x | x̃) of the example, given what a corruption left of it.

A network maps x̃, levels (B, D) that may include an extra one for "missing", to logits. Either of
all K^D states together, which is any law there is, or pixel by pixel, which is cheap and says that
pixels are independent once x̃ is known.
"""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws
from coursepkg.enumeration import table_states
from coursepkg.models.chains.corruption import PixelCorruption
from coursepkg.validate import check_levels, check_methods, count_rows


class JointDenoiser(nn.Module):
    """p(x | x̃), any law over all K^D states.   Says: `log_prob`, exact (=).

    Args:
        net: maps x̃ (B, D) to logits (B, K^D), states in the order of `table_states`.
        dim: number of variables D.
        levels: number of levels K.

    Raises:
        ValueError: if there are too many states to enumerate.
    """

    states: Tensor

    def __init__(self, net: nn.Module, *, dim: int, levels: int) -> None:
        check_methods(net, "__call__", name="net")
        check_counts(dim=dim, levels=levels)
        super().__init__()
        self.net, self.dim, self.levels = net, dim, levels
        self.register_buffer("states", table_states([levels] * dim))

    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        """log p(x | x̃), x and x̃ (B, D) -> (B,), nats."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        place = self.levels ** torch.arange(self.dim - 1, -1, -1, device=x.device)
        self._check(condition, len(x))
        log_p: Tensor = self.net(condition).log_softmax(-1)
        return log_p.gather(1, (x.long() * place).sum(1, keepdim=True)).squeeze(1)

    @torch.no_grad()
    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """One x for each x̃, (n, D) -> (n, D)."""
        check_draws(n, generator)
        self._check(condition, n)
        state = torch.multinomial(self.net(condition).softmax(-1), 1, generator=generator)
        return self.states[state.squeeze(1)]

    def _check(self, condition: Tensor, n: int) -> None:
        check_levels(condition, event=(self.dim,), levels=self.levels + 1, name="condition")
        _check_rows(condition, n)


class PixelDenoiser(nn.Module):
    """p(x | x̃) = Π_d p(x_d | x̃), p(x_d | x̃) ∝ C(x̃_d | x_d) exp(net_d).   Says: `log_prob` (=).

    Source: :eq:`pixel-denoiser`. What the pixel itself tells of x_d is known; the network learns
    what the others tell. Where several pixels are unknown at once the truth ties them together, and
    this law does not: the chain then keeps the wrong law.

    Args:
        net: maps x̃ (B, D) to logits (B, D K), pixel by pixel.
        dim: number of variables D.
        corruption: of each variable by itself.
    """

    seen: Tensor

    def __init__(self, net: nn.Module, *, dim: int, corruption: PixelCorruption) -> None:
        check_methods(net, "__call__", name="net")
        check_counts(dim=dim)
        super().__init__()
        self.net, self.dim, self.levels = net, dim, corruption.levels
        self.register_buffer("seen", corruption.table().T)  # rows x̃_d

    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        """log p(x | x̃), x and x̃ (B, D) -> (B,), nats."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        _check_rows(condition, len(x))
        log_p = self.logits(condition).log_softmax(-1)
        return log_p.gather(-1, x.long()[..., None]).squeeze(-1).sum(-1)

    @torch.no_grad()
    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """One x for each x̃, (n, D) -> (n, D)."""
        check_draws(n, generator)
        _check_rows(condition, n)
        p = self.logits(condition).softmax(-1).view(-1, self.levels)
        return torch.multinomial(p, 1, generator=generator).view(n, self.dim)

    def mean(self, noisy: Tensor) -> Tensor:
        """E[x | x̃], (B, D) -> (B, D), real."""
        p = self.logits(noisy).softmax(-1)
        return p @ torch.arange(self.levels, device=p.device).to(p)

    def logits(self, noisy: Tensor) -> Tensor:
        """log C(x̃_d | x_d) + what the network says of each pixel, (B, D) -> (B, D, K)."""
        check_levels(noisy, event=(self.dim,), levels=len(self.seen), name="noisy")
        others: Tensor = self.net(noisy)
        return self.seen[noisy.long()] + others.view(len(noisy), self.dim, self.levels)


def _check_rows(condition: Tensor, n: int) -> None:
    if count_rows(condition, name="condition") != n:
        raise ValueError(f"condition: expected {n} rows, one an example, got {len(condition)}")

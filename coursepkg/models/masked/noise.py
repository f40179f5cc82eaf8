r"""Noise for symbols: each is kept with probability ᾱ_t, and else drawn from a law of rest π.

.. math:: q(z_t \mid x) = \bar\alpha_t [z_t = x] + (1 - \bar\alpha_t) \pi(z_t) ,

for every symbol by itself. π uniform scrambles; π all on an extra symbol, the mask, hides. Austin
et al., *Structured denoising diffusion models in discrete state-spaces* (2021).
"""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator
from coursepkg.validate import check_floating, check_levels, check_tensor


def kept_odds(share: Tensor) -> Tensor:
    """log(share / (1 - share)), cut off near 0 and 1, (B,) float64: what a network is told."""
    check_floating(share, "share")
    return share.double().logit(eps=1e-12)


def uniform_rest(levels: int) -> Tensor:
    """π of noise that scrambles, (K,), float64."""
    check_counts(levels=levels)
    return torch.full((levels,), 1 / levels, dtype=torch.float64)


def masked_rest(levels: int) -> Tensor:
    """π of noise that hides: all on the symbol K, (K + 1,), float64."""
    check_counts(levels=levels)
    return torch.cat([torch.zeros(levels), torch.ones(1)]).double()


class SymbolNoise(nn.Module):
    """A chain of T steps from symbols to rest, as matrices (S, S) whose rows are laws.

    Args:
        alpha_bar: ᾱ_1 > ... > ᾱ_T >= 0, shares that are kept, (T,).
        rest: π, (S,), a law of S symbols.

    Raises:
        ValueError: if the shares do not fall inside [0, 1), π is no law, or it hides symbols and
            some are still seen at the end, where the way back starts with none.
    """

    def __init__(self, alpha_bar: Tensor, rest: Tensor) -> None:
        check_tensor(alpha_bar, "alpha_bar")
        check_tensor(rest, "rest")
        super().__init__()
        with_start = torch.cat([torch.ones(1), alpha_bar.flatten()]).double()
        if alpha_bar.ndim != 1 or not len(alpha_bar) or not (with_start.diff() < 0).all():
            raise ValueError(
                "alpha_bar: expected (T,) falling numbers below 1, T >= 1, got "
                f"{tuple(alpha_bar.shape)} with {alpha_bar.flatten()[:5].tolist()}"
            )
        if rest.ndim != 1 or not (rest >= 0).all() or not abs(float(rest.sum()) - 1) <= 1e-6:
            raise ValueError(f"rest: expected a law (S,), got {rest.tolist()}")
        last = float(alpha_bar[-1])
        if last < 0 or (last > 0 and (rest == 0).any()):
            raise ValueError(
                f"alpha_bar: expected to end at 0, where none of x is left, got {last:.4g}"
            )
        self.alpha_bar: Tensor
        self.rest: Tensor
        self.register_buffer("alpha_bar", with_start, persistent=False)  # ᾱ_0 = 1 stands first
        self.register_buffer("rest", rest.double().clone(), persistent=False)

    @property
    def T(self) -> int:
        """Number of steps."""
        return len(self.alpha_bar) - 1

    def since_start(self, t: Tensor) -> Tensor:
        """q(z_t | x) of steps t (B,) from 0 to T, (B, S, S).   Source: :eq:`symbol-kernel`."""
        return self._matrix(self.alpha_bar[self._check(t, least=0)])

    def one_step(self, t: Tensor) -> Tensor:
        """q(z_t | z_{t-1}) of steps t (B,) from 1 to T, (B, S, S)."""
        t = self._check(t, least=1)
        return self._matrix(self.alpha_bar[t] / self.alpha_bar[t - 1])

    def forward(self, x: Tensor, t: Tensor, *, generator: Generator) -> Tensor:
        """Draws z_t given x: (B, D) and steps (B,) -> (B, D).

        Raises:
            ValueError: if a symbol is none of the chain's, or there is not one step for each row.
        """
        check_generator(generator)
        check_levels(x, levels=len(self.rest))
        if len(t) != len(x):
            raise ValueError(f"t: expected {len(x)} steps, one for each row of x, got {len(t)}")
        kept = self.alpha_bar[self._check(t, least=0)][:, None]
        u = torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float64)
        drawn = torch.multinomial(self.rest, x.numel(), replacement=True, generator=generator)
        return torch.where(u < kept, x, drawn.view_as(x))

    def posterior(self, z: Tensor, t: Tensor) -> Tensor:
        """q(z_{t-1} = s | z_t = z, x = k) for all k and s, (B, D), (B,) -> (B, D, S, S).

        Source: :eq:`symbol-posterior`. Rows k from which z cannot come are zeros.
        """
        here = self.one_step(t).transpose(1, 2)  # [z_t, z_{t-1}]
        each = torch.arange(len(z), device=z.device)[:, None]
        joint = self.since_start(t - 1)[:, None] * here[each, z][:, :, None]
        return joint / joint.sum(-1, keepdim=True).clamp_min(torch.finfo(joint.dtype).tiny)

    def _matrix(self, kept: Tensor) -> Tensor:
        """kept I + (1 - kept) 1 πᵀ, (B,) -> (B, S, S)."""
        kept = kept[:, None, None]
        return kept * torch.eye(len(self.rest)).to(self.rest) + (1 - kept) * self.rest

    def _check(self, t: Tensor, *, least: int) -> Tensor:
        check_tensor(t, "t")
        if t.is_floating_point() or t.ndim != 1 or not ((t >= least) & (t <= self.T)).all():
            raise ValueError(
                f"t: expected integers (B,) from {least} to {self.T}, got {tuple(t.shape)} such as "
                f"{t.flatten()[:5].tolist()}"
            )
        return t

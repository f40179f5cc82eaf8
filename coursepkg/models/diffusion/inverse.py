r"""Inverse problems: draws of x when only y = A x + τ n is seen, with a model of x at hand.

What guidance needs is ∇ log p(y | z), and p(y | z) = ∫ p(y | x) p(x | z) dx. If p(x | z) were
N(x̂, V), it would be N(y; A x̂, C) with C = τ² I + A V Aᵀ, and guidance is one step of a Kalman
filter, x̂ + V Aᵀ C⁻¹ (y - A x̂), with V = (σ² / α) ∂x̂/∂z by Tweedie's second formula. The functions
here differ in what they put for V inside C.
"""

import copy
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_numbers
from coursepkg.models.autoencoders.gaussian import standard_like
from coursepkg.models.diffusion.signal import signal_at
from coursepkg.models.diffusion.solvers import Guess, ancestral, check_rising
from coursepkg.models.mixtures.gaussian import GaussianMixture
from coursepkg.validate import check_mask, check_one, check_positive, check_real


@dataclass(frozen=True, eq=False)
class Measurement:
    """y = A x + τ n with n ~ N(0, I): a mask, a coarser picture, a blur.

    Args:
        A: (P, D), one row a number that is seen.
        noise: τ > 0.
    """

    A: Tensor
    noise: float

    def __post_init__(self) -> None:
        check_real(self.A, event=tuple(self.A.shape[1:]), name="A")
        if self.A.ndim != 2:
            raise ValueError(f"A: expected shape (P, D), got {tuple(self.A.shape)}")
        check_positive(noise=self.noise)

    def draw(self, x: Tensor, *, generator: Generator) -> Tensor:
        """y of each x, (B, D) -> (B, P)."""
        y = x @ self.A.to(x).T
        return y + self.noise * standard_like(y).draw(generator=generator)

    def covariance(self, V: Tensor) -> Tensor:
        """C = τ² I + A V Aᵀ, of y if x has the covariance V; (..., D, D) -> (..., P, P)."""
        A = self.A.to(V)
        return self.noise**2 * torch.eye(len(A)).to(V) + A @ V @ A.T

    def posterior(self, law: GaussianMixture, y: Tensor) -> GaussianMixture:
        """p(x | y) of x from a mixture: the mixture of its components' own; y (P,).

        Source: :eq:`mixture-posterior`.

        Raises:
            ValueError: if y has another size, or the noise is so little that C is singular.
        """
        check_one(y, event=(len(self.A),), name="y")
        A, root, means = self.A.double(), law.scale_tril.double(), law.means.double()
        S = root @ root.mT
        seen_root = self._root(self.covariance(S))
        gain = torch.cholesky_solve(A @ S, seen_root).mT  # S Aᵀ C⁻¹, (M, D, P)
        away = y.double() - means @ A.T  # (M, P)
        seen = torch.distributions.MultivariateNormal(torch.zeros_like(away), scale_tril=seen_root)
        found = copy.deepcopy(law)
        found.log_weights.copy_((law.log_weights + seen.log_prob(away)).log_softmax(0))
        found.means.copy_(means + (gain @ away[..., None])[..., 0])
        left = torch.eye(law.dim).to(S) - gain @ A
        covariance = (
            left @ S @ left.mT + self.noise**2 * gain @ gain.mT
        )  # positive, whatever rounds
        found.scale_tril.copy_(self._root(covariance))
        return found

    def _root(self, covariance: Tensor) -> Tensor:
        root: Tensor
        root, failed = torch.linalg.cholesky_ex(covariance)
        if failed.any():
            raise ValueError(f"noise: expected more of it, got {self.noise}: singular covariances")
        return root


def spread_guided(guess: Guess, measurement: Measurement, y: Tensor, *, spread: float) -> Guess:
    """Guidance as if x, given z, had the covariance V = `spread` σ² I.

    Source: :eq:`measurement-step`. A spread of 0 takes the guess for x itself: diffusion posterior
    sampling (Chung et al. 2023), without the step sizes that they choose by hand; 1 is right for
    x ~ N(0, I), and is used by Song et al. (2023), *Pseudoinverse-guided diffusion models*.

    Args:
        guess: says E[x | z].
        measurement: what is seen of x.
        y: what was seen, (P,).
        spread: >= 0.

    Raises:
        ValueError: if y has another size or is not finite, or the spread is impossible.
    """
    check_one(y, event=(len(measurement.A),), name="y")
    check_numbers(spread=spread)
    if not 0 <= spread < float("inf"):
        raise ValueError(f"spread: expected a finite number >= 0, got {spread}")

    def guided(z: Tensor, log_snr: Tensor) -> Tensor:
        alpha, sigma = signal_at(log_snr.to(z))
        A = measurement.A.to(z)
        C = measurement.noise**2 * torch.eye(len(A)).to(z)  # with V = spread σ² I
        C = C + spread * sigma.square()[..., None] * (A @ A.T)  # (B, P, P)
        with torch.enable_grad():
            at = z.detach().requires_grad_()
            x = guess(at, log_snr)
            missed = torch.linalg.solve(C, y.to(z) - x.detach() @ A.T)
            (pull,) = torch.autograd.grad(x, at, missed @ A)  # (∂x̂/∂z)ᵀ Aᵀ C⁻¹ (y - A x̂)
        return x.detach() + sigma.square() / alpha * pull

    return guided


def moment_guided(guess: Guess, measurement: Measurement, y: Tensor) -> Guess:
    """Guidance with the covariance that the guess itself implies, V = (σ² / α) ∂x̂/∂z.

    Source: :eq:`measurement-step`. Exact for Gaussian x. Takes P backward passes. Boys et al.,
    *Tweedie moment projected diffusions for inverse problems* (2024). Arguments as those of
    `spread_guided`.

    Raises:
        ValueError: if y has another size or is not finite.
    """
    check_one(y, event=(len(measurement.A),), name="y")

    def guided(z: Tensor, log_snr: Tensor) -> Tensor:
        alpha, sigma = signal_at(log_snr.to(z))
        A = measurement.A.to(z)
        with torch.enable_grad():
            at = z.detach().requires_grad_()
            x = guess(at, log_snr)
            rows = [torch.autograd.grad(x, at, a.expand_as(x), retain_graph=True)[0] for a in A]
        x = x.detach()
        AV = (sigma.square() / alpha)[..., None] * torch.stack(rows, dim=1)  # (B, P, D)
        C = measurement.noise**2 * torch.eye(len(A)).to(z) + AV @ A.T
        missed = torch.linalg.solve(C, y.to(z) - x @ A.T)
        return x + torch.einsum("bpd,bp->bd", AV, missed)

    return guided


@torch.no_grad()
def replacement(
    guess: Guess, z: Tensor, *, x: Tensor, known: Tensor, levels: Tensor, generator: Generator
) -> Tensor:
    """Inpainting by `ancestral` steps before each of which what is known is put in its place.

    The known part gets fresh noise of the level. Known failure: the rest is drawn without asking
    what noise the known part will get, so that it fits less well than a draw of p(x | known).
    Song et al. (2021), appendix I.2.

    Args:
        guess: says E[x | z].
        z: noise at the first level, (B, D).
        x: values, of which the known are used, (D,).
        known: which these are, bool (D,).
        levels: rising log-SNRs, (T,), at least two.
        generator: of all noise.

    Raises:
        TypeError: if `known` is not bool.
        ValueError: if a shape is wrong, x not finite, or the levels do not rise.
    """
    check_one(x, event=tuple(z.shape[1:]), name="x")
    check_mask(known, x[None])

    def put(z: Tensor, level: Tensor) -> Tensor:
        signal = signal_at(level.to(z)[None])
        eps = standard_like(z).draw(generator=generator)
        return torch.where(known, signal.mix(x.to(z), eps), z)

    for step in pairwise(check_rising(levels, z)):
        z = ancestral(guess, put(z, step[0]), levels=torch.stack(step), generator=generator)
    return put(z, levels[-1])

"""Score matching for real x: fit the slope of log p, in which log Z does not appear.

The score of the model is ψ(x) = ∇ log p(x) = -∇F(x). Its mean squared distance to the data's own
score contains the data's density, which nobody knows; each objective removes it in its own way.
"""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator
from coursepkg.protocols import Energy
from coursepkg.validate import check_methods, check_positive, check_real


def score(model: Energy, x: Tensor) -> Tensor:
    """ψ(x) = -∇F(x), (B, D) -> (B, D); can be differentiated again if x requires a gradient."""
    x = x if x.requires_grad else x.detach().requires_grad_()
    return -_gradient(model.free_energy(x), x)


class ExplicitScoreMatching(nn.Module):
    """½ |ψ(x)|² + Σ_d ∂ψ_d/∂x_d: half the squared distance of the scores, up to a constant.

    Source: :eq:`score-matching` (Hyvärinen 2005). Needs a second derivative for each coordinate:
    D + 1 backward passes. F must be smooth (a network of ReLUs has no curvature to see) and the
    data's density must have no edges. May be negative; no likelihood.

    Args:
        model: has `free_energy` on real x, (B, D), differentiable twice.
    """

    def __init__(self, model: Energy) -> None:
        check_methods(model, "free_energy")
        super().__init__()
        self.model = model

    @torch.enable_grad()
    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """(B, D) -> (B,), in units of 1/x²; draws nothing."""
        check_real(x, like=self)
        x = x.detach().requires_grad_()
        psi = score(self.model, x)
        divergence = sum(_gradient(psi[:, d], x)[:, d] for d in range(x.shape[1]))
        return psi.square().sum(1) / 2 + divergence


class SlicedScoreMatching(nn.Module):
    """½ |ψ(x)|² + uᵀ (∂ψ/∂x) u with random signs u: the divergence estimated along one direction.

    Source: :eq:`sliced-score-matching` (Song et al. 2019, their variance-reduced form). Unbiased
    for `ExplicitScoreMatching`, since the mean of u uᵀ is the identity. One more backward pass a
    direction, whatever D is.

    Args:
        model: has `free_energy` on real x, (B, D), differentiable twice.
        directions: number of directions to average for each example.
    """

    def __init__(self, model: Energy, *, directions: int = 1) -> None:
        check_methods(model, "free_energy")
        super().__init__()
        check_counts(directions=directions)
        self.model, self.directions = model, directions

    @torch.enable_grad()
    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """(B, D) -> (B,), in units of 1/x²."""
        check_generator(generator)
        check_real(x, like=self)
        x = x.detach().requires_grad_()
        psi = score(self.model, x)
        curvature = torch.zeros_like(psi[:, 0])
        for _ in range(self.directions):
            u = 2 * torch.bernoulli(torch.full_like(x, 0.5), generator=generator) - 1
            curvature = curvature + (_gradient((psi * u).sum(1), x) * u).sum(1)
        return psi.square().sum(1) / 2 + curvature / self.directions


class DenoisingScoreMatching(nn.Module):
    """½ |ψ(x + σε) + ε/σ|²: the score at a noisy point must point back to where it came from.

    Source: :eq:`denoising-score-matching` (Vincent 2011). Its minimum is the score of the data
    *smoothed* by N(0, σ²I), not of the data: the variance of a Gaussian comes out larger by σ². One
    first derivative, so it is cheap, but the variance of its gradient grows as 1/σ² for small σ.

    Args:
        model: has `free_energy` on real x, (B, D).
        sigma: standard deviation of the noise, > 0, in units of x.
    """

    def __init__(self, model: Energy, *, sigma: float) -> None:
        check_methods(model, "free_energy")
        super().__init__()
        check_positive(sigma=sigma)
        self.model, self.sigma = model, sigma

    @torch.enable_grad()
    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """(B, D) -> (B,), in units of 1/x²."""
        check_generator(generator)
        check_real(x, like=self)
        eps = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        psi = score(self.model, x + self.sigma * eps)
        return (psi + eps / self.sigma).square().sum(1) / 2


def _gradient(value: Tensor, x: Tensor) -> Tensor:
    """Rows of ∂ value_n / ∂x_n, (B,) -> (B, D); each value depends on its own row only."""
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    return gradient

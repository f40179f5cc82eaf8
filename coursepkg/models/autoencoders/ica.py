r"""Independent component analysis: as many sources as sensors, mixed without noise.

x = μ + G s, and the sources are independent with a law that is not Gaussian. With W = G⁻¹ the
likelihood is exact, its gradient is two terms, and a step that is relative to W needs no inverse.
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator
from coursepkg.data.patches import whiten
from coursepkg.models.autoencoders.priors import SourcePrior
from coursepkg.rng import draw_seed, seeded
from coursepkg.validate import check_methods, check_positive, check_real


class ICA(nn.Module):
    """p(x) = |det W| Π_i p(s_i) with s = W (x - μ).

    Says: `log_prob`, exact (=).   Source: :eq:`ica-log-likelihood`. Order, signs and scales of the
    sources are conventions: W with rows exchanged, or turned round, says the same. Before `fit` W
    is I.

    Args:
        dim: number of sensors, and of sources, D.
        prior: the law p(s) of a source; the model has a copy, which `fit` may adapt.
        epochs: how often `fit` goes through the data.
        batch_size: examples a step of `fit`.
        step_size: η of its first step; the last is near 0.
        generator: decides the order in which `fit` takes examples, the same at each call.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self,
        dim: int,
        *,
        prior: SourcePrior,
        epochs: int = 20,
        batch_size: int = 500,
        step_size: float = 0.3,
        generator: Generator,
    ) -> None:
        check_methods(prior, "log_density", "score", name="prior")
        super().__init__()
        check_counts(dim=dim, epochs=epochs, batch_size=batch_size)
        check_positive(step_size=step_size)
        self.dim, self.prior, self.seed = dim, deepcopy(prior), draw_seed(generator)
        self.epochs, self.batch_size, self.step_size = epochs, batch_size, step_size
        self.W: Tensor  # (D, D)
        self.mean: Tensor  # μ, (D,)
        self.register_buffer("W", torch.eye(dim))
        self.register_buffer("mean", torch.zeros(dim))

    @property
    def mixing(self) -> Tensor:
        """G = W⁻¹, (D, D): column i is how source i reaches the sensors.

        Raises:
            ValueError: if W is singular.
        """
        G: Tensor
        G, failed = torch.linalg.inv_ex(self.W)
        if failed:
            raise ValueError("W: expected an invertible matrix, got a singular one")
        return G

    def sources(self, x: Tensor) -> Tensor:
        """s = W (x - μ), (B, D) -> (B, D)."""
        check_real(x, event=(self.dim,), like=self)
        return (x - self.mean) @ self.W.T

    def log_prob(self, x: Tensor) -> Tensor:
        """log |det W| + Σ_i log p(s_i), (B, D) -> (B,), nats."""
        check_real(x, event=(self.dim,), like=self)
        W = self.W.double()
        s = (x.double() - self.mean) @ W.T
        log_p: Tensor = torch.linalg.slogdet(W).logabsdet + self.prior.log_density(s).sum(1)
        return log_p.to(self.W)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        s = self.prior.sample(n, self.dim, generator=generator).to(self.W)
        return s @ self.mixing.T + self.mean

    def fit(self, x: Tensor) -> "ICA":
        """Whitens x, (N, D), then climbs the likelihood by natural gradients of falling size.

        The likelihood has several stationary points; which is reached may depend on the start. That
        where the sources stand apart is a maximum if (1 + κ_i)(1 + κ_j) > 1 for every two, with κ
        of the `stability` of the law at its best lengths; a positive sum of κ is not enough.

        Raises:
            ValueError: if the covariance of x is singular: a sensor is constant, or others say it.
        """
        check_real(x, event=(self.dim,), like=self)
        start_white(self, x)
        generator = seeded(self.seed, device=x.device)
        for epoch in range(self.epochs):
            self.prior.adapt(self.sources(x))
            step_size = self.step_size * (1 - epoch / self.epochs)
            climb(self, x, direction=natural_gradient, step_size=step_size,
                  batch_size=self.batch_size, generator=generator)  # fmt: skip
        return self


def start_white(ica: ICA, x: Tensor) -> None:
    """Sets μ and W so that s is white, (N, D): mean 0, covariance I.   Source: :eq:`whitening`."""
    constant = (x == x[0]).all(0)
    if constant.any():
        raise ValueError(f"x: expected sensors that vary, got {int(constant.sum())} constant")
    white = whiten(x.double())
    if (rank := len(white.matrix)) < ica.dim:
        raise ValueError(
            f"x: expected a covariance of rank {ica.dim}, got {rank}: reduce the dimension first"
        )
    ica.mean.copy_(white.mean)
    ica.W.copy_(white.matrix)


def ordinary_gradient(ica: ICA, x: Tensor) -> Tensor:
    """∂/∂W of the mean log-likelihood of x, (B, D) -> (D, D): W⁻ᵀ + E[ψ(s) (x - μ)ᵀ].

    Source: :eq:`ica-gradient`.
    """
    away = x - ica.mean
    psi = ica.prior.score(away @ ica.W.T)
    return ica.mixing.T + psi.T @ away / len(x)


def natural_gradient(ica: ICA, x: Tensor) -> Tensor:
    """The same times Wᵀ W, (B, D) -> (D, D): (I + E[ψ(s) sᵀ]) W, without an inverse.

    Source: :eq:`natural-gradient`; Amari, Cichocki and Yang (1996).
    """
    s = (x - ica.mean) @ ica.W.T
    return ica.W + ica.prior.score(s).T @ s @ ica.W / len(x)


@torch.no_grad()
def climb(
    ica: ICA,
    x: Tensor,
    *,
    direction: Callable[[ICA, Tensor], Tensor],
    step_size: float,
    batch_size: int,
    generator: Generator,
) -> None:
    """One pass through x, (N, D), in random order: W moves by step_size · direction at each batch.

    μ stays, and so does the prior.

    Raises:
        ValueError: if x is no finite (N, D), or W does not stay finite.
    """
    check_generator(generator)
    check_real(x, event=(ica.dim,))
    order = torch.randperm(len(x), generator=generator, device=x.device)
    for batch in x[order].split(batch_size):
        ica.W += step_size * direction(ica, batch)
    if not ica.W.isfinite().all():
        raise ValueError(f"step_size: expected one under which W stays finite, got {step_size}")


def amari_distance(W: Tensor, G: Tensor) -> float:
    """How far P = W G is from a permutation with scales: 0 there, 1 where all |P_ij| are equal.

    Source: :eq:`amari-distance`; after Amari, Cichocki and Yang (1996), divided by 2 D (D - 1).

    Args:
        W: what separates, (D, D).
        G: what mixed, (D, D), D >= 2.

    Raises:
        ValueError: if shapes differ, or a row or column of W G is 0.
    """
    check_real(W, name="W")
    check_real(G, name="G")
    if W.shape != G.shape or W.ndim != 2 or len(W) < 2 or W.shape[0] != W.shape[1]:
        raise ValueError(
            "W, G: expected the same shape (D, D) with D >= 2, got "
            f"{tuple(W.shape)} and {tuple(G.shape)}"
        )
    P = (W.double() @ G.double()).abs()
    if not (P.amax(0) > 0).all() or not (P.amax(1) > 0).all():
        raise ValueError("W, G: expected a product without a row or column of zeros")
    rows, columns = P.sum(1) / P.amax(1) - 1, P.sum(0) / P.amax(0) - 1
    return ((rows.sum() + columns.sum()) / (2 * len(P) * (len(P) - 1))).item()

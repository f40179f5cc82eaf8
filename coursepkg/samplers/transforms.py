"""Maps that turn uniform noise into draws from another law, and what a map does to a density.

The maps are deterministic where they can be: the caller draws the uniform numbers u on [0, 1), so
that one sees how many are used. Densities are in nats, and J is a matrix: its determinant, and the
absolute value of that, are written out.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_draws
from coursepkg.validate import ANY, check_finite, check_real, check_tensor

HALVINGS = 64  # the bracket shrinks to 2⁻⁶⁴ of its width, or to neighbouring floats


def quantile_discrete(p: Tensor, u: Tensor) -> Tensor:
    """The k with F_{k-1} <= u < F_k, where F_k = p_0 + … + p_k.   Source: :eq:`inverse-discrete`.

    A uniform u makes k a draw from p. An outcome of probability zero is never returned, not even
    for u = 0; nor is one beyond the last if the p_k add up to a little less than one.

    Args:
        p: probabilities (..., K), one law a row.
        u: numbers in [0, 1): any shape for a single law (K,), else (..., n) with p's rows.

    Returns:
        Outcomes 0..K-1 in the shape of u, int64.
    """
    _check_noise(u)
    _check_laws(p, rows=u.shape[:-1])
    F = p.double().cumsum(-1)
    pieces = F / F[..., -1:]  # ends at 1, whatever was lost to rounding
    return torch.searchsorted(pieces, u.double().contiguous(), right=True)


def quantile(cdf: Callable[[Tensor], Tensor], u: Tensor, *, low: float, high: float) -> Tensor:
    """The least x with F(x) >= u, by bisection on [low, high].   Source: :eq:`inverse-transform`.

    A uniform u makes x a draw from the law whose distribution function is F. F may have flat parts
    and jumps. Not for tails outside the bracket: a u that F does not reach there is refused.

    Args:
        cdf: F, which must not decrease; maps a tensor to the same shape.
        u: numbers in [0, 1), any shape.
        low: F(low) <= u must hold for all u.
        high: F(high) >= u must hold for all u.
    """
    _check_noise(u)
    check_finite(low=low, high=high)
    left, right = torch.full_like(u, low), torch.full_like(u, high)
    _check_bracket(cdf(left), u, cdf(right))
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        F = cdf(middle)
        _check_numbers(F, middle)
        below = u > F
        left = torch.where(below, middle, left)
        right = torch.where(below, right, middle)
    return right


def box_muller(u: Tensor) -> Tensor:
    """Two independent standard normals from two uniforms; (n, 2) -> (n, 2).

    z = r (cos φ, sin φ), r² = -2 log(1 - u_1), φ = 2π u_2.   Source: :eq:`box-muller`.
    1 - u_1 and not u_1, because u_1 may be 0 and never 1. The radius ends at √(2 log 2 · bits)
    of u_1: 5.8 for the 24 bits of float32, 8.6 for the 53 of float64.
    """
    _check_noise(u)
    check_real(u, event=(2,))
    r, angle = (-2 * torch.log1p(-u[:, 0])).sqrt(), 2 * math.pi * u[:, 1]
    return torch.stack([r * angle.cos(), r * angle.sin()], dim=1)


def polar_normals(n: int, *, generator: Generator) -> Tensor:
    """n pairs of independent standard normals without sine and cosine, (n, 2).

    Throws points v into the square, keeps those inside the unit circle (π/4 of them), and stretches
    them: z = v √(-2 log s / s), s = ‖v‖².   Source: :eq:`polar-method`.
    """
    check_draws(n, generator)
    z = torch.empty(0, 2, device=generator.device)
    while len(z) < n:
        v = 2 * torch.rand(n, 2, generator=generator, device=generator.device) - 1
        s = v.square().sum(1, keepdim=True)
        inside = (s > 0) & (s < 1)
        stretched = v * torch.sqrt(-2 * s.log() / s)  # NaN outside the circle
        z = torch.cat([z, stretched[inside[:, 0]]])
    return z[:n]


def log_abs_det_jacobian(f: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """log |det J| of J = ∂f/∂z at each row; (B, D) -> (B,), nats.   Source: :eq:`volume-factor`.

    By automatic differentiation, D derivatives of D outputs a row: an oracle for small D.
    -inf where the Jacobian is singular.

    Args:
        f: maps (B, D) to (B, D), each row by itself.
        z: where, (B, D).
    """
    _check_rows(z)
    # rows do not meet, so the derivatives of the sum over rows are those of each row
    J = torch.autograd.functional.jacobian(lambda z: f(z).sum(0), z).movedim(1, 0)
    _check_square(J, z)  # (B, D, D)
    log_volume: Tensor = torch.linalg.slogdet(J.double()).logabsdet
    return log_volume.to(z)


def pushforward_log_prob(
    x: Tensor,
    *,
    log_prob: Callable[[Tensor], Tensor],
    inverses: Sequence[Callable[[Tensor], Tensor]],
) -> Tensor:
    """log p(x) of x = f(z) for z from a known law; (B, D) -> (B,), nats.

    Sums p_z(g(x)) |det ∂g/∂x| over the branches g of f⁻¹.   Source: :eq:`change-of-variables`,
    :eq:`change-of-variables-branches`. Normalised only if the branches are all there.

    Args:
        x: points in the image of f, (B, D).
        log_prob: log-density of z, (B, D) -> (B,).
        inverses: every g with f(g(x)) = x; a single one if f is one-to-one.
    """
    _check_rows(x)
    if not inverses:
        raise ValueError("inverses: expected at least one branch, got none")
    terms = [log_prob(g(x)) + log_abs_det_jacobian(g, x) for g in inverses]
    return torch.stack(terms).logsumexp(0)


def _check_noise(u: Tensor) -> None:
    check_tensor(u, "u")
    if not (u.is_floating_point() and ((u >= 0) & (u < 1)).all()):
        raise ValueError(f"u: expected numbers in [0, 1), got {u}")


def _check_rows(x: Tensor) -> None:
    check_real(x, event=(ANY,))


def _check_laws(p: Tensor, *, rows: torch.Size) -> None:
    check_tensor(p, "p")
    if not (p.ndim and p.is_floating_point() and (p >= 0).all()):
        raise ValueError(f"p: expected probabilities >= 0 along the last axis, got {p}")
    total = p.sum(-1)
    if not torch.allclose(total, torch.ones_like(total), atol=1e-5):
        raise ValueError(f"p: expected probabilities that sum to 1, got {total}")
    if p.ndim > 1 and rows != p.shape[:-1]:
        raise ValueError(
            f"u: expected the rows of p, {tuple(p.shape[:-1])}, before its last axis, got "
            f"{tuple(rows)}"
        )


def _check_bracket(below: Tensor, u: Tensor, above: Tensor) -> None:
    if not ((below <= u) & (u <= above)).all():
        raise ValueError(
            f"low, high: expected F(low) <= u <= F(high), got F(low) up to {below.max():.4g} and "
            f"F(high) from {above.min():.4g} for u from {u.min():.4g} to {u.max():.4g}"
        )


def _check_numbers(F: Tensor, x: Tensor) -> None:
    if F.isnan().any():
        raise ValueError(f"cdf: expected numbers in [0, 1], got NaN at {x[F.isnan()][0]}")


def _check_square(J: Tensor, z: Tensor) -> None:
    if J.shape != (*z.shape, z.shape[1]):
        raise ValueError(
            f"f: expected a map from (B, {z.shape[1]}) to itself, got one whose Jacobian has shape "
            f"{tuple(J.shape[1:])}"
        )

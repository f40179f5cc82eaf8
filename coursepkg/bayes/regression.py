"""Linear regression as inference: loss + regulariser = energy, its minimum, and its integral.

The model is y = X w + ε with ε ~ N(0, σ²), X (N, M), w (M,), and a prior p(w) ∝ exp(-λ R(w)).
In the code σ is `sigma`, λ is `strength`, and `penalty` is λσ², the only combination on which the
minimum of the energy depends. scikit-learn calls the penalty alpha: `Ridge(alpha=penalty)`, but
`Lasso(alpha=penalty / N)`, since its lasso (not its ridge) averages the squares over the data.
There is no intercept: centre the columns of X and y first.

Single precision goes in and comes out; inside all is double, and nothing is solved through X'X,
whose condition is the square of X's.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal
from torch.special import erfcx, log_ndtr

from coursepkg.bayes.checks import check_design, check_fit, check_limits, check_path, check_shrink
from coursepkg.validate import check_floating, check_positive, check_real


def loss(w: Tensor, X: Tensor, y: Tensor, *, sigma: float) -> Tensor:
    """𝓛(w) = -log p(y | X, w), with its constant; (..., M) -> (...), nats.

    Source: :eq:`gaussian-loss`.
    """
    check_fit(w, X, y)
    check_positive(sigma=sigma)
    squares = (y.double() - w.double() @ X.double().T).square().sum(-1)
    value = squares / (2 * sigma**2) + len(y) / 2 * math.log(2 * math.pi * sigma**2)
    return value.to(w)


def l1(w: Tensor) -> Tensor:
    """R(w) = Σ |w_j|, of the Laplace prior; (..., M) -> (...)."""
    return w.abs().sum(-1)


def l2(w: Tensor) -> Tensor:
    """R(w) = ½ Σ w_j², of the Gaussian prior; (..., M) -> (...)."""
    return 0.5 * w.square().sum(-1)


def energy(
    w: Tensor, X: Tensor, y: Tensor, *, sigma: float, strength: float,
    regulariser: Callable[[Tensor], Tensor],
) -> Tensor:  # fmt: skip
    """E(w) = 𝓛(w) + λ R(w); (..., M) -> (...), nats.   Source: :eq:`energy-posterior`.

    It is *not* -log p(w | D): that needs the log normaliser of the prior and the log evidence too.
    """
    check_positive(strength=strength)
    return loss(w, X, y, sigma=sigma) + strength * regulariser(w)


def ridge(X: Tensor, y: Tensor, *, penalty: float) -> Tensor:
    """Minimises ½‖y - Xw‖² + penalty · ½‖w‖², O(NM² + M³); returns (M,).

    Least squares, where the penalty is M more rows of data.   Source: :eq:`ridge-map`.
    """
    check_design(X, y)
    check_positive(penalty=penalty)
    rows, ends = _with_prior(X.double(), y.double(), root=math.sqrt(penalty))
    size = rows.norm(dim=0)  # of columns that differ so much, lstsq would drop the small
    unit = size if size.max() > 1e8 * size.min() else torch.ones_like(size)
    w: Tensor = torch.linalg.lstsq(rows / unit, ends).solution / unit
    return w.to(X)


def ridge_path(X: Tensor, y: Tensor, *, penalties: Tensor) -> Tensor:
    """`ridge` at P penalties for the price of one singular value decomposition; returns (P, M).

    Source: :eq:`ridge-shrinkage`.
    """
    check_design(X, y)
    check_path(penalties)
    U, s, Vt = torch.linalg.svd(X.double(), full_matrices=False)
    path: Tensor = (s * (U.T @ y.double()) / (s.square() + penalties[:, None])) @ Vt
    return path.to(X)


def soft_threshold(value: Tensor, threshold: float) -> Tensor:
    """argmin over w of ½(w - value)² + threshold · |w|: a step towards 0, which it never passes."""
    check_shrink(value, threshold)
    return value.sign() * (value.abs() - threshold).clamp_min(0)


def coordinate_sweep(w: Tensor, residual: Tensor, X: Tensor, *, penalty: float) -> float:
    """Minimises the lasso's energy over w_1, then w_2, ..., w_M, *in place*; O(NM).

    Source: :eq:`lasso-coordinate`.

    Args:
        w: where the sweep starts (M,); overwritten.
        residual: y - Xw, (N,); kept up to date.
        X: design (N, M).
        penalty: λσ².

    Returns:
        The largest movement of the fit by one coordinate, max |Δw_j| ‖x_j‖.
    """
    check_fit(w, X, residual)
    largest = 0.0
    for j, x in enumerate(X.double().T):  # squares of single numbers may underflow
        square = x.square().sum().clamp_min(torch.finfo(x.dtype).tiny)  # never divide by 0
        new = soft_threshold(x @ residual.double() + square * w[j], penalty) / square
        step = new - w[j]
        residual -= step * x
        w[j] = new
        largest = max(largest, float(step.abs() * square.sqrt()))
    return largest


def lasso(
    X: Tensor,
    y: Tensor,
    *,
    penalty: float,
    start: Tensor | None = None,
    tolerance: float = 1e-9,
    max_sweeps: int = 10_000,
) -> Tensor:
    """Minimises ½‖y - Xw‖² + penalty · ‖w‖₁ by coordinate descent; returns (M,).

    Args:
        X: design (N, M).
        y: responses (N,).
        penalty: λσ² > 0.
        start: first guess (M,), zero unless given.
        tolerance: a sweep that moves the fit by less than this part of ‖y‖ is the last; raised to
            what double precision can resolve.
        max_sweeps: number of sweeps after which to give up.

    Raises:
        RuntimeError: if `max_sweeps` were not enough.
    """
    check_design(X, y)
    check_positive(penalty=penalty)
    check_limits(tolerance, max_sweeps=max_sweeps)
    check_fit(X[0] if start is None else start, X, y)
    dtype, X, y = X.dtype, X.double(), y.double()
    w = torch.zeros_like(X[0]) if start is None else start.to(X, copy=True)
    residual = y - X @ w
    smallest = y.norm() * max(tolerance, 10 * torch.finfo(y.dtype).eps)
    for _ in range(max_sweeps):
        if coordinate_sweep(w, residual, X, penalty=penalty) <= smallest:
            return w.to(dtype)
    raise RuntimeError(f"lasso: expected convergence within {max_sweeps} sweeps, got none")


def lasso_path(X: Tensor, y: Tensor, *, penalties: Tensor) -> Tensor:
    """`lasso` at P penalties, each started from the one before (large to small); (P, M)."""
    check_design(X, y)
    check_path(penalties)
    path = [torch.zeros_like(X[0])]
    for penalty in penalties.tolist():
        path.append(lasso(X, y, penalty=penalty, start=path[-1]))
    return torch.stack(path[1:])


@dataclass(frozen=True)
class BayesianRegression:
    """y = X w + ε with ε ~ N(0, σ²) and the prior w ~ N(0, I/λ), solved exactly.

    Args:
        sigma: standard deviation σ of the noise, > 0.
        strength: precision λ of the prior, > 0.
    """

    sigma: float
    strength: float

    def __post_init__(self) -> None:
        check_positive(sigma=self.sigma, strength=self.strength)

    def posterior(self, X: Tensor, y: Tensor) -> MultivariateNormal:
        """p(w | X, y) over (M,); its mean is `ridge`'s w.   Source: :eq:`regression-posterior`."""
        law = self._posterior(X, y)
        return MultivariateNormal(law.mean.to(X), scale_tril=law.scale_tril.to(X))

    def predictive(self, X: Tensor, y: Tensor, *, X_new: Tensor) -> Normal:
        """p(y_new | X_new, X, y), one normal for each row of X_new (B, M), noise included.

        Source: :eq:`regression-predictive`.
        """
        w = self._posterior(X, y)
        check_real(X_new, event=(X.shape[1],), name="X_new")
        uncertainty = (X_new.double() @ w.scale_tril).square().sum(-1)
        mean, std = X_new.double() @ w.mean, (self.sigma**2 + uncertainty).sqrt()
        return Normal(mean.to(X), std.to(X))

    def log_evidence(self, X: Tensor, y: Tensor) -> Tensor:
        """log p(y | X) = log p(y | X, w) + log p(w) - log p(w | X, y), nats; the same at every w.

        Bayes' theorem read backwards, at the w where rounding is least.
        Source: :eq:`regression-evidence`.
        """
        posterior = self._posterior(X, y)
        w = posterior.mean
        log_likelihood = -loss(w, X, y, sigma=self.sigma)
        log_prior = Normal(0.0, self.strength**-0.5).log_prob(w).sum()
        log_p: Tensor = log_likelihood + log_prior - posterior.log_prob(w)
        return log_p.to(X)

    def _posterior(self, X: Tensor, y: Tensor) -> MultivariateNormal:
        """`posterior` in double precision, without forming its precision A.

        With R of the QR factors of the rows, in reverse order of the weights, A = KᵀK where K, R
        with its rows and columns put back, is lower triangular: so is the root K⁻¹ of A⁻¹.
        """
        check_design(X, y)
        dtype, X, y = X.dtype, X.double() / self.sigma, y.double() / self.sigma
        rows, ends = _with_prior(X, y, root=math.sqrt(self.strength))
        Q, R = torch.linalg.qr(rows.flip(1))
        sign = R.diagonal().sign()
        K, at = (sign[:, None] * R).flip(0, 1), (sign * (Q.T @ ends)).flip(0)
        root = torch.linalg.solve_triangular(K, torch.eye(len(K)).to(K), upper=False)
        check_positive(smallest_std=root.diagonal().to(dtype).min().item())
        return MultivariateNormal(root @ at, scale_tril=root)


def maximise_evidence(
    X: Tensor, y: Tensor, *, tolerance: float = 1e-10, max_steps: int = 10_000
) -> BayesianRegression:
    """σ and λ at which `log_evidence` is stationary, by MacKay's fixed point.

    Source: :eq:`evidence-fixed-point`.

    Raises:
        ValueError: if X or y is 0 everywhere.
        RuntimeError: if it does not settle. Without a signal in y the best λ is infinite, without
            noise the best σ is 0; then it says so.
    """
    check_design(X, y)
    check_limits(tolerance, max_steps=max_steps)
    for name, values in (("X", X), ("y", y)):
        if not values.any():
            raise ValueError(f"{name}: expected a number that is not 0, got zeros only")
    X, y = X.double(), y.double()
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    variance = float(y.square().mean())
    strength = float(s.square().mean()) / variance  # half-way, whatever the units of X and y
    rotated = U.T @ y  # in the coordinates of the singular vectors every step costs O(M)
    outside, eps = (y - U @ rotated).square().sum(), torch.finfo(y.dtype).eps
    for _ in range(max_steps):
        rest = strength * variance / (s.square() + strength * variance)  # 1 - shrinkage
        gamma = (s.square() / (s.square() + strength * variance)).sum()
        w = s * rotated / (s.square() + strength * variance)
        squares = (rest * rotated).square().sum() + outside
        if gamma <= eps:
            raise RuntimeError("maximise_evidence: expected convergence, got λ → ∞: no signal in y")
        if squares <= (10 * eps) ** 2 * len(y) * y.square().sum():
            raise RuntimeError("maximise_evidence: expected convergence, got σ → 0: a perfect fit")
        old = strength, variance
        strength = float(gamma / w.square().sum())
        variance = float(squares / (len(y) - gamma))
        moved = max(abs(strength / old[0] - 1), abs(variance / old[1] - 1))
        if moved <= max(tolerance, 10 * eps):
            return BayesianRegression(math.sqrt(variance), strength)
    raise RuntimeError(f"maximise_evidence: expected convergence in {max_steps} steps, got none")


def laplace_log_evidence(y: Tensor, *, sigma: float, strength: float) -> Tensor:
    """log p(y) for y_j = w_j + ε_j, ε_j ~ N(0, σ²), w_j ~ Laplace of rate λ; (..., M) -> (...).

    The evidence of the lasso's prior where the columns of X are orthonormal: pass Xᵀy, and add the
    noise outside their span, which does not depend on λ.   Source: :eq:`laplace-evidence`.
    """
    check_floating(y, "y")
    check_positive(sigma=sigma, strength=strength)
    t, shift = y.double() / sigma, strength * sigma
    log_p = math.log(strength) + torch.logaddexp(_log_side(t, shift), _log_side(-t, shift))
    return log_p.sum(-1).to(y)


def _log_side(t: Tensor, shift: float) -> Tensor:
    """log ½ ∫ N(t; u, 1) exp(-shift · u) du over u > 0: log Φ(t - shift) - shift · t + shift² / 2.

    Where the normal's far tail would cancel against the square, by the scaled tail `erfcx`.
    """
    near = log_ndtr(t - shift) + shift * (shift / 2 - t)
    far = (erfcx((shift - t).clamp_min(0) / math.sqrt(2)) / 2).log() - t.square() / 2
    return torch.where(t > shift, near, far) - math.log(2)


def _with_prior(X: Tensor, y: Tensor, *, root: float) -> tuple[Tensor, Tensor]:
    """(X, y) and M rows root · w_j = 0, in double precision: ‖y - Xw‖² + root² ‖w‖².

    The large rows stand first: in a QR factorisation they would bury the small ones above them.
    """
    prior = root * torch.eye(X.shape[1], dtype=torch.float64, device=X.device)
    rows, ends = torch.cat([X, prior]), torch.cat([y, torch.zeros_like(prior[0])])
    order = rows.abs().amax(1).argsort(descending=True)
    return rows[order], ends[order]

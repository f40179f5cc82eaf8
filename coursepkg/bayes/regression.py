"""Linear regression as inference: loss + regulariser = energy, its minimum, and its integral.

The model is y = X w + ε with ε ~ N(0, σ²), X (N, M), w (M,), and a prior p(w) ∝ exp(-λ R(w)).
In the code σ is `sigma`, λ is `strength`, and `penalty` is λσ², the only combination on which the
minimum of the energy depends. scikit-learn calls the penalty alpha: `Ridge(alpha=penalty)`, but
`Lasso(alpha=penalty / N)`, since its lasso (not its ridge) averages the squares over the data.
There is no intercept: centre the columns of X and y first.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal
from torch.special import log_ndtr

from coursepkg.validate import check_positive, check_real


def loss(w: Tensor, X: Tensor, y: Tensor, *, sigma: float) -> Tensor:
    """𝓛(w) = -log p(y | X, w), with its constant; (..., M) -> (...), nats.

    Source: :eq:`gaussian-loss`.
    """
    check_positive(sigma=sigma)
    squares = (y - w @ X.T).square().sum(-1)
    value: Tensor = squares / (2 * sigma**2) + len(y) / 2 * math.log(2 * math.pi * sigma**2)
    return value


def l1(w: Tensor) -> Tensor:
    """R(w) = Σ |w_j|, of the Laplace prior; (..., M) -> (...)."""
    return w.abs().sum(-1)


def l2(w: Tensor) -> Tensor:
    """R(w) = ½ Σ w_j², of the Gaussian prior; (..., M) -> (...)."""
    return 0.5 * w.square().sum(-1)


def energy(
    w: Tensor,
    X: Tensor,
    y: Tensor,
    *,
    sigma: float,
    strength: float,
    regulariser: Callable[[Tensor], Tensor],
) -> Tensor:
    """E(w) = 𝓛(w) + λ R(w); (..., M) -> (...), nats.   Source: :eq:`energy-posterior`.

    It is *not* -log p(w | D): that needs the log normaliser of the prior and the log evidence too.
    """
    return loss(w, X, y, sigma=sigma) + strength * regulariser(w)


def ridge(X: Tensor, y: Tensor, *, penalty: float) -> Tensor:
    """Minimises ½‖y - Xw‖² + penalty · ½‖w‖², O(NM² + M³); returns (M,).

    Source: :eq:`ridge-map`.
    """
    _check(X, y)
    check_positive(penalty=penalty)
    w: Tensor = torch.linalg.solve(X.T @ X + penalty * torch.eye(X.shape[1]).to(X), X.T @ y)
    return w


def ridge_path(X: Tensor, y: Tensor, *, penalties: Tensor) -> Tensor:
    """`ridge` at P penalties for the price of one singular value decomposition; returns (P, M).

    Source: :eq:`ridge-shrinkage`.
    """
    _check(X, y)
    U, s, Vt = torch.linalg.svd(X, full_matrices=False)
    path: Tensor = (s * (U.T @ y) / (s.square() + penalties[:, None])) @ Vt
    return path


def soft_threshold(value: Tensor, threshold: float) -> Tensor:
    """argmin over w of ½(w - value)² + threshold · |w|: a step towards 0, which it never passes."""
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
    largest = 0.0
    for j, x in enumerate(X.T):
        square = x.square().sum().clamp_min(torch.finfo(x.dtype).tiny)  # never divide by 0
        new = soft_threshold(x @ residual + square * w[j], penalty) / square
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
            what the dtype can resolve.
        max_sweeps: number of sweeps after which to give up.

    Raises:
        RuntimeError: if `max_sweeps` were not enough.
    """
    _check(X, y)
    check_positive(penalty=penalty)
    w = torch.zeros_like(X[0]) if start is None else start.clone()
    residual = y - X @ w
    smallest = y.norm() * max(tolerance, 10 * torch.finfo(y.dtype).eps)
    for _ in range(max_sweeps):
        if coordinate_sweep(w, residual, X, penalty=penalty) <= smallest:
            return w
    raise RuntimeError(f"lasso: expected convergence within {max_sweeps} sweeps, got none")


def lasso_path(X: Tensor, y: Tensor, *, penalties: Tensor) -> Tensor:
    """`lasso` at P penalties, each started from the one before (large to small); (P, M)."""
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
        _check(X, y)
        A = X.T @ X / self.sigma**2 + self.strength * torch.eye(X.shape[1]).to(X)
        return MultivariateNormal(
            torch.linalg.solve(A, X.T @ y / self.sigma**2), precision_matrix=A
        )

    def predictive(self, X: Tensor, y: Tensor, *, X_new: Tensor) -> Normal:
        """p(y_new | X_new, X, y), one normal for each row of X_new (B, M), noise included.

        Source: :eq:`regression-predictive`.
        """
        w = self.posterior(X, y)
        uncertainty = (X_new @ w.covariance_matrix * X_new).sum(-1)
        return Normal(X_new @ w.mean, (self.sigma**2 + uncertainty).sqrt())

    def log_evidence(self, X: Tensor, y: Tensor) -> Tensor:
        """log p(y | X) = log p(y | X, w) + log p(w) - log p(w | X, y), nats; the same at every w.

        Bayes' theorem read backwards, at the w where rounding is least.
        Source: :eq:`regression-evidence`.
        """
        posterior = self.posterior(X, y)
        w = posterior.mean
        log_likelihood = -loss(w, X, y, sigma=self.sigma)
        log_prior = Normal(0.0, self.strength**-0.5).log_prob(w).sum()
        log_p: Tensor = log_likelihood + log_prior - posterior.log_prob(w)
        return log_p


def maximise_evidence(
    X: Tensor, y: Tensor, *, tolerance: float = 1e-10, max_steps: int = 10_000
) -> BayesianRegression:
    """σ and λ at which `log_evidence` is stationary, by MacKay's fixed point.

    Source: :eq:`evidence-fixed-point`.

    Raises:
        RuntimeError: if it does not settle; without a signal in y the best λ is infinite.
    """
    _check(X, y)
    variance, strength = float(y.square().mean()), 1.0
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    rotated = U.T @ y  # in the coordinates of the singular vectors every step costs O(M)
    outside = y.square().sum() - rotated.square().sum()
    smallest = max(tolerance, 10 * torch.finfo(y.dtype).eps)
    for _ in range(max_steps):
        shrinkage = s.square() / (s.square() + strength * variance)
        gamma = shrinkage.sum()
        w = s * rotated / (s.square() + strength * variance)
        squares = ((1 - shrinkage) * rotated).square().sum() + outside
        old, strength = strength, float(gamma / w.square().sum())
        variance = float(squares / (len(y) - gamma))
        if abs(strength - old) <= smallest * old:
            return BayesianRegression(math.sqrt(variance), strength)
    raise RuntimeError(f"maximise_evidence: expected convergence in {max_steps} steps, got none")


def laplace_log_evidence(y: Tensor, *, sigma: float, strength: float) -> Tensor:
    """log p(y) for y_j = w_j + ε_j, ε_j ~ N(0, σ²), w_j ~ Laplace of rate λ; (..., M) -> (...).

    The evidence of the lasso's prior where the columns of X are orthonormal: pass Xᵀy, and add the
    noise outside their span, which does not depend on λ.   Source: :eq:`laplace-evidence`.
    """
    check_positive(sigma=sigma, strength=strength)
    shift = strength * sigma
    right = log_ndtr(y / sigma - shift) - strength * y  # the part of the integral with w > 0
    left = log_ndtr(-y / sigma - shift) + strength * y
    log_p = math.log(strength / 2) + shift**2 / 2 + torch.logaddexp(left, right)
    return log_p.sum(-1)


def _check(X: Tensor, y: Tensor) -> None:
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise ValueError(
            f"X, y: expected shapes (N, M) and (N,), got {tuple(X.shape)} and {tuple(y.shape)}"
        )
    check_real(X)
    check_real(y, event=())

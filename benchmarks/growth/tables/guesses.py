"""What a diffusion's guess costs, and what is asked of it, as the number of variables D grows.

Of 16 points and a perceptron with two hidden layers of D units. "guess" is x̂; "exact" and "signs"
are one slope of the probability flow with its divergence, exact or by random signs; "spread" and
"moments" are x̂ guided by D / 2 measured variables, with a covariance that is put in by hand, and
with the guess's own.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.diffusion.continuous_time import LinearSchedule
from coursepkg.models.diffusion.denoisers import FromVelocity
from coursepkg.models.diffusion.inverse import Measurement, moment_guided, spread_guided
from coursepkg.models.diffusion.probability_flow import ProbabilityFlow
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded

POINTS = 16
SIZES = (16, 32, 64, 128, 256)
KINDS = ("guess", "signs", "spread", "exact", "moments")
REPEATS, LEAST = 7, 0.02  # runs to choose the fastest of, and CPU seconds that each takes at least


class Noisy(nn.Module):
    """A perceptron of z and λ."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.net = MLP([dim + 1, dim, dim, dim], generator=seeded(0))

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """Maps z (B, D) and log-SNRs (B,) to (B, D)."""
        result: Tensor = self.net(torch.cat([z, log_snr[:, None] / 10], dim=1))
        return result


def cost(what: str, dim: int) -> Row:
    """Least CPU seconds of one piece of work on D variables."""
    z, half = torch.randn(POINTS, dim, generator=seeded(0)), torch.full((POINTS,), 0.5)
    guess = FromVelocity(Noisy(dim)).requires_grad_(False)
    flow = ProbabilityFlow(guess, LinearSchedule(most=4.0, least=-4.0))
    seen, y = Measurement(torch.eye(dim)[: dim // 2], 0.1), torch.zeros(dim // 2)
    spread, moments = spread_guided(guess, seen, y, spread=1.0), moment_guided(guess, seen, y)
    work: dict[str, Callable[[], object]] = {
        "guess": lambda: guess(z, half),
        "signs": lambda: divergence(flow, z, half, z.sign()[None]),
        "exact": lambda: divergence(flow, z, half, torch.eye(dim)[:, None]),
        "spread": lambda: spread(z, half),
        "moments": lambda: moments(z, half),
    }
    return {"what": what, "dim": dim, "seconds": fastest(work[what], repeats=REPEATS, least=LEAST)}


def divergence(field: nn.Module, z: Tensor, t: Tensor, probes: Tensor) -> Tensor:
    """Σ εᵀ (∂v/∂z) ε over the probes ε, (·, B or 1, D) -> (B,), as `Continuous` has it."""
    z = z.detach().requires_grad_()
    v = field(z, t)
    rows = (torch.autograd.grad(v, z, e.expand_as(v), retain_graph=True)[0] * e for e in probes)
    return torch.stack([row.sum(1) for row in rows]).sum(0)


TABLE = Table("guesses_growth", [(kind, D) for kind in KINDS for D in SIZES], cost)

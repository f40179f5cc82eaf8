r"""Flow matching: a velocity field learned by regression, without solving anything.

Between noise x_0 and data x_1 the straight path :math:`x_t = (1 - t) x_0 + t x_1` has velocity
x_1 - x_0. The mean velocity of all paths through a place, E[x_1 - x_0 | x_t = x] = v(x, t), obeys
the continuity equation with the law of x_t, and so carries noise to data; and a regression finds a
conditional mean. Lipman, Chen, Ben-Hamu, Nickel and Le, *Flow matching for
generative modeling* (2023), theorem 2; Liu, Gong and Liu, *Flow straight and fast* (2023).
"""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator
from coursepkg.models.flows.chain import StandardNormal
from coursepkg.models.flows.continuous import Continuous
from coursepkg.models.flows.estimated import EstimatedFlow
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_real


def matching_loss(field: nn.Module, x_0: Tensor, x_1: Tensor, *, generator: Generator) -> Tensor:
    """‖field(x_t, t) - (x_1 - x_0)‖² at one uniform t for each pair, (B, D) -> (B,).

    Source: :eq:`flow-matching-loss`.

    Args:
        field: maps x (B, D) and times (B,) to velocities (B, D).
        x_0: where paths begin, (B, D).
        x_1: where they end, (B, D).
        generator: draws t.

    Raises:
        ValueError: if the three shapes, of both ends and of what the field says, differ.
    """
    check_generator(generator)
    t = torch.rand(len(x_1), generator=generator, device=x_1.device).to(x_1)
    x_t = (1 - t)[:, None] * x_0 + t[:, None] * x_1
    with global_state_from(generator):  # a network's dropout
        v: Tensor = field(x_t, t)
    if not v.shape == x_0.shape == x_1.shape:
        shapes = [tuple(each.shape) for each in (v, x_0, x_1)]
        raise ValueError(f"field, x_0, x_1: expected equal shapes, got {shapes}")
    return (v - (x_1 - x_0)).square().sum(1)


class FlowMatching(EstimatedFlow):
    """A continuous flow whose field is trained by regression on straight paths from noise.

    Says: `log_prob_estimate` (≈), of the field as it is, up to the error of the steps. `loss` is
    the regression's and no likelihood: its least value is the spread of the velocities of paths
    that cross, 0 only if all data are one point.

    Args:
        field: maps x (B, D) and times (B,) to velocities (B, D).
        dim: number of variables D.
        steps: Runge–Kutta steps of sampling and scoring.
    """

    def __init__(self, field: nn.Module, *, dim: int, steps: int) -> None:
        check_methods(field, "__call__", name="field")
        check_counts(dim=dim, steps=steps)
        flow = Continuous(field, dim=dim, steps=steps)
        super().__init__([flow], StandardNormal(dim))
        self.dim, self.flow = dim, flow

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The squared error of the velocity at one time of one path, (B, D) -> (B,)."""
        check_generator(generator)
        check_real(x, event=(self.dim,), like=self)
        x_0 = torch.randn(x.shape, generator=generator, device=x.device).to(x)
        return matching_loss(self.flow.field, x_0, x, generator=generator)

    @torch.no_grad()
    def pairs(self, n: int, *, generator: Generator) -> Tensor:
        """Noise and what the flow makes of it, (n, 2, D): what `Reflow` trains on."""
        z = self.density.sample(n, generator=generator)
        return torch.stack([z, self.flow.decode(z)], dim=1)


class Reflow(nn.Module):
    """Trains a field on pairs that a flow made: its paths do not cross, and so become straighter.

    It has a `loss` and nothing else; the trained field goes into a `Continuous`.

    Args:
        field: maps x (B, D) and times (B,) to velocities (B, D).
        dim: number of variables D.
    """

    def __init__(self, field: nn.Module, *, dim: int) -> None:
        check_methods(field, "__call__", name="field")
        check_counts(dim=dim)
        super().__init__()
        self.field, self.dim = field, dim

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The squared error of the velocity at one time of each pair's path, (B, 2, D) -> (B,)."""
        check_real(x, event=(2, self.dim), like=self)
        return matching_loss(self.field, x[:, 0], x[:, 1], generator=generator)


@torch.no_grad()
def straightness(flow: Continuous, z: Tensor, *, points: int) -> Tensor:
    """Mean of ‖v(x_t, t) - (x_1 - x_0)‖² over the path of each z, (B, D) -> (B,); 0 if straight.

    Source: :eq:`straightness`; Liu, Gong and Liu (2023), equation 8. The mean is over the midpoints
    of `points` intervals of time.

    Args:
        flow: the field that paths follow.
        z: where they begin, (B, D).
        points: at how many times a path is looked at.
    """
    path = flow.path(z, points=2 * points)
    chord = path[-1] - path[0]
    times = (torch.arange(points) + 0.5) / points
    away = [flow.velocity(t, x) - chord for t, x in zip(times.tolist(), path[1::2], strict=True)]
    return torch.stack(away).square().sum(-1).mean(0)

r"""Mean flow: the average velocity, learned without integrating anything.

Differentiate (r - t) u(x_t, t, r) = ∫ v ds along the path, at fixed r. The right side loses v, so

.. math:: u = v - (t - r) \frac{du}{dt} , \qquad
   \frac{du}{dt} = v \cdot \nabla_x u + \frac{\partial u}{\partial t} ,

a product of u's Jacobian and the direction (v, 1, 0): one pass of forward differentiation. Geng,
Deng, Bai, Kolter and He, *Mean flows for one-step generative modeling* (2025), equation 6.
"""

from functools import partial

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws, check_generator, check_numbers
from coursepkg.models.few_steps.jumps import Average, check_alike, check_times
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_real


def mean_flow_target(
    average: Average, x: Tensor, v: Tensor, t: Tensor, r: Tensor
) -> tuple[Tensor, Tensor]:
    """u(x, t, r), and what the identity says that it should be, v - (t - r) du/dt; (B, D) both.

    Source: :eq:`mean-flow`.

    Args:
        average: the network u.
        x: places, (B, D).
        v: velocities there, (B, D): a field's, or those of lines through x, whose mean it is.
        t: when, (B,).
        r: until when, (B,).

    Raises:
        ValueError: if u has another shape than v, a student than its teacher, or a time is not one
            number for each row.
    """
    check_times(x, t, r)
    along = (v, torch.ones_like(t), torch.zeros_like(r))
    u, rate = torch.func.jvp(average, (x, t, r), along)[:2]
    check_alike(u, v, what="average", like="v")
    return u, v - (t - r)[:, None] * rate


class MeanFlow(nn.Module):
    """Trains u on straight lines from noise to data; no solver, no teacher.

    It has a `loss`, the squared distance to a target that is held fixed, and is no likelihood; the
    network goes into `Jumps`.

    Args:
        average: maps x (B, D) and times t, r (B,) to average velocities (B, D).
        dim: number of variables D.
        apart: of which share of the examples r differs from t, (0, 1]; at r = t the loss is that of
            flow matching.
    """

    def __init__(self, average: nn.Module, *, dim: int, apart: float) -> None:
        check_methods(average, "__call__", name="average")
        super().__init__()
        check_counts(dim=dim)
        check_numbers(apart=apart)
        if not 0 < apart <= 1:
            raise ValueError(f"apart: expected a share in (0, 1], got {apart}")
        self.average, self.dim, self.apart = average, dim, apart

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """‖u - (v - (t - r) du/dt)‖² at one t <= r of each line, (B, D) -> (B,)."""
        check_generator(generator)
        check_real(x, event=(self.dim,), like=self)
        x_0 = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        t, r = times(len(x), apart=self.apart, generator=generator, like=x)
        x_t = (1 - t)[:, None] * x_0 + t[:, None] * x
        with global_state_from(generator):  # the network's dropout
            u, target = mean_flow_target(self.average, x_t, x - x_0, t, r)
        return (u - target.detach()).square().sum(1)


class MapDistillation(nn.Module):
    """The same with a teacher's velocity in place of the lines': its flow map.

    The loss of the flow map is 0, since no lines cross.

    Args:
        average: maps x (B, D) and times t, r (B,) to average velocities (B, D).
        teacher: maps x (B, D) and times (B,) to velocities (B, D); in eval mode. It
            is no submodule: it is not trained, and `.to()` and `.eval()` here do not reach it.
        dim: number of variables D.
        apart: of which share of the examples r differs from t, (0, 1].
    """

    def __init__(self, average: nn.Module, teacher: nn.Module, *, dim: int, apart: float) -> None:
        check_methods(average, "__call__", name="average")
        check_methods(teacher, "__call__", name="teacher")
        check_counts(dim=dim)
        super().__init__()
        self.flow = MeanFlow(average, dim=dim, apart=apart)
        self.velocity = partial(teacher)  # no submodule: its weights are not this module's

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """‖u - (v - (t - r) du/dt)‖² with the teacher's v at one place of each line, -> (B,)."""
        check_generator(generator)
        check_real(x, event=(self.flow.dim,), like=self)
        x_0 = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        t, r = times(len(x), apart=self.flow.apart, generator=generator, like=x)
        x_t = (1 - t)[:, None] * x_0 + t[:, None] * x
        with torch.no_grad(), global_state_from(generator):  # the teacher's dropout, if it has any
            v = self.velocity(x_t, t)
        with global_state_from(generator):
            u, target = mean_flow_target(self.flow.average, x_t, v, t, r)
        return (u - target.detach()).square().sum(1)


def times(n: int, *, apart: float, generator: Generator, like: Tensor) -> tuple[Tensor, Tensor]:
    """Times t <= r of n lines, uniform in the triangle for a share `apart`, else equal; (n,)."""
    check_draws(n, generator)
    draws = torch.rand(3, n, generator=generator, device=like.device).to(like)
    t, r = draws[:2].amin(0), draws[:2].amax(0)
    return t, torch.where(draws[2] < apart, r, t)

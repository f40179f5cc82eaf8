r"""Consistency: two points of one path of a flow have one end, and a network is taught to say so.

The network u(x, t) means the end of the path through x at time t, f(x, t) = x + (1 - t) u(x, t), so
that f(x, 1) = x whatever it says. From a place x_t a step leads to a later one, at t + h, and
f(x_t, t) is drawn towards f there, which is held fixed. Song, Dhariwal, Chen and Sutskever,
*Consistency models* (2023): with a teacher's step it is their distillation, with the data's own
line their training.
"""

from functools import partial

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator
from coursepkg.models.few_steps.jumps import check_alike, check_times
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_real


def end_of(net: nn.Module, x: Tensor, t: Tensor) -> Tensor:
    """f(x, t) = x + (1 - t) u(x, t), (B, D) and (B,) -> (B, D).   Source: :eq:`consistency-map`."""
    check_times(x, t)
    u = net(x, t)
    check_alike(u, x, what="student", like="x")
    result: Tensor = x + (1 - t)[:, None] * u
    return result


def consistency_loss(
    net: nn.Module, x_t: Tensor, t: Tensor, x_later: Tensor, later: Tensor, *, generator: Generator
) -> Tensor:
    """‖f(x_t, t) - f(x_later, later)‖² with the second held fixed, -> (B,).

    Source: :eq:`consistency-loss`. Both calls see the same dropout.

    Args:
        net: maps x (B, D) and times (B,) to u(x, t, 1).
        x_t: places, (B, D).
        t: their times, (B,).
        x_later: where their paths are a little later, (B, D).
        later: when, t <= later <= 1, (B,).
        generator: of the network's dropout.
    """
    check_generator(generator)
    state = generator.get_state()
    with global_state_from(generator), torch.no_grad():
        target = end_of(net, x_later, later)
    generator.set_state(state)
    with global_state_from(generator):
        return (end_of(net, x_t, t) - target).square().sum(1)


class ConsistencyDistillation(nn.Module):
    """A student that learns where its teacher's paths end.

    The step from x_t to the later place is the teacher's: one of Heun's method. It has a `loss`,
    which is 0 for the flow map up to h³ and is no likelihood; the student goes into `Jumps` or
    `Restarts`.

    Args:
        student: maps x (B, D) and times (B,) to u(x, t, 1), (B, D).
        teacher: maps x (B, D) and times (B,) to velocities (B, D); in eval mode. It
            is no submodule: it is not trained, and `.to()` and `.eval()` here do not reach it.
        dim: number of variables D.
        steps: how many steps h the way is cut into.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module, *, dim: int, steps: int) -> None:
        check_methods(student, "__call__", name="student")
        check_methods(teacher, "__call__", name="teacher")
        super().__init__()
        check_counts(dim=dim, steps=steps)
        self.student, self.dim, self.steps = student, dim, steps
        self.velocity = partial(teacher)  # no submodule: its weights are not this module's

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The loss of the teacher's step from one place of each line to x, (B, D) -> (B,)."""
        check_real(x, event=(self.dim,), like=self)
        x_t, _, t, later = step_of_a_line(x, steps=self.steps, generator=generator)
        with torch.no_grad(), global_state_from(generator):  # the teacher's dropout, if it has any
            v, h = self.velocity(x_t, t), (later - t)[:, None]
            check_alike(v, x_t, what="teacher", like="x")
            x_later = x_t + h * (v + self.velocity(x_t + h * v, later)) / 2
        return consistency_loss(self.student, x_t, t, x_later, later, generator=generator)


class ConsistencyTraining(nn.Module):
    """The same without a teacher: the step is on the straight line from the noise to x.

    On average over the lines through x_t that is the flow's step, for h → 0; with h > 0 the loss is
    not 0 even for the flow map, since lines that cross part. Arguments as
    `ConsistencyDistillation`'s.
    """

    def __init__(self, student: nn.Module, *, dim: int, steps: int) -> None:
        check_methods(student, "__call__", name="student")
        super().__init__()
        check_counts(dim=dim, steps=steps)
        self.student, self.dim, self.steps = student, dim, steps

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The loss of one step along each line from noise to x, (B, D) -> (B,)."""
        check_real(x, event=(self.dim,), like=self)
        x_t, x_later, t, later = step_of_a_line(x, steps=self.steps, generator=generator)
        return consistency_loss(self.student, x_t, t, x_later, later, generator=generator)


def step_of_a_line(
    x: Tensor, *, steps: int, generator: Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two places on straight lines from noise to x, at n/steps and (n + 1)/steps; the times."""
    check_generator(generator)
    x_0 = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    n = torch.randint(steps, (len(x),), generator=generator, device=x.device).to(x)
    t, later = n / steps, (n + 1) / steps
    x_t, x_later = ((1 - r)[:, None] * x_0 + r[:, None] * x for r in (t, later))
    return x_t, x_later, t, later

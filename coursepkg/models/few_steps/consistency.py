r"""Consistency: two points of one path of a flow have one end, and a network is taught to say so.

The network u(x, t) means the end of the path through x at time t, f(x, t) = x + (1 - t) u(x, t), so
that f(x, 1) = x whatever it says. From a place x_t a step leads to x_s, s = t + h, and f(x_t, t) is
drawn towards f(x_s, s), which is held fixed. Song, Dhariwal, Chen and Sutskever, *Consistency
models* (2023): with a teacher's step it is their distillation, with the data's own line their
training.
"""

from functools import partial

import torch
from torch import Generator, Tensor, nn

from coursepkg.models.few_steps.jumps import EndAverage, check_alike, jump
from coursepkg.rng import global_state_from
from coursepkg.validate import check_positive, check_real


def end_of(net: nn.Module, x: Tensor, t: Tensor) -> Tensor:
    """f(x, t) = x + (1 - t) u(x, t), (B, D) and (B,) -> (B, D).   Source: :eq:`consistency-map`."""
    return jump(EndAverage(net), x, t, torch.ones_like(t))


def consistency_loss(
    net: nn.Module, x_t: Tensor, t: Tensor, x_s: Tensor, s: Tensor, *, generator: Generator
) -> Tensor:
    """‖f(x_t, t) - f(x_s, s)‖² with the second held fixed, -> (B,).

    Source: :eq:`consistency-loss`. Both calls see the same dropout.

    Args:
        net: maps x (B, D) and times (B,) to u(x, t, 1).
        x_t: places, (B, D).
        t: their times, (B,).
        x_s: where their paths are a little later, (B, D).
        s: when, t <= s <= 1, (B,).
        generator: of the network's dropout.
    """
    state = generator.get_state()
    with global_state_from(generator), torch.no_grad():
        target = end_of(net, x_s, s)
    generator.set_state(state)
    with global_state_from(generator):
        return (end_of(net, x_t, t) - target).square().sum(1)


class ConsistencyDistillation(nn.Module):
    """A student that learns where its teacher's paths end.

    The step from x_t to x_s is the teacher's: one of Heun's method. It has a `loss`, which is 0 for
    the flow map up to h³ and is no likelihood; the student goes into `Jumps` or `Restarts`.

    Args:
        student: maps x (B, D) and times (B,) to u(x, t, 1), (B, D).
        teacher: maps x (B, D) and times (B,) to velocities (B, D); it is not trained.
        dim: number of variables D.
        steps: how many steps h the way is cut into.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module, *, dim: int, steps: int) -> None:
        super().__init__()
        check_positive(dim=dim, steps=steps)
        self.student, self.dim, self.steps = student, dim, steps
        self.velocity = partial(teacher)  # no submodule: its weights are not this module's

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """‖f(x_t, t) - f(x̂_s, s)‖² at one step of each x, (B, D) -> (B,)."""
        check_real(x, event=(self.dim,))
        x_t, _, t, s = step_of_a_line(x, steps=self.steps, generator=generator)
        with torch.no_grad():
            v, h = self.velocity(x_t, t), (s - t)[:, None]
            check_alike(self.student(x_t, t), v, what="student", like="its teacher says")
            check_alike(v, x_t, what="teacher", like="x")
            x_s = x_t + h * (v + self.velocity(x_t + h * v, s)) / 2
        return consistency_loss(self.student, x_t, t, x_s, s, generator=generator)


class ConsistencyTraining(nn.Module):
    """The same without a teacher: the step from x_t to x_s is on the line from its noise to x.

    On average over the lines through x_t that is the flow's step, for h → 0; with h > 0 the loss is
    not 0 even for the flow map, since lines that cross part. Arguments as
    `ConsistencyDistillation`'s.
    """

    def __init__(self, student: nn.Module, *, dim: int, steps: int) -> None:
        super().__init__()
        check_positive(dim=dim, steps=steps)
        self.student, self.dim, self.steps = student, dim, steps

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """‖f(x_t, t) - f(x_s, s)‖² at one step of each line, (B, D) -> (B,)."""
        check_real(x, event=(self.dim,))
        x_t, x_s, t, s = step_of_a_line(x, steps=self.steps, generator=generator)
        return consistency_loss(self.student, x_t, t, x_s, s, generator=generator)


def step_of_a_line(
    x: Tensor, *, steps: int, generator: Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x_t and x_s of straight lines from noise to x, and times t = n/steps, s = (n + 1)/steps."""
    x_0 = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    n = torch.randint(steps, (len(x),), generator=generator, device=x.device).to(x)
    t, s = n / steps, (n + 1) / steps
    x_t, x_s = ((1 - r)[:, None] * x_0 + r[:, None] * x for r in (t, s))
    return x_t, x_s, t, s

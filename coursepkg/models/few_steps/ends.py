r"""Ends of paths that a teacher has walked: a map to the end, by plain regression.

Reflow keeps the two ends of a path, and trains on the line between them; here places on the way are
kept as well, and the end is asked for from each. Nothing is bootstrapped: the teacher walks once,
and its paths serve for many passes. Luhman and Luhman, *Knowledge distillation in iterative
generative models for improved sampling speed* (2021), do so from the noise alone.
"""

from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator
from coursepkg.models.few_steps.jumps import Average, check_alike, jump
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_real


@torch.no_grad()
def paths(average: Average, x: Tensor, *, steps: int, every: int = 1) -> Tensor:
    """Where noise x (B, D) is at 0, every/steps, 2 every/steps, ..., 1, (B, steps/every + 1, D).

    Args:
        average: maps x (B, D) and times t, r (B,) to average velocities (B, D).
        x: noise.
        steps: number of jumps of equal length.
        every: after how many of them a place is kept; divides `steps`.

    Raises:
        ValueError: if it does not, or x is no batch of vectors.
    """
    check_counts(steps=steps, every=every)
    check_real(x)
    if steps % every:
        raise ValueError(f"every: expected a divisor of {steps} steps, got {every}")
    times, kept = torch.linspace(0, 1, steps + 1).to(x), [x]
    for done, (t, r) in enumerate(pairwise(times), 1):
        x = jump(average, x, t.expand(len(x)), r.expand(len(x)))
        if done % every == 0:
            kept.append(x)
    return torch.stack(kept, dim=1)


class EndRegression(nn.Module):
    """A student that learns where paths end, from any of their places that were kept.

    It has a `loss`, which is 0 for the map of the paths and is no likelihood; the student goes into
    `Restarts`, whose jumps should start at the same times.

    Args:
        student: maps x (B, D) and times (B,) to u(x, t, 1), (B, D).
        dim: number of variables D.
        places: how many places T of each path are kept, at 0, 1/T, 2/T, ...; and its end.
    """

    def __init__(self, student: nn.Module, *, dim: int, places: int) -> None:
        check_methods(student, "__call__", name="student")
        super().__init__()
        check_counts(dim=dim, places=places)
        self.student, self.dim, self.places = student, dim, places

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """‖u(x_t, t, 1) - (x_1 - x_t)/(1 - t)‖² at one place of each path, (B, T + 1, D) -> (B,).

        Source: :eq:`flow-map`, solved for u.
        """
        check_generator(generator)
        check_real(x, event=(self.places + 1, self.dim), like=self)
        n = torch.randint(self.places, (len(x),), generator=generator, device=x.device)
        t = n.to(x) / self.places
        x_t, x_1 = x[torch.arange(len(x), device=x.device), n], x[:, -1]
        with global_state_from(generator):  # the network's dropout
            u: Tensor = self.student(x_t, t)
        check_alike(u, x_t, what="student", like="x")
        return (u - (x_1 - x_t) / (1 - t)[:, None]).square().sum(1)

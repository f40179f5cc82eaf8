"""Data N(m, s²): velocity, average velocity and end of a path in closed form."""

import torch
from torch import nn

from coursepkg.rng import seeded

MEAN, SCALE = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.5])


def variance(t):
    """Of x_t, (B,) -> (B, 2)."""
    return (1 - t[:, None]) ** 2 + t[:, None] ** 2 * SCALE**2


def place(x, t, r):
    """Where the path through x at t is at r."""
    away = x - t[:, None] * MEAN
    return r[:, None] * MEAN + (variance(r) / variance(t)).sqrt() * away


class Velocity(nn.Module):
    def forward(self, x, t):
        slope = (t[:, None] * SCALE**2 - (1 - t[:, None])) / variance(t)
        return MEAN + slope * (x - t[:, None] * MEAN)


class AverageVelocity(nn.Module):
    """The truth where r > t, and `off` times something beside it."""

    def __init__(self, off=0.0):
        super().__init__()
        self.off = nn.Parameter(torch.full((2,), off))

    def forward(self, x, t, r):
        gap = (r - t)[:, None]
        moved = torch.where(gap == 0, Velocity()(x, t), (place(x, t, r) - x) / (gap + (gap == 0)))
        return moved + self.off * (1 + x.cos() * r[:, None])


class ToEnd(nn.Module):
    """The same for r = 1 alone."""

    def __init__(self, off=0.0):
        super().__init__()
        self.average = AverageVelocity(off)

    def forward(self, x, t):
        gap = (1 - t)[:, None]
        return self.average(x, t, torch.ones_like(t)) * (gap > 0)


def data(n, seed=5):
    return MEAN + SCALE * torch.randn(n, 2, generator=seeded(seed))


class Learnt(nn.Module):
    """A field with weights of its own, w x: a teacher that could be trained by mistake."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(2))

    def forward(self, x, t):
        return self.w * x

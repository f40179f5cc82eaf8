"""Models in other orders, in several at once, and averages of models."""

import torch
from torch import Generator

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.orders import AveragedConditionals, Ensemble, Reordered
from coursepkg.nets.made import MADE, InOrder
from coursepkg.nets.nade import NADE
from tests.conformance.case import D, K, discrete, perturbed


def reordered(generator: Generator) -> Reordered:
    """0, 1 first, so that what the suite calls a beginning is one here too."""
    net = NADE(dim=D, levels=K, hidden=6, generator=generator)
    order = torch.tensor([0, 1, 3, 2])
    return perturbed(Reordered(CachedARM(net, dim=D, levels=K), order), generator)


def many_orders(generator: Generator) -> Ensemble:
    made = perturbed(MADE(dim=D, levels=K, hidden=[12, 12], generator=generator), generator)
    orders = torch.tensor([[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]])
    return Ensemble([Reordered(ARM(InOrder(made, o), dim=D, levels=K), o) for o in orders])


def averaged(generator: Generator) -> CachedARM:
    nets = [NADE(dim=D, levels=K, hidden=6, generator=generator) for _ in range(2)]
    return perturbed(CachedARM(AveragedConditionals(nets), dim=D, levels=K), generator)


CASES = [
    discrete("Reordered-NADE", reordered),
    discrete("Ensemble-MADE", many_orders),
    discrete("ARM-averaged", averaged),
]

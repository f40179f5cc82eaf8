"""Products of conditionals by NADE, of levels, of bits and by class."""

import torch
from torch import Generator, Tensor

from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.models.autoregressive.orders import Bits
from coursepkg.nets.nade import NADE
from tests.conformance.case import BAD_LEVELS, Case, D, K, binary, discrete, levels, perturbed
from tests.oracles import states


def labels(n: int, generator: Generator) -> Tensor:
    """Classes, one-hot, (n, 3)."""
    one_hot: Tensor = torch.nn.functional.one_hot(torch.randint(3, (n,), generator=generator), 3)
    return one_hot.to(torch.get_default_dtype())


def nade(generator: Generator) -> CachedARM:
    net = NADE(dim=D, levels=K, hidden=6, dropout=0.2, generator=generator)
    return perturbed(CachedARM(net, dim=D, levels=K), generator)


def bits_nade(generator: Generator) -> Bits:
    net = NADE(dim=D, levels=2, hidden=6, generator=generator)
    return perturbed(Bits(CachedARM(net, dim=D, levels=2)), generator)


def nade_by_class(generator: Generator) -> ConditionalARM:
    net = NADE(dim=D, levels=K, hidden=6, conditions=3, generator=generator)
    with torch.no_grad():
        net.given.weight.mul_(4)  # classes that differ
    return perturbed(ConditionalARM(net, dim=D, levels=K, conditions=3), generator)


CASES = [
    discrete("NADE", nade),
    binary("NADE-bits", bits_nade),
    Case("NADE-by-class", nade_by_class, levels, space=states(K, D), refused=BAD_LEVELS,
         condition=labels),
]  # fmt: skip

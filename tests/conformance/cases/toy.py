"""Toys that show the promises which no family of the package makes yet."""

from functools import partial

import torch
from torch import Generator, Tensor
from torch.distributions import Normal

from coursepkg.evaluation import Given
from coursepkg.models.dequantised import Dequantised
from tests.conformance.case import BAD_PLANE, Case, perturbed, plane, square
from tests.conformance.toys import AffineFlow, NoisyTable
from tests.oracles import states


def labels(n: int, generator: Generator) -> Tensor:
    """Classes, one-hot, (n, 3)."""
    one_hot: Tensor = torch.nn.functional.one_hot(torch.randint(3, (n,), generator=generator), 3)
    return one_hot.to(torch.get_default_dtype())


def flow(generator: Generator, *, middle: float = 0.0) -> AffineFlow:
    model = AffineFlow(classes=3, dim=2)
    perturbed(model, generator)
    with torch.no_grad():
        model.shift.add_(middle)
    return model


def dequantised(generator: Generator) -> Dequantised:
    return Dequantised(Given(flow(generator, middle=1.5), labels(1, generator)[0]), levels=3)


def inside(model: Dequantised) -> float:
    """The mass of the flow within [0, 3)²: a product of two normal probabilities."""
    c, flow = model.density.condition, model.density.model
    law = Normal((c @ flow.shift).detach(), (c @ flow.log_scale).exp().detach())
    return (law.cdf(torch.tensor(3.0)) - law.cdf(torch.tensor(0.0))).prod().item()


FLOW = Case("AffineFlow", flow, plane, grid=square(14, 400), refused=BAD_PLANE, condition=labels)

CASES = [
    FLOW,
    Case("Dequantised-Given-flow", dequantised,
         lambda n, g: torch.randint(3, (n, 2), generator=g), space=states(3, 2), mass=inside,
         refused=[(torch.zeros(2, 3, dtype=torch.int64), "shape"),
                  (torch.full((2, 2), 3), "levels"), (torch.zeros(2, 2), "integer")]),
    Case("NoisyTable", partial(NoisyTable, levels=5),
         lambda n, g: torch.randint(5, (n, 1), generator=g), space=states(5, 1),
         refused=[(torch.tensor([[5]]), "levels"), (torch.zeros(2, 2).long(), "shape")]),
]  # fmt: skip

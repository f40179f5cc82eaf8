"""Laws of the first two chapters: of a chance, of a mean and a precision."""

import torch
from torch import Generator, Tensor

from coursepkg.bayes.coin import BetaBernoulli
from coursepkg.bayes.variational import MeanField, NormalGamma
from tests.conformance.case import BAD_PLANE, Case, line


def mean_and_precision(n: int, generator: Generator) -> Tensor:
    u = torch.randn(n, 2, generator=generator)
    return torch.stack([u[:, 0], u[:, 1].exp()], dim=1)


def half_plane() -> tuple[Tensor, float]:
    """Midpoints of cells of (μ, τ) in [-8, 8] × [0, 12], and the area of a cell."""
    (mu, width), (tau, height) = line(-8, 8, 400), line(0, 12, 600)
    return torch.cartesian_prod(mu, tau), width * height


BAD_BELIEF = [*BAD_PLANE, (torch.tensor([[0.0, -1.0]]), "tau > 0")]


CASES = [
    Case(
        "BetaBernoulli",
        lambda _: BetaBernoulli(8.0, 4.0),
        lambda n, g: torch.rand(n, generator=g),
        grid=line(0, 1, 2000),
        refused=[(torch.tensor([0.5, 1.5]), "1.5"), (torch.tensor([-0.1]), "-0.1")],
    ),
    Case("NormalGamma", lambda _: NormalGamma(0.5, 2.0, 3.0, 2.0), mean_and_precision,
         grid=half_plane(), refused=BAD_BELIEF),
    Case("MeanField", lambda _: MeanField(0.5, 0.8, 3.0, 2.0), mean_and_precision,
         grid=half_plane(), refused=BAD_BELIEF),
]  # fmt: skip

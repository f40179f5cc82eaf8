"""Laws of the first two chapters: of a chance, of a mean and a precision; densities."""

import torch
from torch import Generator, Tensor

from coursepkg.bayes.coin import BetaBernoulli
from coursepkg.bayes.variational import MeanField, NormalGamma
from coursepkg.models.nonparametric import CosineSeries, Histogram, KernelDensity
from tests.conformance.case import BAD_LINE, BAD_PLANE, Case, inside, line, plane, square


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
    Case("Histogram-line",
         lambda g: Histogram(8, low=-5, high=5, smoothing=0.5).fit(inside(30, g)), inside,
         grid=line(-6, 6, 1200), refused=BAD_LINE),
    Case("Histogram-plane",
         lambda g: Histogram(4, low=-9, high=9, dim=2, smoothing=0.5).fit(
             plane(30, g).clamp(-9, 9)),
         lambda n, g: plane(n, g).clamp(-9, 9), grid=square(10, 200), refused=BAD_PLANE),
    Case("KernelDensity-line", lambda g: KernelDensity(0.4).fit(inside(30, g)), inside,
         grid=line(-9, 9, 2000), refused=BAD_LINE),
    Case("KernelDensity-plane", lambda g: KernelDensity(0.6, dim=2).fit(plane(30, g)), plane,
         grid=square(12, 300), refused=BAD_PLANE),
    Case("NormalGamma", lambda _: NormalGamma(0.5, 2.0, 3.0, 2.0), mean_and_precision,
         grid=half_plane(), refused=BAD_BELIEF),
    Case("MeanField", lambda _: MeanField(0.5, 0.8, 3.0, 2.0), mean_and_precision,
         grid=half_plane(), refused=BAD_BELIEF),
]  # fmt: skip

# A cosine series may be negative: it is fitted, and is no law.
ELSEWHERE = {
    CosineSeries: "tests/coursepkg/bayes",
}

"""Histograms and kernel estimates."""

from coursepkg.models.nonparametric import CosineSeries, Histogram, KernelDensity
from tests.conformance.case import BAD_LINE, BAD_PLANE, Case, inside, line, plane, square

CASES = [
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
]  # fmt: skip

# A cosine series may be negative: it is fitted, and is no law.
ELSEWHERE = {CosineSeries: "tests/coursepkg/models"}

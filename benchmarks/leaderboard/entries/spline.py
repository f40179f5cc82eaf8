"""Spline coupling flows of the digits: as RealNVP's, with another map of a variable."""

from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry, learned_inside
from benchmarks.leaderboard.entries.realnvp import flow_of, noise_of, trained, weighted
from coursepkg.data.digits import Split
from coursepkg.models.dequantised import Dequantised
from coursepkg.models.flows.elementwise import RationalQuadraticSpline


def variational_noise(split: Split, generator: Generator, quick: bool) -> Dequantised:
    """Splines of eight bins, trained together with noise that knows the picture."""
    noise = noise_of(generator)
    model = flow_of(split, RationalQuadraticSpline(bins=8), noise=noise, generator=generator)
    return trained(model, split, quick=quick, generator=generator)


BOARD = DIGITS
ENTRIES = (
    Entry("spline flow, variational noise", variational_noise, seeds=3),
    Entry("spline flow, variational noise, 64 weights", variational_noise, seeds=3, look=weighted,
          learned=learned_inside, draws=4),
)  # fmt: skip

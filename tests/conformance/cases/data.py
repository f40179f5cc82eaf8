"""The laws that data are drawn from."""

import torch

from coursepkg.data import toy
from coursepkg.data.languages import Automaton, Dyck
from coursepkg.data.ratings import NoisyOr
from tests.conformance.case import BAD_LINE, Case, binary, line, planar

CASES = [
    Case("GaussianMixture-line", lambda _: toy.two_gaussians(),
         lambda n, g: torch.randn(n, generator=g), grid=line(-9, 9, 4000), refused=BAD_LINE),
    Case("Gumbel", lambda _: toy.Gumbel(0.5, 1.3), lambda n, g: torch.randn(n, generator=g),
         grid=line(-8, 40, 8000), refused=BAD_LINE),
    binary("NoisyOr",
           lambda _: NoisyOr(torch.tensor([0.3, 0.6]), torch.tensor([0.1, 0.2, 0.05, 0.3]),
                             torch.tensor([[0.5, 0, 0.7, 0.2], [0.4, 0.9, 0, 0]]))),
    planar("GaussianMixture-plane", toy.eight_gaussians, M=300),
    planar("Banana", toy.Banana, side=30, M=900),
    planar("Checkerboard", toy.Checkerboard, side=8, M=512),
]  # fmt: skip

# Laws over strings, not over tensors: the contract holds in spirit, and is tested beside them.
ELSEWHERE = {
    Automaton: "tests/coursepkg/data",
    Dyck: "tests/coursepkg/data",
}

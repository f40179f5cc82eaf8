"""Energies, the noise that they are told from, and what trains them."""

import torch

from coursepkg.models.energy import GaussianEnergy, NeuralEnergy
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.objectives.noise import IndependentBernoulli, NoiseContrastive
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.objectives.pseudo import PseudoLikelihood, RatioMatching
from coursepkg.objectives.score import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    SlicedScoreMatching,
)
from coursepkg.samplers.weighting import RejectionSampler
from tests.conformance.case import BAD_PLANE, Case, binary, perturbed, plane, square

CASES = [
    binary("IndependentBernoulli",
           lambda _: IndependentBernoulli(torch.tensor([0.3, 0.5, 0.6, 0.9]))),
    Case("GaussianEnergy", lambda g: perturbed(GaussianEnergy(2, generator=g), g), plane,
         grid=square(14, 400), refused=BAD_PLANE),
    Case("NeuralEnergy",
         lambda g: perturbed(NeuralEnergy(2, [6], scale=1.5, generator=g), g), plane,
         grid=square(12, 300), refused=BAD_PLANE),
]  # fmt: skip

# An objective trains a model that it is given; what is said about x, that model says.
# A rejection sampler draws and scores nothing: its draws are tested against the law it was given.
ELSEWHERE = {
    ExactLikelihood: "tests/coursepkg/objectives",
    PseudoLikelihood: "tests/coursepkg/objectives",
    RatioMatching: "tests/coursepkg/objectives",
    ExplicitScoreMatching: "tests/coursepkg/objectives",
    SlicedScoreMatching: "tests/coursepkg/objectives",
    DenoisingScoreMatching: "tests/coursepkg/objectives",
    NoiseContrastive: "tests/coursepkg/objectives",
    StochasticMaximumLikelihood: "tests/coursepkg/objectives",
    RejectionSampler: "tests/coursepkg/samplers",
}

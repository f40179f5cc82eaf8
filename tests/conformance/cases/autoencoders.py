"""Linear autoencoders, with a likelihood and without."""

import torch
from torch import Generator

from coursepkg.models.autoencoders.ica import ICA
from coursepkg.models.autoencoders.linear import LinearAutoencoder
from coursepkg.models.autoencoders.pca import PCA
from coursepkg.models.autoencoders.ppca import PPCA
from coursepkg.models.autoencoders.priors import (
    Bimodal,
    Cauchy,
    Normal,
    Sech,
    SourcePrior,
    Switching,
)
from tests.conformance.case import BAD_PLANE, Case, perturbed, plane, square


def ica(prior: SourcePrior, generator: Generator) -> ICA:
    skew = plane(60, generator)
    skew[:, 1] += skew[:, 0].abs()
    return ICA(2, prior=prior, epochs=2, generator=generator).fit(skew)


CASES = [
    Case("PPCA", lambda g: PPCA(1, dim=2).fit(plane(30, g)), plane, grid=square(14, 400),
         refused=BAD_PLANE),
    Case("PCA", lambda g: PCA(1, dim=2).fit(plane(30, g)), plane, refused=BAD_PLANE),
    Case("LinearAutoencoder",
         lambda g: perturbed(LinearAutoencoder(1, mean=torch.ones(2), generator=g), g), plane,
         refused=BAD_PLANE),
    Case("ICA-sech", lambda g: ica(Sech(), g), plane, grid=square(50, 500), refused=BAD_PLANE),
    Case("ICA-switching", lambda g: ica(Switching(2), g), plane, grid=square(50, 500),
         refused=BAD_PLANE),
]  # fmt: skip

# Laws of one source, parts of an ICA: their log-density is of each source, not of an example.
ELSEWHERE = {
    law: "tests/coursepkg/models/autoencoders/test_priors.py"
    for law in (Bimodal, Cauchy, Normal, Sech, SourcePrior, Switching)
}

"""Seconds of linear models as the number of variables D grows.

The text says that a log-likelihood of PPCA takes O(D M) an example and one of a full Gaussian
O(D²), and that a step of either gradient of ICA takes O(B D² + D³) for a batch: the natural one
multiplies two D × D matrices where the ordinary one inverts one.
"""

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.autoencoders.ica import ICA, natural_gradient, ordinary_gradient
from coursepkg.models.autoencoders.ppca import PPCA, em_step
from coursepkg.models.autoencoders.priors import Sech
from coursepkg.models.mixtures.gaussian import GaussianMixture
from coursepkg.rng import seeded

M, BATCH, REPEATS = 10, 500, 5


@torch.no_grad()
def scores_and_steps(dim: int) -> Row:
    """Seconds for a batch of 500 examples of so many variables."""
    generator = seeded(0)
    x = torch.randn(BATCH, dim, generator=generator)
    G = torch.randn(dim, M, generator=generator)
    ppca = PPCA(M, dim=dim).set(mean=torch.zeros(dim), G=G, variance=1.0)
    full = GaussianMixture(1, dim=dim, generator=generator)
    ica = ICA(dim, prior=Sech(), generator=generator)
    work = {
        "ppca_seconds": lambda: ppca.log_prob(x),
        "full_seconds": lambda: full.log_prob(x),
        "em_seconds": lambda: em_step(ppca, x),
        "gradient_seconds": lambda: ordinary_gradient(ica, x),
        "natural_seconds": lambda: natural_gradient(ica, x),
    }
    seconds = {name: fastest(job, repeats=REPEATS, least=0.05) for name, job in work.items()}
    return {"dim": dim, "components": M, "batch": BATCH, **seconds}


SIZES = [(dim,) for dim in (32, 64, 128, 256, 512, 1024)]
TABLE = Table("autoencoders_growth", SIZES, scores_and_steps)

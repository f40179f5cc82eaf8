"""One instance of every kernel that asks a target for its density, for tests of what they share."""

import torch
from torch.distributions import Normal

from coursepkg.samplers.hmc import HMC
from coursepkg.samplers.langevin import MALA, UnadjustedLangevin
from coursepkg.samplers.metropolis import MetropolisHastings, RandomWalk


def pulled(x, *, generator):
    """A proposal that is not symmetric: towards 0, with noise."""
    return 0.8 * x + 0.7 * torch.randn(x.shape, generator=generator, dtype=x.dtype)


def log_pulled(x_new, x):
    return Normal(0.8 * x, 0.7).log_prob(x_new).sum(1)


MAKERS = {
    "RandomWalk": lambda p, step=0.8: RandomWalk(p, step),
    "MetropolisHastings": lambda p, step=None: MetropolisHastings(p, pulled, log_pulled),
    "UnadjustedLangevin": lambda p, step=0.1: UnadjustedLangevin(p, step),
    "MALA": lambda p, step=0.3: MALA(p, step),
    "HMC": lambda p, step=0.3: HMC(p, step, 5),
}
WITH_SCORE = ["UnadjustedLangevin", "MALA", "HMC"]
WITH_STEP_SIZE = ["RandomWalk", *WITH_SCORE]
ADJUSTED = ["RandomWalk", "MetropolisHastings", "MALA", "HMC"]

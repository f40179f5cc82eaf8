"""What T steps cost a diffusion of the digits, in nats and in seconds.

The guess is exact: pixels are independent, with the frequencies of the training images, so that
log p(x) is known and what the bound lacks is due to the steps alone, which are even in λ. Seconds
are those of a U-Net's draws, which does not depend on what it has learned.
"""

import time
from functools import cache

import torch
from torch import Tensor

from benchmarks.growth.table import Row, Table
from coursepkg.data.digits import LEVELS, SHAPE, load_split
from coursepkg.models.diffusion.chain import NoiseChain, betas_of
from coursepkg.models.diffusion.denoisers import LevelDenoiser, Unheeding
from coursepkg.models.diffusion.discrete_time import Diffusion
from coursepkg.nets.unet import UNet
from coursepkg.rng import seeded

D, DRAWS = 64, 50
MOST, LEAST = 11.0, -9.0
STEPS = (10, 30, 100, 300, 1000)


@torch.no_grad()
def cost(T: int) -> Row:
    """What the bound lacks, nats, with its error over images, and CPU seconds of a draw."""
    split, log_p = load_split(), log_frequencies()
    independent = LevelDenoiser(Unheeding(log_p.flatten()), dim=D, levels=LEVELS)
    known = -log_p.T.gather(0, split.valid).sum(1)
    lacks = -Diffusion(independent, even(T)).elbo(split.valid, generator=seeded(T)) - known
    net = UNet((1, *SHAPE), LEVELS, hidden=16, generator=seeded(0))
    model = Diffusion(LevelDenoiser(net, dim=D, levels=LEVELS), even(T))
    before = time.process_time()
    model.sample(DRAWS, generator=seeded(0))
    return {
        "steps": T, "lacks": lacks.mean().item(), "error": lacks.std().item() / len(lacks) ** 0.5,
        "known": known.mean().item(), "seconds": (time.process_time() - before) / DRAWS,
    }  # fmt: skip


def even(T: int) -> NoiseChain:
    """T log-SNRs in equal steps."""
    return NoiseChain(betas_of(torch.linspace(MOST, LEAST, T, dtype=torch.float64)))


@cache
def log_frequencies() -> Tensor:
    """Of each level at each pixel in the training images, smoothed, (D, K)."""
    counts = torch.nn.functional.one_hot(load_split().train, LEVELS).sum(0) + 0.3
    return (counts / counts.sum(1, keepdim=True)).log()


TABLE = Table("diffusion_growth", [(T,) for T in STEPS], cost)

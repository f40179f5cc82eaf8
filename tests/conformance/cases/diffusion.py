"""Diffusion of levels, in steps and in continuous time, with a condition."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.models.diffusion import (
    ConditionalDiffusion,
    ContinuousDiffusion,
    Diffusion,
    LevelDenoiser,
    LogisticSchedule,
    MixtureGuess,
    NoiseChain,
    Reweighted,
    SimpleLoss,
    cosine_betas,
)
from coursepkg.nets import MLP
from tests.conformance.case import BAD_LEVELS, Case, D, K, discrete, levels, perturbed
from tests.oracles import states


class Told(nn.Module):
    """A perceptron of z, λ and a condition; dropout must draw from the model's generator."""

    def __init__(self, conditions: int, generator: Generator, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.net = MLP([D + 1 + conditions, 8, D * K], generator=generator)

    def forward(self, z: Tensor, log_snr: Tensor, *condition: Tensor) -> Tensor:
        result: Tensor = self.dropout(
            self.net(torch.cat([z, log_snr.to(z)[:, None] / 6, *condition], dim=1))
        )
        return result


def discrete_time(generator: Generator, *, T: int = 60) -> Diffusion:
    denoiser = LevelDenoiser(Told(0, generator), dim=D, levels=K)
    return perturbed(Diffusion(denoiser, NoiseChain(cosine_betas(T))), generator, by=0.1)


def around(net: nn.Module) -> ContinuousDiffusion:
    schedule = LogisticSchedule(most=6.0, least=-6.0, centre=0.0, scale=2.0)
    denoiser = LevelDenoiser(net, dim=D, levels=K)
    return ContinuousDiffusion(denoiser, schedule, points=3, steps=4)


def continuous(generator: Generator) -> ContinuousDiffusion:
    return perturbed(around(Told(0, generator)), generator, by=0.1)


def noisy_first(log_snr: Tensor) -> Tensor:
    """A weight from 1, at little noise, to 2."""
    return 2 - log_snr.sigmoid()


def conditional(generator: Generator) -> ConditionalDiffusion:
    model = ConditionalDiffusion(Told(2, generator, dropout=0.2), around, conditions=2)
    return perturbed(model, generator, by=0.4)


def pairs(n: int, generator: Generator) -> Tensor:
    return torch.randn(n, 2, generator=generator)


CASES = [
    discrete("Diffusion", discrete_time),
    discrete("ContinuousDiffusion", continuous),
    Case("SimpleLoss", lambda g: SimpleLoss(discrete_time(g, T=20)), levels),
    Case("Reweighted", lambda g: Reweighted(continuous(g), noisy_first), levels),
    Case("ConditionalDiffusion", conditional, levels, space=states(K, D), refused=BAD_LEVELS,
         condition=pairs),
]  # fmt: skip

# It says log q(z) at a noise level, which is no law of x.
ELSEWHERE = {MixtureGuess: "tests/coursepkg/models/diffusion/test_mixture.py"}

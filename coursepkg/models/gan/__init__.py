"""Adversarial networks: two players, what they want, what steepness costs, and small games."""

from coursepkg.models.gan.adversarial import GAN, ConditionalGAN
from coursepkg.models.gan.dirac import dirac_eigenvalues, dirac_field
from coursepkg.models.gan.losses import (
    AdversarialLoss,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    Wasserstein,
)
from coursepkg.models.gan.networks import (
    BatchNormMLP,
    ImageCritic,
    ImageMaker,
    Labelled,
    nearest_levels,
    signed_pixels,
)
from coursepkg.models.gan.optimal import (
    game_value,
    jensen_shannon,
    optimal_discriminator,
    optimal_score,
)
from coursepkg.models.gan.penalties import Penalty, R1Penalty, R2Penalty, UnitSlope, squared_slopes
from coursepkg.models.gan.saturation import Watch, saturated

__all__ = [
    "GAN",
    "AdversarialLoss",
    "BatchNormMLP",
    "ConditionalGAN",
    "ImageCritic",
    "ImageMaker",
    "Labelled",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Penalty",
    "R1Penalty",
    "R2Penalty",
    "Relativistic",
    "UnitSlope",
    "Wasserstein",
    "Watch",
    "dirac_eigenvalues",
    "dirac_field",
    "game_value",
    "jensen_shannon",
    "nearest_levels",
    "optimal_discriminator",
    "optimal_score",
    "saturated",
    "signed_pixels",
    "squared_slopes",
]

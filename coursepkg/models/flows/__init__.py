"""Flows: densities by invertible maps, exact or estimated."""

from coursepkg.models.flows.autoregressive import AutoregressiveFlow, patch_order
from coursepkg.models.flows.chain import (
    Chain,
    FactorOut,
    Inverse,
    Permutation,
    StandardNormal,
    squeeze_order,
)
from coursepkg.models.flows.continuous import Continuous
from coursepkg.models.flows.coupling import Coupling, OnGrid, checkerboard, half
from coursepkg.models.flows.elementwise import Affine, Monotone, RationalQuadraticSpline
from coursepkg.models.flows.estimated import (
    DequantisedEstimate,
    EstimatedFlow,
    EstimatedTransform,
)
from coursepkg.models.flows.linear import ActNorm, LULinear, rotation
from coursepkg.models.flows.lipschitz import (
    ContractiveMLP,
    SpectralLinear,
    circular_convolution_norm,
    convolution_norm,
    power_iteration,
)
from coursepkg.models.flows.matching import FlowMatching, Reflow, matching_loss, straightness
from coursepkg.models.flows.multiscale import multi_scale
from coursepkg.models.flows.noise import ConditionalTransformed, VariationalNoise
from coursepkg.models.flows.ode import dormand_prince, euler, rk4
from coursepkg.models.flows.residual import (
    Residual,
    banach_inverse,
    log_det_series,
    predicted_iterations,
    roulette_weights,
    truncated_weights,
)

__all__ = [
    "ActNorm",
    "Affine",
    "AutoregressiveFlow",
    "Chain",
    "ConditionalTransformed",
    "Continuous",
    "ContractiveMLP",
    "Coupling",
    "DequantisedEstimate",
    "EstimatedFlow",
    "EstimatedTransform",
    "FactorOut",
    "FlowMatching",
    "Inverse",
    "LULinear",
    "Monotone",
    "OnGrid",
    "Permutation",
    "RationalQuadraticSpline",
    "Reflow",
    "Residual",
    "SpectralLinear",
    "StandardNormal",
    "VariationalNoise",
    "banach_inverse",
    "checkerboard",
    "circular_convolution_norm",
    "convolution_norm",
    "dormand_prince",
    "euler",
    "half",
    "log_det_series",
    "matching_loss",
    "multi_scale",
    "patch_order",
    "power_iteration",
    "predicted_iterations",
    "rk4",
    "rotation",
    "roulette_weights",
    "squeeze_order",
    "straightness",
    "truncated_weights",
]

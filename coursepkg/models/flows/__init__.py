"""Flows: exact densities by invertible maps."""

from coursepkg.models.flows.chain import (
    Chain,
    FactorOut,
    Inverse,
    Permutation,
    StandardNormal,
    squeeze_order,
)
from coursepkg.models.flows.coupling import Coupling, checkerboard, half
from coursepkg.models.flows.elementwise import Affine, Monotone, RationalQuadraticSpline
from coursepkg.models.flows.linear import ActNorm, LULinear, rotation
from coursepkg.models.flows.noise import ConditionalTransformed, VariationalNoise

__all__ = [
    "ActNorm",
    "Affine",
    "Chain",
    "ConditionalTransformed",
    "Coupling",
    "FactorOut",
    "Inverse",
    "LULinear",
    "Monotone",
    "Permutation",
    "RationalQuadraticSpline",
    "StandardNormal",
    "VariationalNoise",
    "checkerboard",
    "half",
    "rotation",
    "squeeze_order",
]

"""Zero-sum games of two players: value and equilibria, and how players move who follow a field."""

from coursepkg.games.dynamics import (
    Alternating,
    Consensus,
    Extragradient,
    Field,
    Optimistic,
    Play,
    Rule,
    Simultaneous,
    bilinear,
    spectral_radius,
    trajectory,
)
from coursepkg.games.matrix import Equilibrium, MatrixGame, fictitious_play

__all__ = [
    "Alternating",
    "Consensus",
    "Equilibrium",
    "Extragradient",
    "Field",
    "MatrixGame",
    "Optimistic",
    "Play",
    "Rule",
    "Simultaneous",
    "bilinear",
    "fictitious_play",
    "spectral_radius",
    "trajectory",
]

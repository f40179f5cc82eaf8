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
    follow,
    spectral_radius,
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
    "follow",
    "spectral_radius",
]

"""Worlds with states, actions and rewards: given, learnt from experience, and planned in."""

from coursepkg.models.worlds.grid import MOVES, Grid, World, check_world, grid_world
from coursepkg.models.worlds.learnt import (
    Experience,
    counted,
    counts,
    distrustful,
    q_learning,
    wander,
    with_moves,
)
from coursepkg.models.worlds.planning import Plan, value_iteration, value_of_policy

__all__ = [
    "MOVES",
    "Experience",
    "Grid",
    "Plan",
    "World",
    "check_world",
    "counted",
    "counts",
    "distrustful",
    "grid_world",
    "q_learning",
    "value_iteration",
    "value_of_policy",
    "wander",
    "with_moves",
]

"""Learning a law whose normaliser is out of reach: objectives around any model with a free energy.

Each is a module with `loss(x, *, generator)`, to be handed to `coursepkg.training.fit`. Only
`ExactLikelihood` is a likelihood; of the others each measures fit in its own way, and the level of
`StochasticMaximumLikelihood` measures nothing.
"""

from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.objectives.noise import IndependentBernoulli, NoiseContrastive
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.objectives.pseudo import BinaryConditional, PseudoLikelihood, RatioMatching, log_odds
from coursepkg.objectives.score import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    SlicedScoreMatching,
    score,
)

__all__ = [
    "BinaryConditional",
    "DenoisingScoreMatching",
    "ExactLikelihood",
    "ExplicitScoreMatching",
    "IndependentBernoulli",
    "NoiseContrastive",
    "PseudoLikelihood",
    "RatioMatching",
    "SlicedScoreMatching",
    "StochasticMaximumLikelihood",
    "log_odds",
    "score",
]

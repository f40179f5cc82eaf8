"""Data that ships with libraries or is made by us: arrays, and the true log-density where known."""

from coursepkg.data.digits import LEVELS, Split, binarise, load_labels, load_levels, load_split
from coursepkg.data.glyphs import Glyphs, draw_glyphs, load_binary_alphadigits, load_glyphs
from coursepkg.data.languages import Automaton, Dyck, ab_star, even_a
from coursepkg.data.patches import Whitened, draw_patches, load_photographs, whiten
from coursepkg.data.ratings import FILMS, TASTES, NoisyOr, Ratings, film_club, load_ratings
from coursepkg.data.text import Text, Vocabulary, load_text, read_text, split_text
from coursepkg.data.toy import (
    Banana,
    Checkerboard,
    Gumbel,
    IsotropicMixture,
    eight_gaussians,
    two_gaussians,
    two_moons,
)

__all__ = [
    "FILMS",
    "LEVELS",
    "TASTES",
    "Automaton",
    "Banana",
    "Checkerboard",
    "Dyck",
    "Glyphs",
    "Gumbel",
    "IsotropicMixture",
    "NoisyOr",
    "Ratings",
    "Split",
    "Text",
    "Vocabulary",
    "Whitened",
    "ab_star",
    "binarise",
    "draw_glyphs",
    "draw_patches",
    "eight_gaussians",
    "even_a",
    "film_club",
    "load_binary_alphadigits",
    "load_glyphs",
    "load_labels",
    "load_levels",
    "load_photographs",
    "load_ratings",
    "load_split",
    "load_text",
    "read_text",
    "split_text",
    "two_gaussians",
    "two_moons",
    "whiten",
]

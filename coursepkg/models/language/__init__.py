"""Language models: laws over strings, and what their networks attend to."""

from coursepkg.models.language.induction import induction_score
from coursepkg.models.language.model import LanguageModel
from coursepkg.models.language.tightness import least_stop, unfinished

__all__ = ["LanguageModel", "induction_score", "least_stop", "unfinished"]

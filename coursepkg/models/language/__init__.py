"""Language models: laws over strings, what writes from them, and what they cost."""

from coursepkg.models.language.decoding import most_likely, nucleus, temper, top_k
from coursepkg.models.language.induction import induction_score
from coursepkg.models.language.kneser_ney import KneserNey, estimated_discounts
from coursepkg.models.language.model import LanguageModel
from coursepkg.models.language.preference import dpo_loss, optimal_policy, policy_value, preferred
from coursepkg.models.language.scaling import ScalingLaw, fit_scaling_law
from coursepkg.models.language.speculative import Checked, kept_share, remainder, write_ahead
from coursepkg.models.language.stream import NextSymbol, bits_per_character, mixed, stream_log_prob
from coursepkg.models.language.tightness import least_stop, unfinished
from coursepkg.models.language.writing import Remembering, as_it_is, write

__all__ = [
    "Checked",
    "KneserNey",
    "LanguageModel",
    "NextSymbol",
    "Remembering",
    "ScalingLaw",
    "as_it_is",
    "bits_per_character",
    "dpo_loss",
    "estimated_discounts",
    "fit_scaling_law",
    "induction_score",
    "kept_share",
    "least_stop",
    "mixed",
    "most_likely",
    "nucleus",
    "optimal_policy",
    "policy_value",
    "preferred",
    "remainder",
    "stream_log_prob",
    "temper",
    "top_k",
    "unfinished",
    "write",
    "write_ahead",
]

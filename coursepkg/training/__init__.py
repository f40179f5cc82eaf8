"""Training loops: plain loops on Lightning Fabric."""

from coursepkg.training.adversarial import fit_adversarial
from coursepkg.training.history import AdversarialHistory, History
from coursepkg.training.loop import fit
from coursepkg.training.schedule import warm_up_cosine

__all__ = [
    "AdversarialHistory",
    "History",
    "fit",
    "fit_adversarial",
    "warm_up_cosine",
]

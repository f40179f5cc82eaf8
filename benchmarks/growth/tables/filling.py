"""What log p(missing | known) costs as a model has more hidden causes M, for 100 images of 64 bits.

Half of the pixels are missing. "mixture" has M components, "machine" is an RBM with M hidden units,
whose 2^M states are summed over.
"""

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.evidence import log_prob_missing
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.completion import completion_log_prob
from coursepkg.rng import seeded

IMAGES, D = 100, 64
SIZES, KINDS = (4, 6, 8, 10, 12, 14), ("mixture", "machine")
REPEATS, LEAST = 7, 0.02  # runs to choose the fastest of, and CPU seconds that each takes at least


def cost(kind: str, causes: int) -> Row:
    """Least CPU seconds of one call."""
    x = torch.bernoulli(torch.full((IMAGES, D), 0.5), generator=seeded(0))
    known = torch.arange(D) < D // 2
    mixture = CategoricalMixture(causes, dim=D, levels=2, generator=seeded(0))
    machine = RBM(D, causes, generator=seeded(0))
    work = {
        "mixture": lambda: log_prob_missing(mixture, x.long(), known),
        "machine": lambda: completion_log_prob(machine, x, known),
    }
    seconds = fastest(work[kind], repeats=REPEATS, least=LEAST)
    return {"kind": kind, "causes": causes, "seconds": seconds}


TABLE = Table("filling_growth", [(kind, M) for kind in KINDS for M in SIZES], cost)

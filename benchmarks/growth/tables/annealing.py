"""What log Z of an RBM costs as it grows: summed exactly, and estimated by annealing.

The machines have 64 visible units and M hidden ones with random weights; the sum runs over 2^M
states, while annealed importance sampling has the same number of chains and temperatures for each
M, and its own error beside the true one where the sum can be paid for.
"""

import time

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.rng import seeded
from coursepkg.samplers.annealed import annealed_importance

VISIBLE, CHAINS, TEMPERATURES, LARGEST_SUM, REPEATS = 64, 100, 1000, 20, 3
SPREAD = 0.5  # standard deviation of the weights: a trained machine's, about


def both(M: int) -> Row:
    """CPU seconds of both, the estimate's own error, and how far it is from the sum, nats."""
    rbm = machine(M)
    betas = torch.linspace(0, 1, TEMPERATURES + 1)
    began = time.process_time()
    ais = annealed_importance(RBMPath(rbm), betas, chains=CHAINS, generator=seeded(1))
    ais_seconds = time.process_time() - began
    row = {"M": M, "chains": CHAINS, "temperatures": TEMPERATURES, "ais_seconds": ais_seconds,
           "ais_error": ais.error, "sum_seconds": None, "off": None}  # fmt: skip
    if M > LARGEST_SUM:
        return row
    with torch.no_grad():
        off = ais.log_Z - rbm.log_z().item()
        seconds = fastest(rbm.log_z, repeats=REPEATS)
    return row | {"sum_seconds": seconds, "off": off}


def machine(M: int) -> RBM:
    """64 visible and M hidden units with random weights; each field has mean zero at h = 1/2."""
    rbm = RBM(VISIBLE, M, generator=seeded(0), scale=SPREAD)
    with torch.no_grad():
        rbm.b.copy_(-rbm.W.sum(1) / 2)
        rbm.c.copy_(-rbm.W.sum(0) / 2)
    return rbm


SIZES = (4, 8, 10, 12, 14, 16, 18, 20, 50, 100, 200)
TABLE = Table("partition_growth", [(M,) for M in SIZES], both, torch.float64)

"""What scoring and sampling one batch cost an autoregressive model as the variables grow in number.

The two are measured in one process, so their ratio means something where the seconds do not.
"""

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.nets.conv import CausalCNN
from coursepkg.rng import seeded

LEVELS, BATCH, REPEATS = 17, 16, 3


@torch.no_grad()
def score_and_sample(dim: int) -> Row:
    """Seconds of scoring and of sampling a batch, and how often the network ran."""
    generator = seeded(0)
    net = CausalCNN(
        dim=dim, levels=LEVELS, embedding=4, channels=32, window=18, blocks=(1,), dropout=0,
        generator=generator,
    )  # fmt: skip
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    model = ARM(net, dim=dim, levels=LEVELS).eval()
    x = model.sample(BATCH, generator=generator)
    handle = net.register_forward_hook(count)
    model.sample(BATCH, generator=generator)
    handle.remove()
    score = fastest(lambda: model.log_prob(x), repeats=10 * REPEATS)
    sample = fastest(lambda: model.sample(BATCH, generator=generator), repeats=REPEATS)
    return {"dim": dim, "batch": BATCH, "score_seconds": score, "sample_seconds": sample,
            "ratio": sample / score, "sample_passes": passes}  # fmt: skip


TABLE = Table("sampling_cost", [(dim,) for dim in (16, 32, 64, 128, 256)], score_and_sample)

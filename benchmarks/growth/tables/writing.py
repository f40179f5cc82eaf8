"""What writing costs as the text grows: all keys and values anew for each symbol, or kept."""

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest, keep_memory
from coursepkg.models.language.writing import Remembering, write
from coursepkg.nets.transformer import gpt
from coursepkg.rng import seeded

SYMBOLS, WIDTH, HEADS, DEPTH, TEXTS = 80, 128, 4, 4, 8


def naive_and_kept(length: int) -> Row:
    """Seconds to write `length` symbols of each of eight texts."""
    keep_memory()
    net = gpt(symbols=SYMBOLS, context=length + 1, width=WIDTH, heads=HEADS, depth=DEPTH,
              generator=seeded(0)).eval()  # fmt: skip
    prompt = torch.zeros(TEXTS, 1, dtype=torch.int64)
    naive = fastest(lambda: write(net, prompt, length, generator=seeded(1)), repeats=1)
    kept = fastest(lambda: write(Remembering(net), prompt, length, generator=seeded(1)), repeats=1)
    return {"length": length, "texts": TEXTS, "naive_seconds": naive, "kept_seconds": kept,
            "ratio": naive / kept}  # fmt: skip


LENGTHS = (16, 32, 64, 128, 256)
TABLE = Table("writing_growth", [(length,) for length in LENGTHS], naive_and_kept)

"""What attention costs as the sequence grows: all T² weights stored, or block by block."""

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest, keep_memory
from coursepkg.nets.attention import causal_attention, fused_attention
from coursepkg.rng import seeded

HEADS, SIZE, REPEATS = 4, 32, 5


@torch.no_grad()
def naive_and_fused(length: int) -> Row:
    """Seconds of one call of each, and the bytes of the weights that only the first stores."""
    keep_memory()
    generator = seeded(0)
    q, k, v = (torch.randn(1, HEADS, length, SIZE, generator=generator) for _ in range(3))
    naive = fastest(lambda: causal_attention(q, k, v), repeats=REPEATS, least=0.02)
    fused = fastest(lambda: fused_attention(q, k, v), repeats=REPEATS, least=0.02)
    return {"length": length, "heads": HEADS, "size": SIZE, "naive_seconds": naive,
            "fused_seconds": fused, "ratio": naive / fused,
            "weight_bytes": 4 * HEADS * length**2}  # fmt: skip


LENGTHS = (64, 128, 256, 512, 1024, 2048)
TABLE = Table("attention_growth", [(length,) for length in LENGTHS], naive_and_fused)

"""Seconds of a training step of our layer beside torch's `TransformerEncoderLayer` of its size.

    python -m benchmarks.speed.transformer

writes `benchmarks/results/transformer_speed.json`. Both are pre-norm layers with the same weights,
causal, without dropout, in training mode; a step is forward, backward and AdamW, on the same
numbers, in one process on one thread that keeps its memory. They take turns, and each keeps its
fastest. Compare the ratios.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor, nn

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest, keep_memory
from coursepkg.nets.transformer import PreNormLayer
from coursepkg.rng import global_state_from, seeded

WIDTH, HEADS, BATCH, ROUNDS = 128, 4, 16, 9


def main(
    lengths: Annotated[list[int] | None, typer.Argument(help="places of a sequence")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Times every length, prints the ratios, writes the results."""
    torch.set_num_threads(1)
    keep_memory()
    rows = [race(T) for T in lengths or (64, 256)]
    for row in rows:
        print("T = {length}: {ours:.4f} s a step, torch's × {torch:.2f}".format(**row))
    write_results(out / "transformer_speed.json", rows)


def race(length: int) -> dict[str, Any]:
    """One row: CPU seconds of one training step of ours; torch's as a multiple of it."""
    x = torch.randn(BATCH, length, WIDTH, generator=seeded(0))
    mask = nn.Transformer.generate_square_subsequent_mask(length)
    ours, theirs = layers()
    works = [
        step(ours, lambda: ours(x)),
        step(theirs, lambda: theirs(x, src_mask=mask, is_causal=True)),
    ]
    rounds = [[fastest(work, repeats=1, least=0.1) for work in works] for _ in range(ROUNDS)]
    least, peer = map(min, zip(*rounds, strict=True))
    return {"length": length, "width": WIDTH, "heads": HEADS, "batch": BATCH, "ours": least,
            "torch": peer / least}  # fmt: skip


def layers() -> tuple[PreNormLayer, nn.TransformerEncoderLayer]:
    """Ours, and torch's with the same weights."""
    ours = PreNormLayer(WIDTH, heads=HEADS, generator=seeded(0))
    with global_state_from(seeded(0)):
        theirs = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, nn.GELU(approximate="tanh"), batch_first=True,
            norm_first=True,
        )  # fmt: skip
    names = {
        "self_attn.in_proj_": "attend.project.", "self_attn.out_proj.": "attend.out.",
        "linear1.": "mlp.0.", "linear2.": "mlp.2.", "norm1.": "norm1.", "norm2.": "norm2.",
    }  # fmt: skip
    state = ours.state_dict()
    theirs.load_state_dict({
        a + part: state[b + part].clone() for a, b in names.items() for part in ("weight", "bias")
    })
    return ours, theirs


def step(layer: nn.Module, forward: Callable[[], Tensor]) -> Callable[[], None]:
    """Forward, backward and AdamW."""
    optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-4)

    def work() -> None:
        optimizer.zero_grad()
        forward().square().mean().backward()
        optimizer.step()

    return work


if __name__ == "__main__":
    typer.run(main)

"""Sampling with cached activations beside sampling that recomputes everything: the same draws.

    python -m benchmarks.speed.sampling

writes `benchmarks/results/sampling_speed.json`: for every autoregressive network, CPU seconds of
one batch of images of 64 pixels by D passes (`ARM`) and by D steps (`CachedARM`), in one process on
one thread, from the same state of the generator. Compare the ratios, not the seconds. A batch where
the two do not draw the same levels is an error.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import nn

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.nade import NADE
from coursepkg.nets.pixelcnn import PixelCNN
from coursepkg.nets.recurrent import RasterGRU, RowLSTM
from coursepkg.nets.wavenet import WaveNet
from coursepkg.rng import seeded

SHAPE, D, LEVELS = (8, 8), 64, 17


def networks() -> dict[str, nn.Module]:
    """One network of each kind, untrained: what a draw costs does not depend on the weights."""
    generator = seeded(0)
    return {
        "NADE": NADE(dim=D, levels=LEVELS, hidden=500, generator=generator),
        "GRU over the raster": RasterGRU(
            dim=D, levels=LEVELS, embedding=8, hidden=128, generator=generator
        ),
        "LSTM row by row": RowLSTM(
            SHAPE, levels=LEVELS, embedding=8, hidden=64, generator=generator
        ),
        "PixelCNN": PixelCNN(
            SHAPE, levels=LEVELS, embedding=4, channels=64, window=7, blocks=4, generator=generator
        ),
        "gated PixelCNN": GatedPixelCNN(
            SHAPE, levels=LEVELS, embedding=4, channels=32, window=7, layers=4, generator=generator
        ),
        "WaveNet": WaveNet(
            levels=LEVELS, channels=32, dilations=[1, 2, 4, 8, 16, 32], generator=generator
        ),
    }  # fmt: skip


def main(
    batch: Annotated[int, typer.Option(help="images in a batch")] = 100,
    repeats: Annotated[int, typer.Option(help="runs, of which the fastest counts")] = 2,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Times every network both ways, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    rows = [race(name, net, batch=batch, repeats=repeats) for name, net in networks().items()]
    for row in rows:
        print("{net}: naive {naive:.3f} s, cached {cached:.4f} s, × {ratio:.1f}".format(**row))
    write_results(out / "sampling_speed.json", rows)


def race(name: str, net: nn.Module, *, batch: int, repeats: int) -> dict[str, Any]:
    """One row: CPU seconds of one batch without and with memory.

    Raises:
        ValueError: if the two draw different levels.
    """
    naive, cached = (kind(net.eval(), dim=D, levels=LEVELS) for kind in (ARM, CachedARM))
    slow, fast = (model.sample(batch, generator=seeded(1)) for model in (naive, cached))
    if not torch.equal(slow, fast):
        different = int((slow != fast).any(1).sum())
        raise ValueError(f"{name}: expected equal draws, got {different} of {batch} that differ")
    seconds = [
        fastest(partial(model.sample, batch, generator=seeded(1)), repeats=repeats)
        for model in (naive, cached)
    ]
    return {"net": name, "dim": D, "batch": batch, "naive": seconds[0], "cached": seconds[1],
            "ratio": seconds[0] / seconds[1]}  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

"""U-Net and transformer as denoisers of the digits, at equal seconds: which bound do they reach?

    python -m benchmarks.studies.denoisers

writes `benchmarks/results/denoisers.json`. Each network is timed for two epochs, and gets as
many as fit into the same CPU seconds, validation among them; the epoch with the lowest validation
loss is kept. Written are the bounds in continuous time, nats an image, of each seed.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot

from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, Split, load_split
from coursepkg.evaluation import nats
from coursepkg.models.diffusion.continuous_time import ContinuousDiffusion, LogisticSchedule
from coursepkg.models.diffusion.denoisers import LevelDenoiser
from coursepkg.nets.dit import DiffusionTransformer
from coursepkg.nets.head import LevelHead
from coursepkg.nets.headed import Headed
from coursepkg.nets.unet import UNet
from coursepkg.rng import seeded

D, CHANNELS, BATCH = SHAPE[0] * SHAPE[1], 8, 100
LOOKS = LogisticSchedule(most=11.0, least=-9.0, centre=2.5, scale=1.5)
NETS: dict[str, Callable[[Generator], nn.Module]] = {
    "U-Net": lambda g: UNet((1, *SHAPE), CHANNELS, hidden=24, dropout=0.1, generator=g),
    "transformer, patches of 2×2": lambda g: DiffusionTransformer(
        (1, *SHAPE), CHANNELS, patch=2, width=64, layers=4, heads=4, dropout=0.1, generator=g
    ),
    "transformer, single pixels": lambda g: DiffusionTransformer(
        (1, *SHAPE), CHANNELS, patch=1, width=48, layers=3, heads=4, dropout=0.1, generator=g
    ),
}


def main(
    seeds: Annotated[int, typer.Option(help="of the training", min=1)] = 1,
    seconds: Annotated[float, typer.Option(help="CPU seconds of each training")] = 60.0,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains each network, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    split, rows = load_split(), []
    for name, make in NETS.items():
        found = [reached(make, split, seconds, seed) for seed in range(seeds)]
        rows.append({"net": name, **{key: [each[key] for each in found] for key in found[0]}})
        print(rows[-1], flush=True)
        write_results(out / "denoisers.json", rows)


def fresh(make: Callable[[Generator], nn.Module], train: Tensor, seed: int) -> ContinuousDiffusion:
    """An untrained diffusion; it starts at the frequencies of the levels, (N, D)."""
    head = LevelHead(dim=D, levels=LEVELS, channels=CHANNELS)
    counts = one_hot(train, LEVELS).sum(0) + 0.1
    head.start_from((counts / counts.sum(1, keepdim=True)).log())
    denoiser = LevelDenoiser(Headed(make(seeded(seed)), head), dim=D, levels=LEVELS)
    return ContinuousDiffusion(denoiser, LOOKS, points=50, steps=1000)


def reached(
    make: Callable[[Generator], nn.Module], split: Split, seconds: float, seed: int
) -> dict[str, Any]:
    """What one training of so many seconds reaches."""
    train = partial(trained, split=split, seed=seed)
    train(fresh(make, split.train, seed), epochs=2)  # warm
    epochs = max(2, round(2 * seconds / train(fresh(make, split.train, seed), epochs=2)))
    model = fresh(make, split.train, seed)
    spent = train(model, epochs=epochs)
    bounds: dict[str, float] = {}
    for part in ("valid", "test"):
        found = nats(model.eval(), getattr(split, part), generator=seeded(1))
        bounds |= {part: found.value, f"{part}_error": found.error_data}
    size = sum(each.numel() for each in model.parameters())
    return {"weights": size, "epochs": epochs, "cpu_seconds": spent, **bounds}


def trained(model: ContinuousDiffusion, *, split: Split, epochs: int, seed: int) -> float:
    """Trains the model; CPU seconds that it took, looks at the validation images among them."""
    start = time.process_time()
    one_cycle(
        model, split.train, valid=split.valid, epochs=epochs, batch_size=BATCH, rate=3e-3,
        decay=0.5, clip=100.0, generator=seeded(seed),
    )  # fmt: skip
    return time.process_time() - start


if __name__ == "__main__":
    typer.run(main)

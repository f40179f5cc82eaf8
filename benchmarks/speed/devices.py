"""Seconds of a training step on one process and on two, and what arithmetic makes of them.

    python -m benchmarks.speed.devices

writes `benchmarks/results/devices.json`. `training.fit` trains two networks of the digits, one of
few weights and much work (masked convolutions), one of many weights (a masked perceptron), with the
same batch on one process and shared by two over gloo, each process on one thread; wall-clock
seconds of a step, of the fastest epoch. Beside them the seconds with half the batch on one process,
which is the work that one of two has, and those of an exchange of as many numbers as there are
weights. The machine must have two idle cores.
"""

import math
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import LEVELS, SHAPE, load_split
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.nets.made import MADE
from coursepkg.nets.pixelcnn import PixelCNN
from coursepkg.rng import seeded
from coursepkg.training import fit

D, ROUNDS, PROCESSES = SHAPE[0] * SHAPE[1], 3, (1, 2, 4, 8, 64)


def convolutions(quick: bool) -> nn.Module:
    """Few weights, each used at 64 places."""
    return PixelCNN(SHAPE, levels=LEVELS, embedding=4, channels=4 if quick else 48, window=7,
                    blocks=3, generator=seeded(0))  # fmt: skip


def perceptron(quick: bool) -> nn.Module:
    """Many weights, each used once an image."""
    return MADE(dim=D, levels=LEVELS, hidden=[8 if quick else 1024], generator=seeded(0))


NETS: dict[str, Callable[[bool], nn.Module]] = {
    "convolutions": convolutions, "perceptron": perceptron
}  # fmt: skip


def main(
    quick: Annotated[bool, typer.Option(help="small networks, one round")] = False,
    batch: Annotated[int, typer.Option(help="examples a step, over all processes")] = 200,
    epochs: Annotated[int, typer.Option(help="of each training", min=2)] = 5,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Times both networks, prints a line for each, writes the results."""
    x = load_split().train
    rows = [race(name, x, batch, epochs, quick=quick) for name in NETS]
    for row in rows:
        print("{net}: {weights} weights, {alone:.4f} s a step alone, {together:.4f} s of two "
              "(× {gain:.2f})".format(**row))  # fmt: skip
    if not quick or out != RESULTS:
        write_results(out / "devices.json", rows)


def race(name: str, x: Tensor, batch: int, epochs: int, *, quick: bool) -> dict[str, Any]:
    """One row; the settings take turns, and each keeps its fastest."""
    weights = sum(p.numel() for p in NETS[name](quick).parameters())
    settings = {"alone": (1, batch), "half": (1, batch // 2), "together": (2, batch)}
    rounds = [
        {key: launched(processes, step_seconds, name, x, B, epochs, quick)
         for key, (processes, B) in settings.items()}
        | {"exchange": launched(2, exchange_seconds, weights)}
        for _ in range(1 if quick else ROUNDS)
    ]  # fmt: skip
    best = {key: min(each[key] for each in rounds) for key in rounds[0]}
    expected = {
        str(P): predicted(P, alone=best["alone"], half=best["half"], exchange=best["exchange"])
        for P in PROCESSES
    }
    return {"net": name, "weights": weights, "batch": batch, **best,
            "gain": best["alone"] / best["together"], "predicted": expected}  # fmt: skip


def launched(processes: int, work: Callable[..., float], *given: Any) -> float:
    """What the first of so many processes measures."""
    strategy = "auto" if processes == 1 else "ddp_fork"
    fabric = Fabric(accelerator="cpu", devices=processes, strategy=strategy)
    seconds: float = fabric.launch(work, *given)
    return seconds


def step_seconds(
    fabric: Fabric, name: str, x: Tensor, batch: int, epochs: int, quick: bool
) -> float:
    """Wall-clock seconds of one step of `fit`, of the fastest epoch but the first."""
    torch.set_num_threads(1)
    model = ARM(NETS[name](quick), dim=D, levels=LEVELS)
    history = fit(
        model, x, epochs=epochs, batch_size=batch, optimizer=Adam(model.parameters(), 1e-3),
        monitor=lambda _: time.perf_counter(), fabric=fabric, generator=seeded(1), progress=False,
    )  # fmt: skip
    epoch = min(after - before for before, after in pairwise(history.monitored))
    return float(epoch) / math.ceil(len(x) / batch)


def exchange_seconds(fabric: Fabric, weights: int, repeats: int = 10) -> float:
    """Seconds of one mean over the processes of as many numbers as there are weights."""
    torch.set_num_threads(1)
    gradient, clock = torch.zeros(weights, dtype=torch.float32), []
    for _ in range(repeats):
        fabric.barrier()
        start = time.perf_counter()
        fabric.all_reduce(gradient)
        clock.append(time.perf_counter() - start)
    return min(clock)


def predicted(processes: int, *, alone: float, half: float, exchange: float) -> float:
    """Seconds of a step of P processes, as far as arithmetic goes.

    A step takes a B + b seconds alone, of which P processes share a B. Each sends and receives
    2 (P - 1) / P times its gradient (a ring), which is `exchange` for P = 2. Latency, and what is
    exchanged while others compute, are not counted.

    Args:
        processes: their number P.
        alone: seconds of a step of B examples on one process.
        half: of B/2.
        exchange: of the gradient between two.
    """
    shared = 2 * (alone - half)
    fixed = alone - shared
    return shared / processes + fixed + 2 * (processes - 1) / processes * exchange


if __name__ == "__main__":
    typer.run(main)

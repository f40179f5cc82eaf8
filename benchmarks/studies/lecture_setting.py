"""The lecture's setting: 1,500 training images, 60 epochs, with 17 and with 256 output levels.

    python -m benchmarks.studies.lecture_setting

scores rows [1500:] and writes `benchmarks/results/lecture_setting.json`. The split is not the
course's, so that the numbers stay out of the leaderboard.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.optim import Adam

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import LEVELS, load_levels
from coursepkg.evaluation import nats
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.nets.conv import CausalCNN
from coursepkg.rng import seeded
from coursepkg.training import fit

D, TRAIN, LINE = 64, 1500, "K = {levels}, epoch {epoch}: {nats:.2f} nats, waste {waste:.3f}"
CHECKPOINTS = (0, 1, 2, 4, 8, 15, 30, 60)


def main(
    epochs: Annotated[int, typer.Option(help="epochs at most")] = 60,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains both versions, prints a line for each checkpoint and writes the results."""
    torch.set_num_threads(1)
    x = load_levels()
    marks = [epoch for epoch in CHECKPOINTS if epoch <= epochs]
    rows = [row for levels in (LEVELS, 256) for row in train(levels, x[:TRAIN], x[TRAIN:], marks)]
    for row in rows:
        print(LINE.format(**row))
    write_results(out / "lecture_setting.json", rows)


def train(levels: int, seen: Tensor, unseen: Tensor, marks: list[int]) -> list[dict[str, Any]]:
    """Trains with constant rate, as published codes do, and scores at the epochs of `marks`."""
    generator, start = seeded(0), time.process_time()
    net = CausalCNN(
        dim=D, levels=levels, embedding=4, channels=64, window=18, blocks=(1,), dropout=0.4,
        generator=generator,
    )  # fmt: skip
    model, rows, done = ARM(net, dim=D, levels=levels), [], 0
    optimizer = Adam(model.parameters(), lr=1e-3)
    for epoch in marks:
        if epoch > done:
            fit(model, seen, epochs=epoch - done, batch_size=50, optimizer=optimizer,
                generator=generator, progress=False)  # fmt: skip
        done, score = epoch, nats(model, unseen)
        rows.append({"levels": levels, "epoch": epoch, "nats": score.value,
                     "error_data": score.error_data, "waste": waste(model, unseen),
                     "train_nats": nats(model, seen).value,
                     "cpu_seconds": time.process_time() - start})  # fmt: skip
    return rows


@torch.no_grad()
def waste(model: ARM, x: Tensor) -> float:
    """Nats that an image costs because mass lies on levels that never occur (`arm-waste`)."""
    model.eval()
    possible: Tensor = model.net(x).log_softmax(-1)[..., :LEVELS].logsumexp(-1)
    model.train()
    return -possible.sum(-1).mean().item()


if __name__ == "__main__":
    typer.run(main)

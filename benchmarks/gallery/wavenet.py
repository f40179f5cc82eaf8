"""A WaveNet of spoken vowels by class: a fifth of a second of 256 levels.

    python -m benchmarks.gallery.wavenet

trains for less than ten CPU minutes and writes `coursepkg/weights/wavenet.pt`, a `state_dict` in
half precision, and `benchmarks/results/gallery-wavenet.json`: the sizes of the network, and its
exact scores.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.nn.functional import one_hot
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.audio import VOWELS, load_vowels, mu_law_encode, radiate
from coursepkg.evaluation import nats
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets.trained import FOLDER
from coursepkg.nets.wavenet import WaveNet
from coursepkg.rng import seeded
from coursepkg.training import fit

T, LEVELS, CLASSES = 1600, 256, len(VOWELS)
CHANNELS, DILATIONS = 32, [2**layer for layer in range(9)]


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    epochs: Annotated[int, typer.Option(help="passes over the clips")] = 14,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    start, clips = time.process_time(), parts()
    model = train(*clips[:2], epochs=1 if quick else epochs)
    row: dict[str, Any] = {"channels": CHANNELS, "dilations": DILATIONS, "samples": T}
    row |= {"levels": LEVELS, "cpu_seconds": time.process_time() - start}
    state = {name: value.half() for name, value in model.net.state_dict().items()}
    model.net.load_state_dict(state)  # what is written is what is scored
    for part, (x, c) in zip(("train", "valid", "test"), clips, strict=True):
        row[part] = score(model, x[:100], c[:100])
    print(row)
    if quick and out is None:
        return
    (out or FOLDER).mkdir(exist_ok=True)
    torch.save(state, (out or FOLDER) / "wavenet.pt")
    write_results((out or RESULTS) / "gallery-wavenet.json", [row])


def network() -> ConditionalARM:
    """The untrained model, by vowel."""
    net = WaveNet(
        levels=LEVELS, channels=CHANNELS, dilations=DILATIONS, conditions=CLASSES,
        generator=seeded(0),
    )  # fmt: skip
    return ConditionalARM(net, dim=T, levels=LEVELS, conditions=CLASSES)


def train(
    learn: tuple[Tensor, Tensor], valid: tuple[Tensor, Tensor], *, epochs: int
) -> ConditionalARM:
    """AdamW with one cycle of the rate and averaged weights; keeps the best epoch of validation."""
    model, rate, batch = network(), 4e-3, 5
    optimizer = AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = OneCycleLR(
        optimizer, max_lr=rate, total_steps=epochs * -(-len(learn[0]) // batch), pct_start=0.1,
        cycle_momentum=False,
    )  # fmt: skip
    fit(
        model, learn[0], condition=learn[1], valid=valid[0], valid_condition=valid[1],
        epochs=epochs, batch_size=batch, optimizer=optimizer, schedule=schedule, ema=0.99,
        clip=1.0, generator=seeded(1), progress=False,
    )  # fmt: skip
    return model


def parts() -> list[tuple[Tensor, Tensor]]:
    """The three parts of the vowels: levels (N, T), and which vowel each is, one-hot (N, 5)."""
    return [
        (
            mu_law_encode(radiate(part.waveforms[:, :T])),
            one_hot(part.vowels, CLASSES).to(torch.get_default_dtype()),
        )
        for part in load_vowels()
    ]


def score(model: ConditionalARM, x: Tensor, c: Tensor) -> dict[str, Any]:
    """Exact nats of clips given their vowels, and bits per sample."""
    found = nats(model, x, condition=c, batch_size=50)
    return {"nats": found.value, "error_data": found.error_data,
            "bits_per_dim": found.bits_per_dim(T)}  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

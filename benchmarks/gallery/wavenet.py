"""A WaveNet of spoken vowels by class: a fifth of a second of 256 levels.

    python -m benchmarks.gallery.wavenet

trains for less than ten CPU minutes and writes `coursepkg/weights/wavenet.pt`, a `state_dict` in
half precision, and `benchmarks/results/gallery-wavenet.json`: the sizes of the network, and its
exact scores.
"""

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.nn.functional import one_hot

from benchmarks.gallery.publish import publish
from benchmarks.recipe import one_cycle
from coursepkg.data.audio import VOWELS, load_vowels, mu_law_encode, radiate
from coursepkg.evaluation import nats
from coursepkg.gallery.sequences import SAMPLES, SOUND_LEVELS, WAVENET
from coursepkg.gallery.sequences import wavenet as built
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.rng import seeded

T, LEVELS, CLASSES = SAMPLES, SOUND_LEVELS, len(VOWELS)


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    epochs: Annotated[int, typer.Option(help="passes over the clips")] = 14,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    start, clips = time.process_time(), parts()
    model = train(*clips[:2], epochs=1 if quick else epochs)
    row: dict[str, Any] = {**WAVENET, "samples": T}
    row |= {"levels": LEVELS, "cpu_seconds": time.process_time() - start}
    scores = {
        part: partial(nats, model, x[:100], condition=c[:100], batch_size=50)
        for part, (x, c) in zip(("train", "valid", "test"), clips, strict=True)
    }
    publish("wavenet", model.net, row, scores, dim=T, quick=quick, out=out)


def network() -> ConditionalARM:
    """The untrained model, by vowel."""
    return built(generator=seeded(0))[0]


def train(
    learn: tuple[Tensor, Tensor], valid: tuple[Tensor, Tensor], *, epochs: int
) -> ConditionalARM:
    """By the recipe of `one_cycle`."""
    model = network()
    one_cycle(
        model, learn[0], condition=learn[1], valid=valid[0], valid_condition=valid[1],
        epochs=epochs, batch_size=5, rate=4e-3, decay=0.01, clip=1.0, generator=seeded(1),
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


if __name__ == "__main__":
    typer.run(main)

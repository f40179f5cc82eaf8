"""Masked diffusion of words with an even number of a, beside the entropy of their language.

    python -m benchmarks.gallery.words

trains three seeds for half a CPU minute each, scores each on fresh words, and writes the first
to `coursepkg/weights/words.pt`, in half precision, and all scores to
`benchmarks/results/gallery-words.json`: nats a symbol, of the bound and of the truth.
"""

import math
import time
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor

from benchmarks.gallery.publish import save
from benchmarks.recipe import one_cycle
from coursepkg.data.languages import even_a
from coursepkg.evaluation import nats
from coursepkg.gallery.sequences import WORD
from coursepkg.gallery.sequences import words as built
from coursepkg.models.masked import AnyOrder
from coursepkg.rng import seeded

D, ALPHABET = WORD, "ab."  # a word is filled up with dots; one that needs none is drawn again
TRAIN, TEST, SEEDS, SCORED = 20_000, 2000, 3, 8


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    start, models = time.process_time(), []
    for seed in range(1 if quick else SEEDS):
        models.append(trained(epochs=1 if quick else 30, generator=seeded(seed)))
    seconds = (time.process_time() - start) / len(models)
    H, length = truth()
    row: dict[str, Any] = {"entropy": H / length, "length": length, "cpu_seconds": seconds}
    x = symbols(TEST, generator=seeded(100))

    def scores() -> dict[str, Any]:
        found = [nats(m, x, generator=seeded(101), draws=SCORED) for m in models]
        return {
            "nats": [score.value / length for score in found],
            "excess": [gap(m, x, generator=seeded(101)) / length for m in models],
        }

    save("words", models[0].net, row, scores, quick=quick, out=out)


def trained(*, epochs: int, generator: Generator) -> AnyOrder:
    """One model of fresh words."""
    model, _ = built(generator=generator)
    one_cycle(
        model, symbols(TRAIN, generator=generator), valid=None, epochs=epochs, batch_size=200,
        rate=3e-3, decay=0.01, clip=10.0, generator=generator,
    )  # fmt: skip
    return model


def symbols(n: int, *, generator: Generator) -> Tensor:
    """n words of fewer than D letters, a as 0, b as 1, the end as 2: (n, D) int64."""
    words: list[str] = []
    while len(words) < n:
        drawn = even_a().sample(n, generator=generator)
        words += [word for word in drawn if len(word) < D]
    return encoded(words[:n])


def encoded(words: list[str]) -> Tensor:
    """Words as symbols, filled up with the end, (n, D)."""
    return torch.tensor([[ALPHABET.index(c) for c in word.ljust(D, ".")] for word in words])


def truth() -> tuple[float, float]:
    """Entropy of a word of fewer than D letters, nats, and its mean number of symbols with end."""
    words = ["".join(w) for n in range(D) for w in product("ab", repeat=n)]
    log_p = even_a().log_prob(words).double().log_softmax(0)
    lengths = torch.tensor([len(word) + 1.0 for word in words], dtype=torch.float64)
    p = log_p.exp()
    return torch.special.entr(p).sum().item(), (p @ lengths).item()


def gap(model: AnyOrder, x: Tensor, *, generator: Generator) -> float:
    """Mean of log p(x) of the truth less the bound, nats a word: the same words in both."""
    words = ["".join(ALPHABET[int(k)] for k in row).rstrip(".") for row in x]
    inside = even_a().log_prob(["".join(w) for n in range(D) for w in product("ab", repeat=n)])
    log_p = even_a().log_prob(words).double() - inside.double().logsumexp(0)
    bound = nats(model, x, generator=generator, draws=SCORED).value
    excess = log_p.mean().item() + bound
    assert math.isfinite(excess), "a word outside the language"
    return excess


if __name__ == "__main__":
    typer.run(main)

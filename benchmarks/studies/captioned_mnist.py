"""Whether digits drawn to order are what the caption asked for: the attributes measured again.

    python -m benchmarks.studies.captioned_mnist

trains nothing: it takes the network that `python -m benchmarks.gallery.captions` trained, draws
with each weight of the caption, and writes `benchmarks/results/captioned_mnist.json`. The judge
reads the class of a draw, the strokes are measured, and what is remarkable beside the training
images of that class is compared with what was asked, thing by thing; what a caption does not say is
not counted. The captions are those of the test images, and as many that put any digit and any
attributes together, as nobody may have written them. Beside them stand draws whose caption names
the digit alone, measured against the full one: what the class gives by itself. All are drawn from
five noises; "error" is the standard error of their mean. The weight is chosen on the captions of
the validation images: the least that is within a hundredth of the best. With weight 1 and the digit
alone, the share of draws that are remarkable stands beside what silence means by Bayes' rule.
Fréchet distance in the judge's features to as many test images says what the weight costs.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.gallery.captions import SILENT, captions, ink, published
from benchmarks.gallery.judge import images, trained
from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.guided_mnist import guided
from coursepkg.data.captions import (
    ATTRIBUTES,
    Remarkable,
    count_words,
    measure_strokes,
    write_captions,
)
from coursepkg.data.mnist import load_mnist
from coursepkg.evaluation.samples import frechet_distance
from coursepkg.gallery.images import CLASSES, SIDE
from coursepkg.nets.judge import Judge
from coursepkg.rng import seeded

WEIGHTS, SEEDS = (1.0, 1.5, 2.0, 3.0, 5.0), 5
NEAR = 0.01


def main(
    size: Annotated[int, typer.Option(help="captions of each part", min=20)] = 500,
    weights: Annotated[list[float] | None, typer.Option(help="of the caption")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Draws, measures, and writes the results."""
    torch.set_num_threads(1)
    start, net, judge = time.process_time(), published(), trained()
    remarkable, (_, valid, test) = captions()
    real = judge.features(images(load_mnist().test[:size])).detach()
    rows: list[dict[str, Any]] = []
    for weight in weights or WEIGHTS:
        x = drawn(net, valid[:size], weight, generator=seeded(2))
        rows.append({"weight": weight, "valid": agreement(valid[:size], seen(x, judge, remarkable)),
                     "frechet": frechet_distance(real, judge.features(x).detach())})  # fmt: skip
        print(rows[-1], flush=True)
    chosen = least_of_the_best(rows)
    digit = torch.cat([test[:size, :1], torch.zeros_like(test[:size, 1:])], dim=1)
    any_of_them = anything(size, generator=seeded(4))
    final: dict[str, Any] = {"chosen": chosen}
    for name, told, asked in (
        ("test", test[:size], test[:size]), ("any", any_of_them, any_of_them),
        ("digit_alone", digit, test[:size]),
    ):  # fmt: skip
        found = [drawn(net, told, chosen, generator=seeded(10 + seed)) for seed in range(SEEDS)]
        final[name] = averaged([agreement(asked, seen(x, judge, remarkable)) for x in found])
    x = drawn(net, digit, 1.0, generator=seeded(6))
    found = (seen(x, judge, remarkable)[:, 1:] != 0).double().mean(0).tolist()
    final["unsaid"] = {"expected": 2 * unsaid(1 / 3, SILENT),
                       "found": dict(zip(ATTRIBUTES[1:], found, strict=True))}  # fmt: skip
    rows.append(final | {"cpu_seconds": time.process_time() - start})
    print(rows[-1])
    write_results(out / "captioned_mnist.json", rows)


@torch.no_grad()
def drawn(net: nn.Module, attributes: Tensor, weight: float, *, generator: Generator) -> Tensor:
    """An image for a caption of each row, (B, 4) -> (B, 784)."""
    told = count_words(write_captions(attributes, generator=generator))
    told = told.to(next(net.parameters()))
    z = torch.randn(len(told), SIDE**2, generator=generator, dtype=told.dtype)
    return guided(net, z, told, weight)


@torch.no_grad()
def seen(x: Tensor, judge: Judge, remarkable: Remarkable) -> Tensor:
    """What the judge and the ruler see in images (B, 784), as attributes (B, 4)."""
    return remarkable.attributes(measure_strokes(ink(x)), judge.read(x))


def unsaid(share: float, silent: float) -> float:
    """p(thin | nothing is said of it), where `share` are thin, and as many thick.

    Source: :eq:`caption-silence`.

    Args:
        share: p(thin).
        silent: probability that what is remarkable is not said.
    """
    return share * silent / (2 * share * silent + 1 - 2 * share)


def agreement(asked: Tensor, found: Tensor) -> dict[str, dict[str, float]]:
    """Of each attribute, how often it was asked for, and the share that is found; then of all."""
    said = asked != 0
    said[:, 0] = True  # zero is a digit
    right = (asked == found) & said
    times = said.sum(0)
    row = {
        name: {"asked": int(times[a]), "share": (right[:, a].sum() / times[a]).item()}
        for a, name in enumerate(ATTRIBUTES)
    }
    whole = (right == said).all(1)
    row["all"] = {"asked": int(times.sum()), "share": (right.sum() / times.sum()).item()}
    row["whole_caption"] = {"asked": len(asked), "share": whole.double().mean().item()}
    return row


def least_of_the_best(rows: list[dict[str, Any]]) -> float:
    """The least weight whose agreement is within a hundredth of the best."""
    shares = {row["weight"]: row["valid"]["all"]["share"] for row in rows}
    return float(min(w for w, share in shares.items() if share >= max(shares.values()) - NEAR))


def averaged(repeats: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Mean share over repetitions, and its standard error."""
    row = {}
    for name, first in repeats[0].items():
        shares = torch.tensor([each[name]["share"] for each in repeats], dtype=torch.float64)
        row[name] = {"asked": first["asked"], "share": shares.mean().item(),
                     "error": (shares.std() / len(shares) ** 0.5).item()}  # fmt: skip
    return row


def anything(n: int, *, generator: Generator) -> Tensor:
    """The ten digits in turn, each with any of the 27 sets of attributes, (n, 4)."""
    values = torch.randint(3, (n, 3), generator=generator) - 1
    return torch.cat([torch.arange(n)[:, None] % CLASSES, values], dim=1)


if __name__ == "__main__":
    typer.run(main)

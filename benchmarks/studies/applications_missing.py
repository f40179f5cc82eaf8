"""Missing pixels of the binarised digits: who fills them best, and who says how sure it is?

    python -m benchmarks.studies.applications_missing

writes `benchmarks/results/applications_missing.json`. Three masks: half of the pixels at random,
the lower half, the 16 in the middle. Two numbers a test image, for the missing pixels only: the
mean squared error of what is filled in (of each pixel its probability, as squared error asks), and
-log p(missing | known) in nats, of the families that have one. Sizes and strengths were chosen by
a look at the validation images; the seed draws masks, weights and order. Gains are over the
frequency of each pixel among the training images, seed by seed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Tensor

from benchmarks.gains import gain, printed
from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import Split, binarise, load_split
from coursepkg.models.masked import AnyOrder, log_weight_missing
from coursepkg.models.mixtures import (
    CategoricalMixture,
    known_evidence,
    log_prob_missing,
    probs_given,
)
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.completion import completion_log_prob, completion_probs
from coursepkg.models.rbm.learning import PersistentChains, train
from coursepkg.nets.symbols import SymbolMLP
from coursepkg.rng import seeded

D, SIDE = 64, 8
NEIGHBOURS, RIDGE = 10, 0.02
Fill = Callable[[Tensor, Tensor], Tensor]


class Filler(NamedTuple):
    """What a family does with images (B, D), zeros and ones, and masks (B, D)."""

    fill: Fill  # the probability of ink, (B, D)
    cost: Fill | None = None  # -log p(missing | known), (B,), nats


def frequencies(split: Split, seed: int, quick: bool) -> Filler:
    """Each pixel by itself: a mixture of one component."""
    return mixture(split, seed, quick, components=1)


def neighbours(split: Split, seed: int, quick: bool) -> Filler:
    """The mean of the ten training images that differ in fewest known pixels."""

    def fill(x: Tensor, known: Tensor) -> Tensor:
        differ = ((x[:, None] != split.train) & known[:, None]).sum(2)
        return split.train[differ.topk(NEIGHBOURS, largest=False).indices].mean(1)

    return Filler(fill)


def normal(split: Split, seed: int, quick: bool) -> Filler:
    """The best linear guess, that of one normal law of all pixels, kept between 0 and 1."""
    mean = split.train.mean(0)
    S = split.train.T.cov() + RIDGE * torch.eye(D)

    def fill(x: Tensor, known: Tensor) -> Tensor:
        filled = x.clone()
        for row, k in zip(filled, known, strict=True):
            away = torch.linalg.solve(S[k][:, k], row[k] - mean[k])
            row[~k] = (mean[~k] + S[~k][:, k] @ away).clamp(0, 1)
        return filled

    return Filler(fill)


def mixture(split: Split, seed: int, quick: bool, *, components: int = 80) -> Filler:
    """A mixture of products, exactly."""
    model = CategoricalMixture(
        components, dim=D, levels=2, shrinkage=1.0, smoothing=0.1, tolerance=1e-3,
        steps=3 if quick else 100, generator=seeded(seed),
    )  # fmt: skip
    model.fit(split.train.long())
    return Filler(
        lambda x, known: probs_given(model, known_evidence(x.long(), known, levels=2))[..., 1],
        lambda x, known: -log_prob_missing(model, x.long(), known),
    )


def machine(split: Split, seed: int, quick: bool) -> Filler:
    """A restricted Boltzmann machine of 12 hidden units, by a sum over their 4,096 states."""
    generator = seeded(seed)
    rbm = RBM(D, 4 if quick else 12, generator=generator)
    rbm.start_from(split.train)
    train(
        rbm, split.train, negative=PersistentChains(100), epochs=2 if quick else 60,
        batch_size=50, step_size=0.2, last_step_size=0.0, average=0.99, generator=generator,
    )  # fmt: skip
    return Filler(
        lambda x, known: completion_probs(rbm, x, known),
        lambda x, known: -completion_log_prob(rbm, x, known),
    )


def any_order(split: Split, seed: int, quick: bool) -> Filler:
    """A small masked perceptron; its cost is a bound, of one order of the missing pixels."""
    generator = seeded(seed)
    net = SymbolMLP(D, levels=2, hidden=16 if quick else 128, blocks=2, generator=generator)
    model = AnyOrder(net, dim=D, levels=2)
    one_cycle(
        model, split.train.long(), valid=split.valid.long(), epochs=2 if quick else 40,
        batch_size=100, rate=3e-3, decay=0.5, clip=100.0, generator=generator,
    )  # fmt: skip
    model.eval()

    def fill(x: Tensor, known: Tensor) -> Tensor:
        with torch.no_grad():
            return model.log_conditionals(x.long().masked_fill(~known, 2))[..., 1].exp()

    def cost(x: Tensor, known: Tensor) -> Tensor:
        return -log_weight_missing(model, x.long(), known, generator=seeded(seed + 1))

    return Filler(fill, cost)


FAMILIES: dict[str, Callable[[Split, int, bool], Filler]] = {
    "frequencies": frequencies, "ten neighbours": neighbours, "one normal law": normal,
    "mixture": mixture, "RBM, 12 units": machine, "any order": any_order,
}  # fmt: skip


def masks(n: int, *, seed: int) -> dict[str, Tensor]:
    """Which pixels are known, (n, D) bool each."""
    pixel = torch.arange(D)
    row, column = pixel // SIDE, pixel % SIDE
    middle = (row >= 2) & (row < 6) & (column >= 2) & (column < 6)
    return {
        "half at random": torch.rand(n, D, generator=seeded(seed)) < 0.5,
        "lower half": (row < SIDE // 2).expand(n, D),
        "middle": (~middle).expand(n, D),
    }


def measure(filler: Filler, x: Tensor, known: Tensor) -> dict[str, float]:
    """Mean squared error of the missing pixels, and nats an image where there are any."""
    square = (filler.fill(x, known) - x).square()[~known].mean().item()
    if filler.cost is None:
        return {"squared error": square}
    return {"squared error": square, "nats": filler.cost(x, known).mean().item()}


def main(
    families: Annotated[list[str] | None, typer.Argument(help="some of FAMILIES")] = None,
    seeds: Annotated[int, typer.Option(help="repetitions", min=2)] = 5,
    part: Annotated[str, typer.Option(help="valid or test")] = "test",
    quick: Annotated[bool, typer.Option(help="sizes that only show that it runs")] = False,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Fits every family, fills the test images, prints and writes gains."""
    torch.set_num_threads(1)
    split = Split(*(binarise(x) for x in load_split()))
    x = getattr(split, part)
    found: dict[tuple[str, str, str], list[float]] = {}
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(("frequencies", *(families or FAMILIES))):
        for seed in range(seeds):
            filler = FAMILIES[name](split, seed, quick)
            for mask, known in masks(len(x), seed=seed).items():
                for what, value in measure(filler, x, known).items():
                    found.setdefault((name, mask, what), []).append(value)
        for (_, mask, what), values in ((k, v) for k, v in found.items() if k[0] == name):
            base = found["frequencies", mask, what]
            rows.append({"family": name, "mask": mask, "what": what, **gain(values, base)})
            print(printed(rows[-1]), flush=True)
        write_results(out / "applications_missing.json", rows)


if __name__ == "__main__":
    typer.run(main)

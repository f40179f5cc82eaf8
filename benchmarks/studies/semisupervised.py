"""What images without labels are worth to a classifier: M2 beside the same network on labels alone.

    python -m benchmarks.studies.semisupervised

writes `benchmarks/results/semisupervised.json`. N of the 1,000 training digits have labels, as many
of each class as can be; M2 also sees the others. The classifier of M2 and the one that stands alone
are the same perceptron from the same initial weights, trained for as many steps; both
keep the epoch with the fewest errors on the 350 validation images. Differences are taken seed by
seed: the seed draws the labels, the weights and the order.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW

from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.features import some
from coursepkg.data.digits import LEVELS, Split, load_labels, load_split
from coursepkg.models.autoencoders.conditional import ConditionalVAE
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.models.autoencoders.semisupervised import ABSENT, M2, SemiSupervised
from coursepkg.nets.head import LevelHead
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded
from coursepkg.training import fit

D, CLASSES, LATENT, HIDDEN, CHANNELS = 64, 10, 8, 64, 4
WEIGHT = 50.0  # α, nats of a label beside the nats of an image


class Alone(nn.Module):
    """The classifier by itself, on pixels from -1 to 1."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.net = classifier(seed)

    def loss(self, x: Tensor, *, condition: Tensor, generator: torch.Generator) -> Tensor:
        """-log q(y | x), (B, D) and labels (B,) -> (B,), nats."""
        return cross_entropy(self.net(Categories(D, LEVELS).inputs(x)), condition, reduction="none")


def classifier(seed: int) -> MLP:
    """q(y | x) before training."""
    return MLP([D, HIDDEN, CLASSES], generator=seeded(seed))


def m2(seed: int) -> M2:
    """The model before training."""
    generator = seeded(seed)
    encoder = MLP([D + CLASSES, HIDDEN, 2 * LATENT], generator=generator)
    decoder = nn.Sequential(
        MLP([LATENT + CLASSES, HIDDEN, D * CHANNELS], generator=generator),
        LevelHead(dim=D, levels=LEVELS, channels=CHANNELS),
    )
    model = ConditionalVAE(
        encoder, decoder, likelihood=Categories(D, LEVELS), latent=LATENT, conditions=CLASSES
    )
    return M2(model, classifier(seed))


def errors(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of wrong answers."""
    with torch.no_grad():
        wrong: Tensor = net(Categories(D, LEVELS).inputs(x)).argmax(1) != y
    return wrong.double().mean().item()


def compare(
    labels: int, seed: int, images: Split, digits: Split, *, epochs: int
) -> tuple[float, float]:
    """Test errors of the classifier alone and of M2's."""
    few = some(digits.train, labels, seed=seed)
    seen = torch.full_like(digits.train, ABSENT)
    seen[few] = digits.train[few]
    found = []
    for model, x, y in (
        (Alone(seed), images.train[few], digits.train[few]),
        (SemiSupervised(m2(seed), WEIGHT), images.train, seen),
    ):
        passes = epochs * math.ceil(len(images.train) / 50) // math.ceil(len(x) / 50)
        fit(
            model, x, condition=y, epochs=passes, batch_size=50, ema=0.99, clip=100.0,
            optimizer=AdamW(model.parameters(), lr=2e-3, weight_decay=0.01),
            select=lambda judged: errors(reader(judged), images.valid, digits.valid),
            generator=seeded(seed), progress=False,
        )  # fmt: skip
        found.append(errors(reader(model), images.test, digits.test))
    return found[0], found[1]


def reader(model: Any) -> nn.Module:
    """The classifier in either of them."""
    net: nn.Module = model.net if isinstance(model, Alone) else model.model.classifier
    return net


def main(
    labels: Annotated[list[int] | None, typer.Argument(help="numbers of labelled images")] = None,
    seeds: Annotated[int, typer.Option(help="repetitions", min=2)] = 6,
    epochs: Annotated[int, typer.Option(help="passes of M2; as many steps alone")] = 60,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Compares the two with every number of labels, prints and writes their errors."""
    torch.set_num_threads(1)
    images, digits = load_split(), load_labels()
    rows: list[dict[str, Any]] = []
    for n in labels or (50, 100):
        found = [compare(n, seed, images, digits, epochs=epochs) for seed in range(seeds)]
        rows.append(summary(n, found))
        print("{labels:5} labels: alone {alone:.1%}, M2 {m2:.1%}, {gain:+.1%} ± {error:.1%}".format(
            **rows[-1]))  # fmt: skip
    write_results(out / "semisupervised.json", rows)


def summary(labels: int, found: list[tuple[float, float]]) -> dict[str, Any]:
    """One row: mean errors, and the mean difference with its standard error over the seeds."""
    alone, both = torch.tensor(found, dtype=torch.float64).T
    gain = alone - both
    return {
        "labels": labels, "alone": alone.mean().item(), "m2": both.mean().item(),
        "gain": gain.mean().item(), "error": (gain.std() / math.sqrt(len(gain))).item(),
        "alone_per_seed": alone.tolist(), "m2_per_seed": both.tolist(),
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

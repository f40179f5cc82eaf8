"""Fifty labels: do drawn images help a classifier, and do images without labels?

    python -m benchmarks.studies.applications_labels

writes `benchmarks/results/applications_labels.json`. The classifier is logistic regression on
pixels from 0 to 1; the number is its share of errors on the 447 test images. It gets 50 labelled
training images, five a class, and beside them 500 more, ten for each, made in one of these ways:

- small affine maps of the labelled images, which we know not to change the digit;
- normal noise on them;
- draws from a normal law a class, means of five images and one shrunken covariance;
- draws from M2, which saw the other 950 training images too, without labels;
- the 950 other images with labels guessed: scikit-learn's self-training and label spreading;
- for comparison, 500 other training images with their true labels.

Widths, strengths and thresholds are first guesses, looked at once on the validation images. M2's
own classifier, a network, stands beside: what it gains, it gains without drawing. Gains are over
the 50 labels alone, seed by seed: the seed draws labels, weights and images.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import typer
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from torch import Generator, Tensor
from torch.nn.functional import one_hot
from torch.optim import AdamW

from benchmarks.gains import gain, printed
from benchmarks.leaderboard.entries.pixelcnn import distorted
from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.features import some
from benchmarks.studies.semisupervised import CLASSES, WEIGHT, errors, m2
from coursepkg.data.digits import LEVELS, Split, load_labels, load_split
from coursepkg.models.autoencoders.semisupervised import ABSENT, M2, SemiSupervised
from coursepkg.rng import seeded
from coursepkg.training import fit

LABELS, TIMES = 50, 10
STRENGTH, WIDTH, SHRINKAGE, SURE, NEAR = 0.12, 0.1, 0.7, 0.8, 7


def regression() -> LogisticRegression:
    """The classifier."""
    return LogisticRegression(C=1.0, max_iter=500)


def judged(x: Tensor, y: Tensor, test: tuple[Tensor, Tensor]) -> float:
    """Share of errors on the test images of the classifier that saw x, (N, 64), real, and y."""
    return 1 - float(regression().fit(x.numpy(), y.numpy()).score(*(t.numpy() for t in test)))


def class_normal(x: Tensor, y: Tensor, *, generator: Generator) -> Tensor:
    """One draw for each row from its class's normal law: its mean, and a covariance for all."""
    means = torch.stack([x[y == k].mean(0) for k in range(CLASSES)])
    away = x - means[y]
    S = away.T @ away / (len(x) - CLASSES)
    S = (1 - SHRINKAGE) * S + SHRINKAGE * S.diagonal().mean() * torch.eye(x.shape[1])
    noise = torch.randn(x.shape, generator=generator)
    drawn: Tensor = means[y] + noise @ torch.linalg.cholesky(S).T
    return drawn


def generative(images: Split, y: Tensor, digits: Split, *, epochs: int, seed: int) -> M2:
    """M2 trained on all training images, of which some have labels y; epoch by validation."""
    model = SemiSupervised(m2(seed), WEIGHT)
    fit(
        model, images.train, condition=y, epochs=epochs, batch_size=50, ema=0.99, clip=100.0,
        optimizer=AdamW(model.parameters(), lr=2e-3, weight_decay=0.01),
        select=lambda now: errors(now.model.classifier, images.valid, digits.valid),
        generator=seeded(seed), progress=False,
    )  # fmt: skip
    return model.eval().model


def compare(images: Split, digits: Split, part: str, *, epochs: int, seed: int) -> dict[str, float]:
    """Errors of each way, of one seed; without M2 for epochs 0."""
    generator = seeded(seed)
    few = some(digits.train, LABELS, seed=seed)
    x, y = images.train / (LEVELS - 1), digits.train
    test = getattr(images, part) / (LEVELS - 1), getattr(digits, part)
    many = few.repeat(TIMES)
    seen = torch.full_like(y, ABSENT)
    seen[few] = y[few]
    moved, _ = distorted(images.train[many], STRENGTH, generator)
    noisy = x[many] + WIDTH * torch.randn(x[many].shape, generator=generator)
    drawn = torch.cat([class_normal(x[few], y[few], generator=generator) for _ in range(TIMES)])
    others = torch.randperm(len(y), generator=generator)
    others = others[seen[others] == ABSENT][: TIMES * LABELS]
    more: dict[str, tuple[Tensor, Tensor]] = {
        "small affine maps": (moved / (LEVELS - 1), y[many]),
        "noise": (noisy, y[many]),
        "a normal law a class": (drawn, y[many]),
        "true images": (x[others], y[others]),
    }
    found = {"50 labels": judged(x[few], y[few], test)}
    if epochs:
        model = generative(images, seen, digits, epochs=epochs, seed=seed)
        with torch.no_grad():
            condition = one_hot(y[many], CLASSES).float()
            made = model.model.sample(len(many), condition=condition, generator=generator)
        more["draws of M2"] = made / (LEVELS - 1), y[many]
        found["M2's own classifier"] = errors(
            model.classifier, getattr(images, part), getattr(digits, part)
        )
    for name, (x_more, y_more) in more.items():
        both = torch.cat([x[few], x_more]), torch.cat([y[few], y_more])
        found[name] = judged(*both, test)
    return found | without_labels(x, seen, test)


def without_labels(x: Tensor, seen: Tensor, test: tuple[Tensor, Tensor]) -> dict[str, float]:
    """What scikit-learn's two ways make of all images and the labels that are seen."""
    ways: dict[str, Callable[[], object]] = {
        "self-training": lambda: SelfTrainingClassifier(regression(), threshold=SURE),
        "label spreading": lambda: LabelSpreading(kernel="knn", n_neighbors=NEAR),
    }
    found = {}
    for name, make in ways.items():
        model = make()
        model.fit(x.numpy(), seen.numpy())  # type: ignore[attr-defined]
        score = model.score(*(t.numpy() for t in test))  # type: ignore[attr-defined]
        found[name] = 1 - float(score)
    return found


def main(
    seeds: Annotated[int, typer.Option(help="repetitions", min=2)] = 5,
    epochs: Annotated[int, typer.Option(help="of M2; 0 leaves it out")] = 30,
    part: Annotated[str, typer.Option(help="valid or test")] = "test",
    first: Annotated[int, typer.Option(help="the first seed")] = 0,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Compares all, prints and writes gains over the 50 labels alone."""
    torch.set_num_threads(1)
    images, digits = load_split(), load_labels()
    runs = [
        compare(images, digits, part, epochs=epochs, seed=seed)
        for seed in range(first, first + seeds)
    ]
    base = [run["50 labels"] for run in runs]
    rows = [{"beside": name, **gain([run[name] for run in runs], base)} for name in runs[0]]
    for row in rows:
        print(printed(row), flush=True)
    write_results(out / "applications_labels.json", rows)


if __name__ == "__main__":
    typer.run(main)

"""What stands beside the — of a model that defines no density: measures of what it draws.

Samples are compared with random halves of the test images, as many of them as a half has; so that
a measure of the samples, and its noise floor, which puts the other half in the samples' place, are
of equal sizes. What is hidden from pixels may show in the features of a classifier of the digits,
the judge.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, leaky_relu

from benchmarks.recipe import one_cycle
from coursepkg.data.digits import Split, load_labels
from coursepkg.evaluation import eval_mode
from coursepkg.evaluation.given import takes_condition
from coursepkg.evaluation.samples import (
    classifier_test,
    density_coverage,
    frechet_distance,
    median_bandwidth,
    mmd_squared,
    noise_floor,
    precision_recall,
)
from coursepkg.nets.mlp import MLP
from coursepkg.protocols import Sampler
from coursepkg.rng import seeded

CLASSES, FEATURES = 10, 32
REPEATS = 20  # random halves of the images, each beside as many samples
POOL = 5  # samples an image, of which these are parts


class Measure(NamedTuple):
    """A number of images and samples.

    Args:
        of: images (M, D) and samples (N, D), to a number.
        level: of the quantile of the floor; 0.95 if the number should be small, 0.05 if large.
    """

    of: Callable[[Tensor, Tensor], float]
    level: float = 0.95


def measures(split: Split) -> dict[str, Measure]:
    """All that a board prints; bandwidth and judge are of the training images."""
    return _measures(split.train, torch.get_default_dtype())


@lru_cache(maxsize=4)  # by the tensor, not by what is in it
def _measures(train: Tensor, dtype: torch.dtype) -> dict[str, Measure]:
    train = train.to(dtype)
    bandwidth, features = median_bandwidth(train), judge(train)
    return {
        "mmd2": Measure(lambda x, y: mmd_squared(x, y, bandwidth=bandwidth)),
        "frechet": Measure(lambda x, y: frechet_distance(features(x), features(y))),
        "precision": Measure(lambda x, y: precision_recall(x, y).precision, 0.05),
        "recall": Measure(lambda x, y: precision_recall(x, y).recall, 0.05),
        "density": Measure(lambda x, y: density_coverage(x, y).density, 0.05),
        "coverage": Measure(lambda x, y: density_coverage(x, y).coverage, 0.05),
        "c2st": Measure(
            lambda x, y: classifier_test(features(x), features(y), generator=seeded(0)).accuracy
        ),
        "nearest": Measure(lambda _, y: torch.cdist(y, train).amin(1).median().item(), 0.05),
    }


def judged(
    draw: Callable[[int, Generator], Tensor], images: Tensor, asked: Mapping[str, Measure],
    *, repeats: int = REPEATS, generator: Generator,
) -> dict[str, float]:  # fmt: skip
    """The mean of each measure, over random halves of the images and as many samples.

    Args:
        draw: makes n samples (n, D), on the scale of the images.
        images: that the model has not seen, (N, D).
        asked: the measures, by name.
        repeats: how many halves.
        generator: of halves and samples.
    """
    images, half = images.to(torch.get_default_dtype()), len(images) // 2
    total = dict.fromkeys(asked, 0.0)
    for _ in range(repeats):
        part = images[torch.randperm(len(images), generator=generator)[:half]]
        samples = draw(half, generator).to(part)
        for name, measure in asked.items():
            total[name] += measure.of(part, samples) / repeats
    return total


def summary(
    found: Sequence[Mapping[str, float]], valid: Sequence[Mapping[str, float]], images: Tensor,
    asked: Mapping[str, Measure], *, splits: int = 100,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """By measure: mean over seeds with its standard error, all values, and the noise floor.

    Args:
        found: what `judged` gave on the test images, for each seed.
        valid: the same on validation.
        images: the test images, (N, D).
        asked: the measures, by name.
        splits: divisions of the images, for the floor.
    """
    images, rows = images.to(torch.get_default_dtype()), {}
    for name, measure in asked.items():
        floor = noise_floor(
            measure.of, images, splits=splits, level=measure.level, generator=seeded(0)
        )
        rows[name] = _over_seeds([each[name] for each in found]) | {
            "valid_per_seed": [each[name] for each in valid], "floor_mean": floor.mean,
            "floor_quantile": floor.quantile, "level": measure.level,
        }  # fmt: skip
    return rows


def beside(
    draw: Callable[[Any, int, Generator], Tensor], models: Sequence[tuple[Any, Generator]],
    split: Split, *, repeats: int = REPEATS,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """The measures of models that have a likelihood too, by name.

    Samples are dear here, so each model draws once, as many as there are test images, and random
    halves of these are compared with random halves of those.
    """
    test = []
    for model, generator in models:
        draw_again = partial(some, draw(model, len(split.test), generator))
        test.append(
            judged(draw_again, split.test, measures(split), repeats=repeats, generator=generator)
        )
    return {name: _over_seeds([each[name] for each in test]) for name in test[0]}


def some(pool: Tensor, n: int, generator: Generator) -> Tensor:
    """As many samples of a pool (N, dim), none of them twice: (n, dim)."""
    return pool[torch.randperm(len(pool), generator=generator)[:n]]


def own(model: Any, n: int, generator: Generator) -> Tensor:
    """Draws by the model's `sample`, or by that of what its wrappers hold.

    Raises:
        TypeError: if there is none.
    """
    law = model
    while not isinstance(law, Sampler) and hasattr(law, "model"):
        law = law.model
    if not isinstance(law, Sampler) or takes_condition(law.sample):
        raise TypeError(f"expected a model that samples, got a {type(model).__name__}")
    with eval_mode(law):
        return law.sample(n, generator=generator)


def judge(train: Tensor) -> Callable[[Tensor], Tensor]:
    """The 32 features (N, 32) from which a perceptron reads the digits of the training images."""
    labels, scale = load_labels().train[: len(train)], train.max()
    model = _Classifier(train.shape[1])
    one_cycle(model, train / scale, valid=None, condition=labels, epochs=20, batch_size=50,
              rate=1e-2, decay=0.1, generator=seeded(1))  # fmt: skip

    @torch.no_grad()
    def features(x: Tensor) -> Tensor:
        return model.eval().features(x / scale)

    return features


def _over_seeds(values: Sequence[float]) -> dict[str, Any]:
    x = torch.tensor(values, dtype=torch.float64)
    error = None if len(x) < 2 else (x.std() / math.sqrt(len(x))).item()
    return {"value": x.mean().item(), "error_seeds": error, "per_seed": x.tolist()}


class _Classifier(nn.Module):
    """A perceptron with two hidden layers, the second of which is shown."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        generator = seeded(0)
        self.below = MLP([dim, 128, FEATURES], generator=generator)
        self.above = MLP([FEATURES, CLASSES], generator=generator)

    def features(self, x: Tensor) -> Tensor:
        return leaky_relu(self.below(x))

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        return cross_entropy(self.above(self.features(x)), condition, reduction="none")

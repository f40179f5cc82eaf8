"""A classifier that starts as a deep belief network, beside the same one without pretraining.

    python -m benchmarks.studies.pretraining

writes `benchmarks/results/pretraining.json`. Perceptrons 64-100-100-10 with sigmoid units read the
binarised digits; N of the 1,000 training images have labels. "pretrained" starts from a belief
network that saw all 1,000 images without labels, "random" from the usual initial weights; the step
size is chosen for each on the validation images, and so is the step at which training stops. A
"logistic" regression and, since sigmoid units are hard to train, a perceptron with "ReLU" units
stand beside them. Errors are over seeds: of the weights, and of which images have labels.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import binarise, load_labels, load_split
from coursepkg.models.boltzmann.dbn import DBN, classifier, greedy
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.harmonium import Harmonium
from coursepkg.models.rbm.learning import PersistentChains, train
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded

SIZES, CLASSES = (64, 100, 100), 10
STEP_SIZES = (0.002, 0.01)
LOOK_EVERY = 10  # steps between two looks at the validation images


class Labelled(NamedTuple):
    """Images and what they show."""

    x: Tensor  # (N, 64) zeros and ones
    y: Tensor  # (N,) digits


def pretrain(x: Tensor, *, epochs: int, generator: Generator) -> DBN:
    """Two machines, greedily, on images without labels."""

    def learn(machine: Harmonium, x: Tensor) -> None:
        assert isinstance(machine, RBM)
        machine.start_from(x)
        train(machine, x, negative=PersistentChains(100), epochs=epochs, batch_size=50,
              step_size=0.1, last_step_size=0.0, average=0.99, generator=generator)  # fmt: skip

    machines = [RBM(D, M, generator=generator) for D, M in pairwise(SIZES)]
    return greedy(machines, x, train=learn, generator=generator)


def tune(
    model: nn.Module, train: Labelled, valid: Labelled, *, step_size: float, steps: int
) -> float:
    """Full-batch Adam; leaves the weights with the fewest validation errors, and returns those."""
    optimizer = Adam(model.parameters(), lr=step_size)
    fewest, best = math.inf, model.state_dict()
    for step in range(steps + 1):
        if step % LOOK_EVERY == 0 and (errors := error_rate(model, valid)) < fewest:
            fewest, best = errors, {k: v.clone() for k, v in model.state_dict().items()}
        loss = cross_entropy(model(train.x), train.y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.load_state_dict(best)
    return fewest


@torch.no_grad()
def error_rate(model: nn.Module, data: Labelled) -> float:
    """Share of wrong answers."""
    wrong: Tensor = model(data.x).argmax(1) != data.y
    return wrong.double().mean().item()


def some(data: Labelled, n: int, *, generator: Generator) -> Labelled:
    """n examples at random, without replacement."""
    rows = torch.randperm(len(data.x), generator=generator)[:n]
    return Labelled(data.x[rows], data.y[rows])


def starts(dbn: DBN) -> dict[str, Callable[[Generator], nn.Module]]:
    """What each competitor starts from, given its own generator."""
    random = partial(MLP, [*SIZES, CLASSES])
    return {
        "pretrained": lambda g: classifier(dbn, CLASSES, generator=g),
        "random": lambda g: random(activation=torch.sigmoid, generator=g),
        "ReLU": lambda g: random(activation=torch.relu, generator=g),
        "logistic": lambda g: MLP([SIZES[0], CLASSES], generator=g),
    }


def main(
    labels: Annotated[list[int] | None, typer.Argument(help="numbers of labelled images")] = None,
    seeds: Annotated[int, typer.Option(help="repetitions")] = 5,
    epochs: Annotated[int, typer.Option(help="of pretraining, each layer")] = 200,
    steps: Annotated[int, typer.Option(help="of fine-tuning")] = 300,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains every competitor with every number of labels, prints and writes the errors."""
    torch.set_num_threads(1)
    parts = [Labelled(binarise(x), y) for x, y in zip(load_split(), load_labels(), strict=True)]
    train, valid, test = parts
    rows: list[dict[str, Any]] = []
    networks = [pretrain(train.x, epochs=epochs, generator=seeded(s)) for s in range(seeds)]
    for n in labels or (20, 50, 100, 200, 500, 1000):
        for name in starts(networks[0]):
            found = []
            for seed, dbn in enumerate(networks):
                few = some(train, n, generator=seeded(seed))
                tries = []
                for step_size in STEP_SIZES:
                    model = starts(dbn)[name](seeded(seed))
                    errors = tune(model, few, valid, step_size=step_size, steps=steps)
                    tries.append((errors, step_size, error_rate(model, test)))
                found.append(min(tries))
            rows.append(summary(name, n, found))
            print(
                "{start:10} {labels:5} labels: {test_error:6.1%} ± {error:.1%}".format(**rows[-1])
            )
    write_results(out / "pretraining.json", rows)


def summary(name: str, n: int, found: list[tuple[float, float, float]]) -> dict[str, Any]:
    """One row: the mean test error and its standard error over the seeds."""
    test = torch.tensor([row[2] for row in found], dtype=torch.float64)
    return {
        "start": name, "labels": n, "test_error": test.mean().item(),
        "error": (test.std() / math.sqrt(len(test))).item() if len(test) > 1 else None,
        "valid_errors": [row[0] for row in found], "step_sizes": [row[1] for row in found],
        "test_errors": test.tolist(),
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

"""What a linear classifier makes of the hidden units of a machine, beside the pixels themselves.

    python -m benchmarks.studies.features

writes `benchmarks/results/features.json`. The same logistic regression reads pixels, principal
components or the hidden probabilities of a machine that saw all 1,000 training images without
labels. n of them have labels, drawn anew for every split, and each machine has its own seed. The
penalty is chosen by cross-validation within the n labelled images, so that no other label is used;
differences are taken split by split, and their error is over the splits.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from numpy import float64
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import binarise, load_labels, load_split
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.learning import PersistentChains, train
from coursepkg.rng import seeded

PENALTIES = {"C": [0.01, 0.1, 1.0, 10.0, 100.0]}


def machine(x: Tensor, *, epochs: int, seed: int) -> RBM:
    """The chapter's machine of 100 hidden units."""
    generator = seeded(seed)
    rbm = RBM(x.shape[1], 100, generator=generator)
    rbm.start_from(x)
    train(rbm, x, negative=PersistentChains(100), epochs=epochs, batch_size=50, step_size=0.2,
          last_step_size=0.001, average=0.99, generator=generator)  # fmt: skip
    return rbm


def some(y: Tensor, n: int, *, seed: int) -> Tensor:
    """n rows of which every class has as many as any other, or one less."""
    order = torch.randperm(len(y), generator=seeded(seed))
    place = torch.zeros_like(y)
    for k in y.unique():
        place[y[order] == k] = torch.arange(int((y == k).sum()))
    return order[place.argsort(stable=True)[:n]]


def accuracy(
    f: NDArray[float64], y: Tensor, f_test: NDArray[float64], y_test: Tensor, *, seed: int
) -> float:
    """Share of right answers on the test images, the penalty chosen by cross-validation."""
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    fit = GridSearchCV(LogisticRegression(tol=1e-3, max_iter=1000), PENALTIES, cv=folds)
    return float(fit.fit(f, y).score(f_test, y_test))


def main(
    labels: Annotated[list[int] | None, typer.Argument(help="numbers of labelled images")] = None,
    splits: Annotated[int, typer.Option(help="repetitions", min=2)] = 20,
    epochs: Annotated[int, typer.Option(help="of the machines")] = 40,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Fits all three with every number of labels, prints and writes the accuracies."""
    torch.set_num_threads(1)
    x, _, x_test = map(binarise, load_split())
    y, _, y_test = load_labels()
    components = PCA(40).fit(x.numpy())
    machines = [machine(x, epochs=epochs, seed=s) for s in range(min(splits, 5))]
    rows: list[dict[str, Any]] = []
    for n in labels or (30, 100, 300):
        found: dict[str, list[float]] = {"pixels": [], "PCA": [], "RBM": []}
        for split in range(splits):
            few, rbm = some(y, n, seed=split), machines[split % len(machines)]
            inputs = {
                "pixels": (x.numpy(), x_test.numpy()),
                "PCA": (components.transform(x.numpy()), components.transform(x_test.numpy())),
                "RBM": tuple(rbm.hidden_probs(z).detach().numpy() for z in (x, x_test)),
            }
            for name, (f, f_test) in inputs.items():
                found[name].append(accuracy(f[few], y[few], f_test, y_test, seed=split))
        for name, rates in found.items():
            rows.append(summary(name, n, rates, found["pixels"]))
            print("{labels:5} {features:8} {accuracy:6.1%} {gain:+.1%} ± {error:.1%}".format(
                **rows[-1]))  # fmt: skip
    write_results(out / "features.json", rows)


def summary(name: str, n: int, rates: list[float], pixels: list[float]) -> dict[str, Any]:
    """One row: mean accuracy, and the mean gain over pixels with its standard error."""
    found = torch.tensor(rates, dtype=torch.float64)
    gain = found - torch.tensor(pixels, dtype=torch.float64)
    return {
        "features": name, "labels": n, "accuracy": found.mean().item(), "gain": gain.mean().item(),
        "error": (gain.std() / math.sqrt(len(gain))).item(), "accuracies": rates,
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

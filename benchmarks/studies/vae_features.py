"""What a linear classifier makes of an encoder's means, beside pixels, PCA and an RBM's units.

    python -m benchmarks.studies.vae_features

writes `benchmarks/results/vae_features.json`. All features were learned on the 1,000 training
images without labels; n of them have labels, drawn anew for every split, in which five encoders and
five machines, each with its own seed, take turns. Penalties are chosen within the labelled images,
and differences are taken split by split, as in `benchmarks.studies.features`.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from sklearn.decomposition import PCA

from benchmarks.leaderboard.entries.vae import plain
from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.features import accuracy, machine, some, summary
from coursepkg.data.digits import LEVELS, binarise, load_labels, load_split
from coursepkg.rng import seeded

LATENT = 16


def main(
    labels: Annotated[list[int] | None, typer.Argument(help="numbers of labelled images")] = None,
    splits: Annotated[int, typer.Option(help="repetitions", min=2)] = 10,
    epochs: Annotated[int, typer.Option(help="of encoders and machines")] = 40,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Fits the classifier on each kind of features, prints and writes the accuracies."""
    torch.set_num_threads(1)
    split = load_split()
    y, _, y_test = load_labels()
    grey, grey_test = (2 * x / (LEVELS - 1) - 1 for x in (split.train, split.test))
    bits, bits_test = binarise(split.train), binarise(split.test)
    components = PCA(LATENT).fit(grey.numpy())
    seeds = range(min(splits, 5))
    encoders = [plain(split, latent=LATENT, epochs=epochs, generator=seeded(s)) for s in seeds]
    machines = [machine(bits, epochs=epochs, seed=s) for s in seeds]
    rows: list[dict[str, Any]] = []
    for n in labels or (30, 100, 300):
        found: dict[str, list[float]] = {"pixels": [], "PCA": [], "RBM": [], "VAE": []}
        for k in range(splits):
            few, vae, rbm = some(y, n, seed=k), encoders[k % 5], machines[k % 5]
            inputs = {
                "pixels": (grey.numpy(), grey_test.numpy()),
                "PCA": tuple(components.transform(x.numpy()) for x in (grey, grey_test)),
                "RBM": tuple(rbm.hidden_probs(x).detach().numpy() for x in (bits, bits_test)),
                "VAE": tuple(vae.posterior(x).mean.detach().numpy()
                             for x in (split.train, split.test)),
            }  # fmt: skip
            for name, (f, f_test) in inputs.items():
                found[name].append(accuracy(f[few], y[few], f_test, y_test, seed=k))
        for name, rates in found.items():
            rows.append(summary(name, n, rates, found["pixels"]))
            print("{labels:5} {features:8} {accuracy:6.1%} {gain:+.1%} ± {error:.1%}".format(
                **rows[-1]))  # fmt: skip
    write_results(out / "vae_features.json", rows)


if __name__ == "__main__":
    typer.run(main)

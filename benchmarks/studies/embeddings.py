"""What the codes of an autoencoder know of MNIST that nobody told it, beside pixels and PCA.

    python -m benchmarks.studies.embeddings

writes `benchmarks/results/embeddings.json`. Codes are the means of q(z | x) of autoencoders made as
`python -m benchmarks.gallery.vae` makes them, each from a seed of its own and without labels. Three
questions: whose nearest training image, by each kind of features, shows the same digit, and has
nearly the same thickness, lean and breadth; what logistic regression makes of them with n labels,
drawn anew for every split, in which the autoencoders take turns (penalties and differences as in
`benchmarks.studies.features`); and how well thickness, lean and breadth follow from them by least
squares with all training images, by one slight penalty (what that decides:
`benchmarks.studies.probes`). The published network of captions adds how near its words are to each
other: cosines of their columns in the first layer.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from torch import Tensor

from benchmarks.gallery.captions import ink, network
from benchmarks.gallery.judge import images
from benchmarks.gallery.vae import codes, grey_levels, start_from
from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import one_cycle
from benchmarks.studies.features import accuracy, some, summary
from coursepkg.data.captions import CAPTION_WORDS, measure_strokes
from coursepkg.data.digits import Split
from coursepkg.data.mnist import load_mnist, load_mnist_labels
from coursepkg.gallery.images import VAE_SIZES
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.nets.trained import FOLDER, load_weights
from coursepkg.rng import seeded

PAIRS = (("thin", "fine"), ("thin", "thick"), ("thick", "bold"), ("narrow", "slim"),
         ("narrow", "wide"), ("left", "right"), ("thin", "narrow"), ("four", "nine"))  # fmt: skip
Features = dict[str, tuple[Tensor, Tensor]]  # by name: those of training and of test images


def main(
    labels: Annotated[list[int] | None, typer.Argument(help="numbers of labelled images")] = None,
    splits: Annotated[int, typer.Option(help="repetitions", min=2)] = 10,
    encoders: Annotated[int, typer.Option(help="0 for the published one", min=0)] = 5,
    epochs: Annotated[int, typer.Option(help="of the autoencoders")] = 12,
    size: Annotated[int, typer.Option(help="training images, and of the others", min=100)] = 4000,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Compares the features, prints and writes."""
    torch.set_num_threads(1)
    x, y = (Split(*(part[:size] for part in all_)) for all_ in (load_mnist(), load_mnist_labels()))
    vaes = [autoencoder(x, epochs=epochs, seed=s) for s in range(encoders)] or [published()]
    features = [features_of(vae, x) for vae in vaes]
    measures = tuple(measure_strokes(ink(images(part))) for part in (x.train, x.test))
    rows: list[dict[str, Any]] = []
    for k, found in enumerate(features):
        for name, (f, f_test) in found.items():
            if k and name != "codes":
                continue  # pixels and components know no seed
            near = nearest(f, f_test)
            rows.append({
                "features": name, "seed": k, "same_digit": share(y.train[near] == y.test),
                "measures_of_nearest": explained(measures[0][near], measures[1]),
                "measures_by_least_squares": explained(line(f, measures[0], f_test), measures[1]),
            })  # fmt: skip
            print(rows[-1], flush=True)
    for n in labels or (50, 100, 300):
        rates: dict[str, list[float]] = {name: [] for name in features[0]}
        for k in range(splits):
            few = some(y.train, n, seed=k)
            for name, (f, f_test) in features[k % len(features)].items():
                rates[name].append(
                    accuracy(f[few].numpy(), y.train[few], f_test.numpy(), y.test, seed=k)
                )
        rows += [summary(name, n, found, rates["pixels"]) for name, found in rates.items()]
        print(*rows[-len(rates) :], sep="\n", flush=True)
    if (FOLDER / "captions.pt").exists():
        rows.append({"cosines": {f"{a} {b}": cosine(a, b) for a, b in PAIRS}})
    write_results(out / "embeddings.json", rows)


def autoencoder(x: Split, *, epochs: int, seed: int) -> VAE:
    """One as the gallery's, with a training of its own."""
    vae = grey_levels()
    start_from(vae, x.train)
    one_cycle(vae, x.train, valid=x.valid, epochs=epochs, batch_size=50, rate=2e-3, decay=0.05,
              ema=0.995, clip=100.0, generator=seeded(1 + seed))  # fmt: skip
    return vae


def published() -> VAE:
    """The gallery's."""
    vae = grey_levels()
    vae.load_state_dict(load_weights("vae"))
    return vae


def features_of(vae: VAE, x: Split) -> Features:
    """Pixels from -1 to 1, as many principal components as codes, and codes."""
    train, test = images(x.train), images(x.test)
    components = PCA(VAE_SIZES["latent"], random_state=0).fit(train.numpy())

    def few(part: Tensor) -> Tensor:
        return torch.from_numpy(components.transform(part.numpy()))

    return {
        "pixels": (train, test),
        "PCA": (few(train), few(test)),
        "codes": (codes(vae, x.train), codes(vae, x.test)),
    }


def nearest(f: Tensor, f_test: Tensor) -> Tensor:
    """For each test image the training image whose features are nearest; (N, M), (n, M) -> (n,)."""
    return torch.cdist(f_test, f).argmin(1)


def line(f: Tensor, target: Tensor, f_test: Tensor, *, penalty: float = 1e-2) -> Tensor:
    """Least squares (with a slight penalty, as pixels at the edge are constant): (n, k)."""
    said = Ridge(alpha=penalty * len(f)).fit(f.numpy(), target.numpy()).predict(f_test.numpy())
    return torch.from_numpy(said).view(len(f_test), -1)


def explained(guess: Tensor, truth: Tensor) -> list[float]:
    """1 less the mean squared error over the variance, of each column; (n, 3) twice."""
    off = (guess - truth).square().mean(0) / truth.var(0, unbiased=False)
    return [1 - value for value in off.tolist()]


def share(right: Tensor) -> float:
    """How many of (n,)."""
    return right.double().mean().item()


def cosine(a: str, b: str) -> float:
    """Of the columns of two words in the published network of captions."""
    net = network()
    net.load_state_dict(load_weights("captions"))
    columns = net.state_dict()["net.told.net.0.weight"][:, -len(CAPTION_WORDS) :].T
    first, second = (columns[CAPTION_WORDS.index(word)] for word in (a, b))
    return torch.cosine_similarity(first, second, dim=0).item()


if __name__ == "__main__":
    typer.run(main)

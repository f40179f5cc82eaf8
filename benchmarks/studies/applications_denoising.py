"""Noisy digits: what the mean of the posterior gains over older filters.

    python -m benchmarks.studies.applications_denoising

writes `benchmarks/results/applications_denoising.json`. Normal noise of a known width τ, in grey
levels, is added to the 447 test digits of levels 0 to 16, and taken off again by

- nothing;
- the median of each 3×3 window;
- Wiener's filter, the mean of p(x | y) if x were one normal law;
- the training images, each weighted by how well it explains y: the posterior mean under the law
  that gives each of them 1/1000;
- a mixture of categoricals, exactly.

The number is the root mean squared error, in grey levels. Sizes were chosen on the validation
images. The seed draws the noise and the start of the mixture; gains are over Wiener's filter, seed
by seed.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from scipy.ndimage import median_filter
from torch import Tensor

from benchmarks.gains import gain, printed
from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import LEVELS, SHAPE, load_split
from coursepkg.models.mixtures import CategoricalMixture, noisy_evidence, probs_given
from coursepkg.rng import seeded

NOISES = (2.0, 4.0, 8.0)


def median(y: Tensor) -> Tensor:
    """The median of each 3×3 window, (B, 64); edges are mirrored."""
    images = y.view(-1, *SHAPE).numpy()
    return torch.from_numpy(np.asarray(median_filter(images, size=(1, 3, 3)))).flatten(1)


def wiener(y: Tensor, train: Tensor, *, noise: float) -> Tensor:
    """μ + S (S + τ² I)⁻¹ (y - μ), with the mean and covariance of the training images."""
    mean, S = train.mean(0), train.T.cov()
    gained = torch.linalg.solve(S + noise**2 * torch.eye(len(S)), (y - mean).T)
    guess: Tensor = mean + (S @ gained).T
    return guess


def by_examples(y: Tensor, train: Tensor, *, noise: float) -> Tensor:
    """The posterior mean if x were one of the training images, any with equal probability."""
    return (-torch.cdist(y, train).square() / (2 * noise**2)).softmax(1) @ train


def by_mixture(mixture: CategoricalMixture, y: Tensor, *, noise: float) -> Tensor:
    """Σ_l l p(x_d = l | y)."""
    p = probs_given(mixture, noisy_evidence(y, noise=noise, levels=mixture.levels))
    return p @ torch.arange(mixture.levels).to(p)


def fitted(train: Tensor, *, seed: int, quick: bool) -> CategoricalMixture:
    """The mixture, on levels."""
    mixture = CategoricalMixture(
        4 if quick else 100, dim=train.shape[1], levels=LEVELS, width=2, shrinkage=0.5,
        smoothing=0.1, steps=3 if quick else 40, tolerance=1e-3, generator=seeded(seed),
    )  # fmt: skip
    return mixture.fit(train)


def main(
    seeds: Annotated[int, typer.Option(help="repetitions", min=2)] = 5,
    part: Annotated[str, typer.Option(help="valid or test")] = "test",
    quick: Annotated[bool, typer.Option(help="sizes that only show that it runs")] = False,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Cleans the images in each way, prints and writes gains over Wiener's filter."""
    torch.set_num_threads(1)
    split = load_split()
    train, x = split.train.float(), getattr(split, part).float()
    found: dict[tuple[float, str], list[float]] = {}
    for seed in range(seeds):
        mixture = fitted(split.train, seed=seed, quick=quick)
        for noise in NOISES:
            y = x + noise * torch.randn(x.shape, generator=seeded(seed))
            ways = {
                "nothing": y,
                "median of 3×3": median(y),
                "Wiener": wiener(y, train, noise=noise),
                "training images": by_examples(y, train, noise=noise),
                "mixture": by_mixture(mixture, y, noise=noise),
            }
            for name, guess in ways.items():
                error = (guess - x).square().mean().sqrt().item()
                found.setdefault((noise, name), []).append(error)
    rows = [
        {"noise": noise, "way": name, **gain(errors, found[noise, "Wiener"])}
        for (noise, name), errors in found.items()
    ]
    for row in rows:
        print(f"τ = {row['noise']:g}", printed(row), flush=True)
    write_results(out / "applications_denoising.json", rows)


if __name__ == "__main__":
    typer.run(main)

"""How many latent variables does a VAE of the digits use, and what do more of them buy?

    python -m benchmarks.studies.latent_size

writes `benchmarks/results/latent_size.json`: for each number of latent variables, from each of five
seeds, the distortion and the rate on the validation digits, the bound with 64 weights, the squared
error of reconstructions, that of as many principal components, and how many latent variables carry
more than 0.05 nats. The networks and the training are the same for all.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from sklearn.decomposition import PCA
from torch import Tensor

from benchmarks.leaderboard.entries.vae import plain
from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import load_split
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.rng import seeded

USED = 0.05  # nats of a latent variable that counts as used


def main(
    sizes: Annotated[list[int] | None, typer.Argument(help="numbers of latent variables")] = None,
    seeds: Annotated[int, typer.Option(help="of the training", min=1)] = 5,
    epochs: Annotated[int, typer.Option(help="of the training")] = 40,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains a model of each size from each seed, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    split = load_split()
    rows: list[dict[str, Any]] = []
    for latent in sizes or (1, 2, 4, 8, 16, 32):
        for seed in range(seeds):
            model = plain(split, latent=latent, epochs=epochs, generator=seeded(seed))
            rows.append({"latent": latent, "seed": seed, **measured(model, split.valid),
                         "pca_error": pca_error(split.train, split.valid, latent)})  # fmt: skip
            print("{latent:3} {seed}: distortion {distortion:.1f}, rate {rate:.1f}, "
                  "bound {bound:.1f}, used {used}".format(**rows[-1]))  # fmt: skip
    write_results(out / "latent_size.json", rows)


@torch.no_grad()
def measured(model: VAE, x: Tensor) -> dict[str, float]:
    """Distortion and rate (64 draws), bound, squared error a pixel, and the used variables."""
    terms = [model.terms(x, generator=seeded(s)) for s in range(64)]
    rate = terms[0].kl.mean(0)
    distortion = -torch.stack([t.log_likelihood for t in terms]).mean()
    bound = nats(ImportanceBound(model, 64), x, generator=seeded(0)).value
    return {
        "distortion": distortion.item(), "rate": rate.sum().item(), "bound": bound,
        "error": (model.reconstruct(x) - x).square().mean().item(),
        "used": int((rate > USED).sum()),
    }  # fmt: skip


def pca_error(train: Tensor, x: Tensor, components: int) -> float:
    """Squared error a pixel of x, rebuilt from principal components of the training images."""
    pca = PCA(components).fit(train.numpy())
    rebuilt = pca.inverse_transform(pca.transform(x.numpy()))
    return float(((rebuilt - x.numpy()) ** 2).mean())


if __name__ == "__main__":
    typer.run(main)

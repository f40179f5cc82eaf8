"""Is a chain of latent variables a better law of the digits than one level?

    python -m benchmarks.studies.hierarchy

writes `benchmarks/results/hierarchy.json`: for one level and for two, from each of three seeds,
the distortion, the rate of each level, and minus the bounds with one weight and with 64, all on
the validation digits. The last level has 16 latent variables and the one above it 8; networks,
epochs and recipe are the same for all, and one level is the VAE of the other studies.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor

from benchmarks.leaderboard.entries.vae import D, decoder_of, perceptron
from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, Split, load_split
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.autoencoders.hierarchical import HierarchicalVAE
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.rng import seeded

CHAINS = ((16,), (8, 16))  # sizes of the levels, from the top
HIDDEN, WEIGHTS = 128, 64


def main(
    seeds: Annotated[int, typer.Option(help="of the training", min=1)] = 3,
    epochs: Annotated[int, typer.Option(help="of the training")] = 40,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains a chain of each length from each seed, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    split = load_split()
    rows: list[dict[str, Any]] = []
    for latents in CHAINS:
        for seed in range(seeds):
            model = trained(split, latents, epochs=epochs, generator=seeded(seed))
            rows.append({"levels": len(latents), "seed": seed, **measured(model, split.valid)})
            print("{levels} {seed}: distortion {distortion:.1f}, rates {rates}, one weight "
                  "{elbo:.2f}, many {bound:.2f}".format(**rows[-1]))  # fmt: skip
    write_results(out / "hierarchy.json", rows)


def trained(
    split: Split, latents: tuple[int, ...], *, epochs: int, generator: Generator
) -> HierarchicalVAE:
    """By the recipe of `one_cycle`, as `plain` is; in eval mode."""
    model = chain(split, latents, generator=generator)
    one_cycle(
        model, split.train, valid=split.valid, epochs=epochs, batch_size=50, rate=3e-3, decay=0.5,
        clip=100.0, generator=generator,
    )  # fmt: skip
    return model.eval()


def chain(split: Split, latents: tuple[int, ...], *, generator: Generator) -> HierarchicalVAE:
    """Untrained: every law starts as N(0, I), and the pixels are independent."""
    above = (0, *latents[:-1])
    posteriors, priors = (
        [perceptron(inputs + a, 2 * size, hidden=HIDDEN, generator=generator)
         for a, size in zip(above[first:], latents[first:], strict=True)]
        for first, inputs in ((0, D), (1, 0))
    )  # fmt: skip
    decoder = decoder_of(latents[-1], split, hidden=HIDDEN, generator=generator)
    return HierarchicalVAE(
        posteriors, priors, decoder, likelihood=Categories(D, LEVELS), latents=latents
    )


@torch.no_grad()
def measured(model: HierarchicalVAE, x: Tensor) -> dict[str, Any]:
    """Distortion and the rate of each level (64 draws), and minus the bounds, nats an image."""
    terms = [model.terms(x, generator=seeded(s)) for s in range(64)]
    kl = torch.stack([t.kl for t in terms]).mean((0, 1))
    rates = [level.sum().item() for level in kl.split(list(model.latents))]
    distortion = -torch.stack([t.log_likelihood for t in terms]).mean().item()
    bound = nats(ImportanceBound(model, WEIGHTS), x, generator=seeded(0)).value
    return {
        "distortion": distortion, "rates": rates, "elbo": distortion + sum(rates), "bound": bound
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

"""When does a decoder that needs no z leave it unused, and what brings it back?

    python -m benchmarks.studies.collapse

writes `benchmarks/results/collapse.json`. The decoder is an autoregressive model of the digits that
is told z. It is trained by the plain bound, by one whose price of the rate rises over the first
half of the steps, and by one that lets each latent variable have half a nat for nothing, from each
of five seeds; all else is the same. Written are rate and bound on the validation digits, and how
many latent variables are used.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, nn

from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.leaderboard.entries.vae import D, perceptron
from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import one_cycle
from benchmarks.studies.latent_size import USED
from coursepkg.data.digits import LEVELS, SHAPE, Split, load_split
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.autoencoders.losses import FreeBits, WarmUp
from coursepkg.models.autoencoders.pixelvae import CausalPixels
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded

LATENT, GIVEN, FREE = 8, 16, 0.5


def main(
    seeds: Annotated[int, typer.Option(help="of the training", min=1)] = 5,
    epochs: Annotated[int, typer.Option(help="of the training")] = 10,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains by each loss from each seed, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    split = load_split()
    rows: list[dict[str, Any]] = []
    for seed in range(seeds):
        for loss in ("plain", "warm-up", "free nats"):
            model = trained(loss, split, epochs=epochs, generator=seeded(seed))
            rows.append({"loss": loss, "seed": seed, **measured(model, split)})
            print("{loss:10} {seed}: rate {rate:.2f}, used {used}, one weight {elbo:.2f}, "
                  "16 weights {bound:.2f}".format(**rows[-1]))  # fmt: skip
    write_results(out / "collapse.json", rows)


def trained(loss: str, split: Split, *, epochs: int, generator: Generator) -> VAE:
    """The model, by one of the three losses."""
    model = causal(split, generator)
    steps = epochs * math.ceil(len(split.train) / 50)
    losses: dict[str, nn.Module] = {
        "plain": model, "warm-up": WarmUp(model, max(1, steps // 2)),
        "free nats": FreeBits(model, FREE),
    }  # fmt: skip
    one_cycle(
        losses[loss], split.train, valid=None, epochs=epochs, batch_size=50, rate=5e-3, decay=0.5,
        clip=100.0, generator=generator,
    )  # fmt: skip
    return model.eval()


def causal(split: Split, generator: Generator) -> VAE:
    """An encoder, and a small PixelCNN that is told z."""
    net = GatedPixelCNN(
        SHAPE, levels=LEVELS, embedding=4, channels=16, window=5, layers=1, conditions=GIVEN,
        dropout=0.1, generator=generator,
    )  # fmt: skip
    net.start_from(best_chain(split, 0, tied=False).table[:, 0])
    pixels = CausalPixels(ConditionalARM(net, dim=D, levels=LEVELS, conditions=GIVEN))
    encoder = perceptron(D, 2 * LATENT, hidden=128, generator=generator)
    decoder = MLP([LATENT, 64, GIVEN], generator=generator)
    return VAE(encoder, decoder, likelihood=pixels, latent=LATENT)  # type: ignore[arg-type]  # no mean


@torch.no_grad()
def measured(model: VAE, split: Split) -> dict[str, float]:
    """Rate and used variables, and the bounds with one and with 16 weights."""
    rate = model.terms(split.valid, generator=seeded(0)).kl.mean(0)
    return {
        "rate": rate.sum().item(), "used": int((rate > USED).sum()),
        "elbo": nats(model, split.valid, generator=seeded(0), draws=4).value,
        "bound": nats(ImportanceBound(model, 16), split.valid, generator=seeded(0)).value,
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

"""All 447 test digits as one message: what bits-back coding with a VAE needs, beside the bound.

    python -m benchmarks.studies.bits_back

trains the VAE of the leaderboard, codes the test images in one chain, decodes them again, and
writes `benchmarks/results/bits_back.json`: the bytes that the images add, the bits that were lent
at the start, and what the bound with one weight says. Beside them: the same images, a byte a pixel
(of which 17 values occur), by the two compressors of Python's library, each as one file.
"""

import bz2
import lzma
import math
import random
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor, nn

from benchmarks.leaderboard.entries.vae import told
from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import load_split
from coursepkg.evaluation import nats
from coursepkg.models.autoencoders.ans import Stack
from coursepkg.models.autoencoders.bitsback import BitsBack, chain, unchain
from coursepkg.models.autoencoders.conditional import ConditionalVAE
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.rng import seeded

LENT = 4096  # random bits at the start; far fewer are needed


class Fixed(nn.Module):
    """A network that is told the same condition with every input."""

    condition: Tensor

    def __init__(self, net: nn.Module, condition: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("condition", condition)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, N) to what the network makes of it and the condition, (B, ·)."""
        y: Tensor = self.net(torch.cat([x, self.condition.expand(len(x), -1)], dim=1))
        return y


def at(model: ConditionalVAE, condition: Tensor) -> VAE:
    """The ordinary VAE that a conditional one is at one condition."""
    assert isinstance(model.likelihood, Categories)
    return VAE(
        Fixed(model.encoder, condition), Fixed(model.decoder, condition),
        likelihood=model.likelihood, latent=model.latent,
    ).eval()  # fmt: skip


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
) -> None:
    """Trains, codes, decodes, and writes the numbers."""
    torch.set_num_threads(1)
    split = load_split()
    law: Any = told(split, seeded(0), quick)
    row = coded(at(law.model, law.condition), split.test[:20] if quick else split.test)
    print(row)
    if out is not None or not quick:
        write_results((out or RESULTS) / "bits_back.json", [row])


def coded(model: VAE, images: Tensor) -> dict[str, Any]:
    """Codes images (N, D) in one chain and counts.

    Raises:
        AssertionError: if what is decoded are not the images, or not all that was lent came back.
    """
    coder, start = BitsBack(model), random.Random(0).getrandbits(LENT) | 1 << (LENT - 1)
    message = chain(coder, images, start=start)
    sent = Stack.from_bytes(message.stack.to_bytes())
    assert torch.equal(unchain(coder, sent, len(images)), images)
    assert sent.state == start
    bound = nats(model, images, generator=seeded(1), draws=100)
    plain = images.to(torch.uint8).numpy().tobytes()
    return {
        "images": len(images), "cell_bits": coder.prior.stop.bit_length() - 1,
        "bytes": sum(message.added) / 8, "bound_bytes": len(images) * bound.value / math.log(256),
        "bound_error_bytes": len(images) * bound.error_draws / math.log(256),
        "start_up_bytes": message.needed / 8, "lent_bytes": LENT / 8,
        "nats_an_image": sum(message.added) * math.log(2) / len(images),
        "bound_nats": bound.value, "plain_bytes": len(plain),
        "bz2_bytes": len(bz2.compress(plain)), "lzma_bytes": len(lzma.compress(plain)),
        "added": message.added,
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

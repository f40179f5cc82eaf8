r"""Bits back: a latent variable model as a code whose length is the bound.

An image is sent with a latent z that the receiver does not need: that costs
:math:`-\log_2 p(z)\, p(x \mid z)` bits. But z is drawn from :math:`q(z \mid x)` by popping bits of
the message so far, which takes :math:`-\log_2 q(z \mid x)` bits off it, and the receiver, who has x
by then, puts them back. On average an image adds :math:`-\mathrm{ELBO}(x) / \ln 2` bits. Sources:
Hinton and van Camp, "Keeping the neural networks simple by minimizing the description length of the
weights" (1993); Townsend, Bird and Barber, "Practical lossless compression with latent variables
using bits back coding" (2019).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from coursepkg.counts import check_counts, check_integers
from coursepkg.models.autoencoders.ans import Stack, slots, slots_between
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.validate import check_levels, check_methods


class BitsBack:
    """Codes images with a VAE on a `Stack`, exactly.

    Each coordinate of z is cut into cells of equal mass under the prior, so that every cell costs
    `cell_bits`, whichever it is; its median stands for it. Both sides run the networks one image at
    a time, in eval mode, so that their numbers come out alike to the last bit.

    Args:
        model: a VAE of levels.
        cell_bits: log2 of the number of cells of a coordinate.
        bits: log2 of the number of slots that share out a law.

    Raises:
        TypeError: if the model's pixels are no categories.
        ValueError: if its networks are not in eval mode, or the slots are fewer than the cells.
    """

    def __init__(self, model: VAE, *, cell_bits: int = 10, bits: int = 24) -> None:
        check_methods(model, "posterior", "decode")
        check_integers(cell_bits=cell_bits, bits=bits)
        if not isinstance(model.likelihood, Categories):
            name = type(model.likelihood).__name__
            raise TypeError(f"model: expected pixels that are Categories, got {name}")
        if model.training:
            raise ValueError("model: expected eval mode, got training mode, where dropout draws")
        if not 1 <= cell_bits < bits:
            raise ValueError(f"expected 1 <= cell_bits < bits, got {cell_bits} and {bits}")
        self.model, self.pixels, self.bits = model, model.likelihood, bits
        n = 2**cell_bits
        share = torch.arange(n + 1, dtype=torch.float64) / n
        self.borders = torch.special.ndtri(share)  # from -∞ to ∞
        self.medians = torch.special.ndtri(share[:-1] + 0.5 / n)
        self.prior = range(n + 1)  # edges: one slot a cell

    def push(self, stack: Stack, x: Tensor) -> None:
        """Adds one image, (D,) levels: takes z's cells off, adds x given z, then z."""
        cells = [stack.pop(edges) for edges in self.posterior(x)]
        for level, edges in zip(x.tolist(), self.levels(cells), strict=True):
            stack.push(level, edges)
        for cell in cells:
            stack.push(cell, self.prior)

    def pop(self, stack: Stack) -> Tensor:
        """Takes the last image off, (D,): each step of `push` undone, the last one first."""
        cells = [stack.pop(self.prior) for _ in range(self.model.latent)][::-1]
        x = torch.tensor([stack.pop(edges) for edges in self.levels(cells)[::-1]][::-1])
        for cell, edges in zip(cells[::-1], self.posterior(x)[::-1], strict=True):
            stack.push(cell, edges)
        return x

    @torch.no_grad()
    def posterior(self, x: Tensor) -> list[list[int]]:
        """Edges of the cells by q(z | x), for each coordinate of z: x (D,)."""
        q = self.model.posterior(x[None])
        cdf = torch.special.ndtr((self.borders - q.mean.double().mT) / q.std.double().mT)
        edges: list[list[int]] = slots_between(cdf, bits=self.bits).tolist()
        return edges

    @torch.no_grad()
    def levels(self, cells: Sequence[int]) -> list[list[int]]:
        """Edges of the levels by p(x | z), for each pixel, with z the medians of the cells."""
        z = self.medians[list(cells)].to(next(self.model.parameters()))
        logits = self.model.decode(z[None]).view(self.pixels.dim, self.pixels.levels)
        edges: list[list[int]] = slots(logits.double().softmax(-1), bits=self.bits).tolist()
        return edges


class Message(NamedTuple):
    """Images in one number.

    Args:
        stack: holds them, the last one on top.
        lent: bits of the random number that it began with.
        needed: how many of these the first z were drawn from; the others came through untouched.
        added: bits by which each image made it longer.
    """

    stack: Stack
    lent: int
    needed: int
    added: list[int]


def chain(coder: BitsBack, images: Tensor, *, start: int) -> Message:
    """Codes images (N, D) one after the other, each drawing its z from the bits of those before.

    Args:
        coder: adds one image.
        images: levels.
        start: the whole number >= 0 with which the message begins. Its bits are lent, for the
            receiver has them back when all images are decoded. From the lowest of them the first z
            is drawn, so they should be random, and more than `Message.needed`; with fewer, as with
            0, all is decoded as exactly, but the first z is no draw of q.

    Raises:
        TypeError: if the images are no integers.
        ValueError: if they are no images of the model, or `start` is negative.
    """
    check_levels(images, levels=coder.pixels.levels)
    stack, dry = Stack(start), Stack(start)
    for edges in coder.posterior(images[0]):
        dry.pop(edges)
    lengths = [stack.bits]
    for x in images:
        coder.push(stack, x)
        lengths.append(stack.bits)
    added = [after - before for before, after in pairwise(lengths)]
    return Message(stack, lent=lengths[0], needed=lengths[0] - dry.bits, added=added)


def unchain(coder: BitsBack, stack: Stack, n: int) -> Tensor:
    """Takes n images off again, in the order in which they came, (n, D)."""
    check_counts(n=n)
    return torch.stack([coder.pop(stack) for _ in range(n)][::-1])

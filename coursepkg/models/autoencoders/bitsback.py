r"""Bits back: a latent variable model as a code whose length is the bound.

An image is sent with a latent z that the receiver does not need: that costs
:math:`-\log_2 p(z)\, p(x \mid z)` bits. But z is drawn from :math:`q(z \mid x)` with bits of the
message so far, which takes :math:`-\log_2 q(z \mid x)` bits off it, and the receiver, who has x by
then, puts them back. On average an image adds :math:`-\mathrm{ELBO}(x) / \ln 2` bits. Sources:
Hinton and van Camp (1993); Townsend, Bird and Barber, "Practical lossless compression with latent
variables using bits back coding" (2019).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from coursepkg.models.autoencoders.ans import Stack, slots, slots_between
from coursepkg.validate import check_levels


class Coded(Protocol):
    """What the coder asks of a model whose prior is N(0, I), in eval mode."""

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and scale of the normal q(z | x), each (B, L)."""

    def log_levels(self, z: Tensor) -> Tensor:
        """log p(x_d = k | z), (B, D, K), nats."""


class BitsBack:
    r"""Codes levels with a model on a `Stack`, exactly.

    Each coordinate of z is cut into cells of equal mass under the prior, so that a cell costs
    `cell_bits` bits whichever it is; a cell stands for its median. The mass of a cell under q is
    a difference of the normal's distribution function.

    Args:
        model: gives q(z | x) and p(x | z); its numbers must come out alike on both sides, so that
            both run it one image at a time.
        cell_bits: log2 of the number of cells of a coordinate.
        bits: log2 of the number of slots that share out a law.
    """

    def __init__(self, model: Coded, *, cell_bits: int = 10, bits: int = 24) -> None:
        self.model, self.bits, n = model, bits, 2**cell_bits
        share = torch.arange(n + 1, dtype=torch.float64) / n
        self.borders = torch.special.ndtri(share)  # from -∞ to ∞
        self.medians = torch.special.ndtri(share[:-1] + 0.5 / n)
        self.prior = range(n + 1)  # edges: a slot for each cell

    @torch.no_grad()
    def push(self, stack: Stack, x: Tensor) -> None:
        """Adds one image, (D,) levels: takes z's cells off, adds x given z, then z."""
        cells = [stack.pop(edges) for edges in self._posterior(x)]
        for level, edges in zip(x.tolist(), self._levels(cells), strict=True):
            stack.push(level, edges)
        for cell in cells:
            stack.push(cell, self.prior)

    @torch.no_grad()
    def pop(self, stack: Stack, latent: int) -> Tensor:
        """Takes the last image off, (D,): each step of `push` undone, the last one first.

        Args:
            stack: ends with an image.
            latent: number L of coordinates of z.
        """
        cells = [stack.pop(self.prior) for _ in range(latent)][::-1]
        x = torch.tensor([stack.pop(edges) for edges in self._levels(cells)[::-1]][::-1])
        for cell, edges in list(zip(cells, self._posterior(x), strict=True))[::-1]:
            stack.push(cell, edges)
        return x

    def _posterior(self, x: Tensor) -> list[list[int]]:
        """Edges of the cells by q(z | x), for each coordinate."""
        mean, scale = (value[0, :, None].double() for value in self.model.posterior(x[None]))
        cdf = torch.special.ndtr((self.borders - mean) / scale)
        edges: list[list[int]] = slots_between(cdf, bits=self.bits).tolist()
        return edges

    def _levels(self, cells: Sequence[int]) -> list[list[int]]:
        """Edges of the levels by p(x | z), for each pixel, z the medians of the cells."""
        parameter = next(self.model.parameters(), self.medians)
        z = self.medians[list(cells)].to(parameter)[None]
        edges: list[list[int]] = slots(self.model.log_levels(z)[0].exp(), bits=self.bits).tolist()
        return edges

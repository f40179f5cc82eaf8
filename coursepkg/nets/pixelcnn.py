"""PixelCNN: convolutions of images whose masks hide the present and the future of the raster."""

from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import conv2d, linear, pad

from coursepkg.counts import (
    check_counts,
    check_integer_lists,
    check_integers,
    check_share,
    check_sizes,
)
from coursepkg.nets.levels import LevelEmbedding
from coursepkg.rng import global_state_from
from coursepkg.validate import check_odd


def raster_mask(size: int, *, strict: bool) -> Tensor:
    """The places of a window that come before its centre in the raster: bool (size, size).

    Args:
        size: side of the window, odd.
        strict: whether the centre is hidden too: the paper's mask A, right on the data; False is
            mask B, right on features that do not know their own pixel.

    Raises:
        ValueError: if size is even or not positive: such a window has no centre.
    """
    check_odd(size)
    place = torch.arange(size * size).view(size, size)
    centre = size * size // 2
    return place < centre if strict else place <= centre


class MaskedConv2d(nn.Module):
    r"""Convolution whose window is masked, zeros around the image: (B, C, H, W) -> (B, C', H, W).

    :math:`h_{ij} = b + \sum_{u,v} m_{uv} W_{uv} x_{i+u,j+v}`. Source: :eq:`masked-convolution`.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        mask: what of the window is seen, bool (k, k), k odd, nothing behind the centre; such as
            `raster_mask` gives.
        generator: draws the initial weights.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if it has no centre, or leaks: shows a place that comes after the centre.
    """

    mask: Tensor
    places: Tensor

    def __init__(self, inputs: int, outputs: int, mask: Tensor, *, generator: Generator) -> None:
        check_counts(inputs=inputs, outputs=outputs)
        super().__init__()
        _check_window(mask)
        with global_state_from(generator):
            self.conv = nn.Conv2d(inputs, outputs, len(mask))
        self.register_buffer("mask", mask.clone())
        self.register_buffer("places", mask.nonzero().T, persistent=False)  # rows and columns

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, C', H, W)."""
        return conv2d(self.padded(x), self.conv.weight * self.mask, self.conv.bias)

    def padded(self, x: Tensor) -> Tensor:
        """x with the zeros around it that the window needs."""
        return pad(x, (len(self.mask) // 2,) * 4)

    def put(self, padded: Tensor, i: int, j: int, value: Tensor) -> None:
        """Writes x_ij = value, (B, C), into an image with its zeros around it."""
        r = len(self.mask) // 2
        padded[:, :, i + r, j + r] = value

    def seen(self) -> Tensor:
        """The weights of the places that are seen, of all channels: (C', C · places)."""
        rows, columns = self.places
        return self.conv.weight[:, :, rows, columns].flatten(1)

    def at(self, padded: Tensor, i: int, j: int, seen: Tensor) -> Tensor:
        """h_ij, (B, C'), of an image with its zeros around it: one window, one product."""
        rows, columns = self.places
        return linear(padded[:, :, i + rows, j + columns].flatten(1), seen, self.conv.bias)


class PixelCNN(nn.Module):
    """Masked convolutions, one on top of the other; it is blind to part of the past.

    Levels are embedded; one strict convolution removes the present, and residual blocks (norm,
    ReLU, dropout, masked convolution) follow. A window that ends at its centre looks to the right
    only in the rows above, and not far: pixels above and far to the right stay out of sight,
    however many blocks there are, :eq:`blind-spot`. Each place has its own bias in the
    features and in the logits. Source: van den Oord, Kalchbrenner and Kavukcuoglu, "Pixel recurrent
    neural networks" (2016), section 3.4.

    Args:
        shape: rows and columns of the image.
        levels: number of levels K.
        embedding: channels of an embedded level.
        channels: channels C of the features.
        window: side of the first window, odd.
        blocks: number of residual blocks.
        size: side of their windows, odd.
        conditions: size of a condition, which shifts the first features; 0 for none.
        dropout: probability that a feature is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, shape: tuple[int, int], *, levels: int, embedding: int, channels: int, window: int,
        blocks: int, size: int = 3, conditions: int = 0, dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(shape=shape)
        check_counts(levels=levels, embedding=embedding, channels=channels, blocks=blocks)
        check_sizes(conditions=conditions)
        check_integers(window=window, size=size)
        check_share(dropout=dropout)
        super().__init__()
        self.shape = shape
        self.embed = LevelEmbedding(levels, embedding, generator=generator)
        self.first = MaskedConv2d(
            embedding, channels, raster_mask(window, strict=True), generator=generator
        )
        later = raster_mask(size, strict=False)
        self.blocks = nn.ModuleList(
            MaskedConv2d(channels, channels, later, generator=generator) for _ in range(blocks)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(blocks + 1))
        with global_state_from(generator):
            self.head = nn.Linear(channels, levels)
            self.given = nn.Linear(conditions, channels, bias=False) if conditions else None
        self.dropout = nn.Dropout(dropout)
        self.place = nn.Parameter(torch.zeros(channels, *shape))
        self.bias = nn.Parameter(torch.zeros(*shape, levels))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps levels (B, D), or soft ones (B, D, K), to logits (B, D, K)."""
        last = self.features(x, condition)[-1]
        logits: Tensor = self.head(self._active(last, -1).movedim(1, -1)) + self.bias
        return logits.flatten(1, 2)

    def features(self, x: Tensor, condition: Tensor | None = None) -> list[Tensor]:
        """The features after the strict convolution and after each block, each (B, C, H, W)."""
        image = self.embed(x).unflatten(1, self.shape).movedim(-1, 1)
        found = [self.first(image) + self.place + self.shift(condition)[..., None, None]]
        for b, block in enumerate(self.blocks):
            found.append(found[-1] + block(self._active(found[-1], b)))
        return found

    def shift(self, condition: Tensor | None) -> Tensor:
        """What the condition adds to the first features, (B, C); nothing without one, or for 0."""
        if self.given is None or condition is None:
            return self.place.new_zeros(1, 1)
        shift: Tensor = self.given(condition)
        return shift

    def start(
        self, n: int, condition: Tensor | None = None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """The memory before the first pixel: the shift; what each layer reads, and its weights."""
        layers = [self.first, *self._blocks]
        blank = self.place.new_zeros(n, self.place.shape[0], *self.shape)
        image = blank.new_zeros(n, self.first.conv.in_channels, *self.shape)
        reads = [image, *[blank] * len(self.blocks)]
        return self.shift(condition), [
            (layer.padded(x), layer.seen()) for layer, x in zip(layers, reads, strict=True)
        ]

    def step(self, memory: tuple[Tensor, list[tuple[Tensor, Tensor]]], x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (B, K), at the price of one place; fills it in, in `memory`."""
        i, j = divmod(d, self.shape[1])
        shift, ((image, seen), *maps) = memory
        if d:
            self.first.put(image, *divmod(d - 1, self.shape[1]), self.embed(x[:, d - 1]))
        h = self.first.at(image, i, j, seen) + self.place[:, i, j] + shift
        for b, (block, (reads, seen)) in enumerate(zip(self._blocks, maps, strict=True)):
            block.put(reads, i, j, self._active(h, b))
            h = h + block.at(reads, i, j, seen)
        logits: Tensor = self.head(self._active(h, -1)) + self.bias[i, j]
        return logits

    @torch.no_grad()
    def start_from(self, log_p: Tensor) -> None:
        """Makes the untrained network say log_p, (D, K), whatever the past."""
        self.bias.copy_(log_p.view_as(self.bias))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def _blocks(self) -> list[MaskedConv2d]:
        return cast("list[MaskedConv2d]", list(self.blocks))

    def _active(self, h: Tensor, b: int) -> Tensor:
        """Norm over the channels of each place, ReLU, dropout: (B, C, ...) -> (B, C, ...)."""
        active: Tensor = self.dropout(self.norms[b](h.movedim(1, -1)).relu())
        return active.movedim(-1, 1)


def _check_window(mask: Tensor) -> None:
    if not isinstance(mask, Tensor):
        raise TypeError(f"mask: expected a bool tensor, got {type(mask).__name__}")
    if mask.dtype != torch.bool:
        raise TypeError(f"mask: expected a bool tensor, got dtype {mask.dtype}")
    if mask.ndim != 2 or mask.shape[0] != mask.shape[1] or len(mask) % 2 == 0:
        raise ValueError(f"mask: expected shape (k, k) with k odd, got {tuple(mask.shape)}")
    leaks = (mask & ~raster_mask(len(mask), strict=False)).nonzero()
    if len(leaks):
        raise ValueError(
            "mask: expected nothing behind the centre in the raster, got a leak at row "
            f"{leaks[0][0]}, column {leaks[0][1]} of {len(mask)}"
        )

"""The gated PixelCNN: two stacks of convolutions that see all of the past, and gates."""

from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear, pad

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


def gate(x: Tensor, dim: int = 1) -> Tensor:
    """tanh of the first half of the channels, times the sigmoid of the second.

    Source: :eq:`gated-unit`, which is equation 2 of van den Oord et al. (2016), "Conditional image
    generation".
    """
    a, b = x.chunk(2, dim)
    return torch.tanh(a) * torch.sigmoid(b)


class ShiftedConv2d(nn.Module):
    """Convolution of an image whose window ends above or beside its place: causal without a mask.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        kernel: rows and columns of the window.
        zeros: width of the zeros on the left, right, top and bottom; -1 cuts one line off.
        generator: draws the initial weights.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int],
        zeros: tuple[int, int, int, int], *, generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(kernel=kernel)
        check_counts(inputs=inputs, outputs=outputs)
        super().__init__()
        self.kernel, self.zeros = kernel, zeros
        with global_state_from(generator):
            self.conv = nn.Conv2d(inputs, outputs, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, C', H, W)."""
        h: Tensor = self.conv(pad(x, self.zeros))
        return h

    def row(self, x: Tensor, i: int) -> Tensor:
        """Row i of the result, (B, C', W)."""
        h: Tensor = self.conv(pad(x, self.zeros)[:, :, i : i + self.kernel[0]])
        return h[:, :, 0]

    def at(self, x: Tensor, i: int, j: int) -> Tensor:
        """One place of the result, (B, C'), for a window of one row: one product."""
        row = pad(x[:, :, i], self.zeros[:2])
        seen = row[..., j : j + self.kernel[1]].flatten(1)
        return linear(seen, self.conv.weight.flatten(1), self.conv.bias)


def above(
    inputs: int, outputs: int, size: int, *, strict: bool, generator: Generator
) -> ShiftedConv2d:
    """Half of a window of odd side: full rows above, and its own too if not strict.

    A layer that is not strict sees its own row of features that know only the rows above.
    """
    r = size // 2
    kernel = (r, size) if strict else (r + 1, size)
    zeros = (r, r, r, -1 if strict else 0)
    return ShiftedConv2d(inputs, outputs, kernel, zeros, generator=generator)


def beside(
    inputs: int, outputs: int, size: int, *, strict: bool, generator: Generator
) -> ShiftedConv2d:
    """The other half: what stands to the left in its own row, and its own place if not strict."""
    r = size // 2
    kernel = (1, r) if strict else (1, r + 1)
    zeros = (r, -1 if strict else 0, 0, 0)
    return ShiftedConv2d(inputs, outputs, kernel, zeros, generator=generator)


class GatedLayer(nn.Module):
    """One layer of both stacks: v looks up, h to the left, and h hears from v.

    Source: :eq:`gated-stacks`; van den Oord et al., "Conditional image generation with PixelCNN
    decoders" (2016), figure 2. v_ij knows the rows above i, so that h_ij may know all of v_ij.

    Args:
        inputs: channels that come in.
        channels: channels C that go out.
        size: side of the window, odd; > 1 if strict.
        strict: whether the inputs know their own pixel: then it stays hidden, and no residual path
            goes round the convolutions.
        conditions: size of a condition, which shifts what enters the gates; 0 for none.
        dropout: probability that a feature is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, inputs: int, channels: int, size: int, *, strict: bool, conditions: int,
        dropout: float, generator: Generator,
    ) -> None:  # fmt: skip
        check_counts(inputs=inputs, channels=channels)
        check_sizes(conditions=conditions)
        check_integers(size=size)
        check_share(dropout=dropout)
        super().__init__()
        check_odd(size, least=3 if strict else 1)
        self.strict = strict
        self.up = above(inputs, 2 * channels, size, strict=strict, generator=generator)
        self.left = beside(inputs, 2 * channels, size, strict=strict, generator=generator)
        with global_state_from(generator):
            self.hears = nn.Linear(2 * channels, 2 * channels)
            self.out = nn.Linear(channels, channels)
            self.skip = nn.Linear(channels, channels)
            self.given = nn.Linear(conditions, 4 * channels, bias=False) if conditions else None
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, v: Tensor, h: Tensor, condition: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """v and h, (B, C, H, W), of the next layer, and what skips the layers that follow."""
        shift_v, shift_h = self.shifts(condition)
        seen = self.up(self.dropout(v)) + shift_v[..., None, None]
        v = gate(seen) if self.strict else v + gate(seen)
        beside = self.left(self.dropout(h)) + shift_h[..., None, None]
        new, skip = self.mix(h.movedim(1, -1), seen.movedim(1, -1), beside.movedim(1, -1))
        return v, new.movedim(-1, 1), skip.movedim(-1, 1)

    def mix(self, h: Tensor, seen: Tensor, beside: Tensor) -> tuple[Tensor, Tensor]:
        """h of the next layer, and what skips, place by place: (..., C) and (..., 2 C) twice."""
        z = gate(beside + self.hears(seen), dim=-1)
        return self.out(z) if self.strict else h + self.out(z), self.skip(z)

    def start(
        self, n: int, shape: tuple[int, int], condition: Tensor | None
    ) -> list[Tensor]:  # fmt: skip
        """Memory of n examples: v and h that come in, what h hears in this row, and the shifts."""
        image = self.out.weight.new_zeros(n, self.up.conv.in_channels, *shape)
        return [image, image.clone(), image[:, :, 0], *self.shifts(condition)]

    def row(self, memory: list[Tensor], i: int) -> Tensor:
        """Row i of the next layer's v, (B, C, W); `memory` keeps what h hears of it."""
        v, _, _, shift, _ = memory
        memory[2] = seen = self.up.row(v, i) + shift[..., None]
        return gate(seen) if self.strict else v[:, :, i] + gate(seen)

    def place(self, memory: list[Tensor], i: int, j: int) -> tuple[Tensor, Tensor]:
        """h of the next layer at one place, and what skips, each (B, C)."""
        _, h, seen, _, shift = memory
        return self.mix(h[:, :, i, j], seen[:, :, j], self.left.at(h, i, j) + shift)

    def shifts(self, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """What the condition adds for v and for h, each (B, 2 C); nothing without one, or for 0."""
        if self.given is None or condition is None:
            zero = self.out.weight.new_zeros(1, 1)
            return zero, zero
        v, h = self.given(condition).chunk(2, dim=1)
        return v, h


class GatedPixelCNN(nn.Module):
    """PixelCNN of two gated stacks; if it is deep, without a blind spot; by class or not.

    Every layer hands its features to the logits directly (skip) and adds to those of the layer
    before (residual). Each place has its own bias in the features and in the logits. Source: van
    den Oord et al., "Conditional image generation with PixelCNN decoders" (2016), sections 2.1 to
    2.3.

    Args:
        shape: rows and columns of the image.
        levels: number of levels K.
        embedding: channels of an embedded level.
        channels: channels C of the features of a stack.
        window: side of the first window, odd and > 1.
        layers: number of layers after the first.
        size: side of their windows, odd.
        conditions: size of a condition; 0 for none.
        dropout: probability that a feature is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, shape: tuple[int, int], *, levels: int, embedding: int, channels: int, window: int,
        layers: int, size: int = 3, conditions: int = 0, dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(shape=shape)
        check_counts(
            levels=levels,
            embedding=embedding,
            channels=channels,
            layers=layers,
        )
        check_sizes(conditions=conditions)
        check_integers(window=window, size=size)
        check_share(dropout=dropout)
        super().__init__()
        self.shape = shape
        self.embed = LevelEmbedding(levels, embedding, generator=generator)
        self.layers = nn.ModuleList(
            GatedLayer(
                channels if layer else embedding, channels, size if layer else window,
                strict=layer == 0, conditions=conditions, dropout=dropout, generator=generator,
            )
            for layer in range(1 + layers)
        )  # fmt: skip
        with global_state_from(generator):
            self.head = nn.Linear(channels, levels)
        self.dropout = nn.Dropout(dropout)
        self.place = nn.Parameter(torch.zeros(2, channels, *shape))
        self.bias = nn.Parameter(torch.zeros(*shape, levels))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps levels (B, D), or soft ones (B, D, K), to logits (B, D, K)."""
        found = self.features(x, condition)
        last = (found[-1][1] + torch.stack([skip for _, _, skip in found]).sum(0)).relu()
        logits: Tensor = self.head(self.dropout(last).movedim(1, -1)) + self.bias
        return logits.flatten(1, 2)

    def features(
        self, x: Tensor, condition: Tensor | None = None
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """v, h and skip after each layer, each (B, C, H, W)."""
        image = self.embed(x).unflatten(1, self.shape).movedim(-1, 1)
        v, h, found = image, image, []
        for layer in self._layers:
            v, h, skip = layer(v, h, condition)
            if layer.strict:
                v, h = v + self.place[0], h + self.place[1]
            found.append((v, h, skip))
        return found

    def start(self, n: int, condition: Tensor | None = None) -> list[list[Tensor]]:
        """The memory before the first pixel: what the layers read, as far as it is known."""
        return [layer.start(n, self.shape, condition) for layer in self._layers]

    def step(self, memory: list[list[Tensor]], x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (B, K), at the price of one place, and of a row of v where one begins."""
        i, j = divmod(d, self.shape[1])
        if d:
            before = divmod(d - 1, self.shape[1])
            for image in memory[0][:2]:
                image[:, :, *before] = self.embed(x[:, d - 1])
        if j == 0:
            self._next_row(memory, i)
        total = torch.zeros(())
        for number, layer in enumerate(self._layers):
            h, skip = layer.place(memory[number], i, j)
            h, total = h + self.place[1, :, i, j] * layer.strict, total + skip
            if number < len(memory) - 1:
                memory[number + 1][1][:, :, i, j] = h
        logits: Tensor = self.head((h + total).relu()) + self.bias[i, j]
        return logits

    @torch.no_grad()
    def start_from(self, log_p: Tensor) -> None:
        """Makes the untrained network say log_p, (D, K), whatever the past."""
        self.bias.copy_(log_p.view_as(self.bias))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def _layers(self) -> list[GatedLayer]:
        return cast("list[GatedLayer]", list(self.layers))

    def _next_row(self, memory: list[list[Tensor]], i: int) -> None:
        """The v of row i in all layers: the rows above are complete."""
        for layer, this, following in zip(self._layers, memory, memory[1:], strict=False):
            following[0][:, :, i] = layer.row(this, i) + self.place[0, :, i] * layer.strict
        self._layers[-1].row(memory[-1], i)

"""Residual networks that start at zero: conditioners, of vectors and of images."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_integer_lists, check_share
from coursepkg.nets.patches import as_images
from coursepkg.rng import global_state_from


class ResidualMLP(nn.Module):
    r"""h_{l+1} = h_l + W a(V a(h_l)) between two linear maps, with SiLU a; the output starts at 0.

    Args:
        inputs: size of x.
        outputs: size of the result.
        hidden: width of h.
        blocks: number of residual blocks.
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, inputs: int, outputs: int, *, hidden: int, blocks: int, dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_counts(inputs=inputs, outputs=outputs, hidden=hidden, blocks=blocks)
        check_share(dropout=dropout)
        super().__init__()
        with global_state_from(generator):
            self.first = nn.Linear(inputs, hidden)
            self.blocks = nn.ModuleList(
                nn.Sequential(
                    nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Dropout(dropout),
                    nn.Linear(hidden, hidden),
                )
                for _ in range(blocks)
            )  # fmt: skip
            last = nn.Linear(hidden, outputs)
        self.last = nn.Sequential(nn.SiLU(), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, inputs) to (B, outputs)."""
        h = self.first(x)
        for block in self.blocks:
            h = h + block(h)
        result: Tensor = self.last(h)
        return result


class ResidualCNN(nn.Module):
    r"""The same with 3×3 convolutions, over images that come and go as vectors, channels first.

    Each place has a bias of its own in the features and in the output: digits are centred.

    Args:
        shape: channels C, height H, width W of the input.
        outputs: channels of the result.
        hidden: channels of h.
        blocks: number of residual blocks.
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, *, hidden: int, blocks: int,
        dropout: float = 0.0, generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(shape=shape)
        check_counts(outputs=outputs, hidden=hidden, blocks=blocks)
        check_share(dropout=dropout)
        super().__init__()
        self.shape, (C, H, W) = shape, shape
        with global_state_from(generator):
            self.first = nn.Conv2d(C, hidden, 3, padding=1)
            self.blocks = nn.ModuleList(
                nn.Sequential(
                    nn.SiLU(), nn.Conv2d(hidden, hidden, 3, padding=1), nn.SiLU(),
                    nn.Dropout(dropout), nn.Conv2d(hidden, hidden, 3, padding=1),
                )
                for _ in range(blocks)
            )  # fmt: skip
            last = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.last = nn.Sequential(nn.SiLU(), last)
        self.place = nn.Parameter(torch.zeros(hidden, H, W))
        self.bias = nn.Parameter(torch.zeros(outputs, H, W))
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C·H·W) to (B, outputs·H·W)."""
        h = self.first(as_images(x, self.shape)) + self.place
        for block in self.blocks:
            h = h + block(h)
        result: Tensor = self.last(h) + self.bias
        return result.flatten(1)

"""A classifier of small images reads what a generator drew; its features measure distance."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import leaky_relu

from coursepkg.counts import check_counts, check_integers, check_share
from coursepkg.rng import global_state_from
from coursepkg.validate import check_real


class Judge(nn.Module):
    """Two 3×3 convolutions, each followed by maxima of 2×2 pixels; features; a linear reading.

    Args:
        side: height and width of an image, a multiple of 4.
        classes: number of classes.
        hidden: channels of the first convolution; the second has twice as many.
        features: how many numbers describe an image.
        dropout: probability that a feature is dropped in training, of the reading only.
        generator: draws the initial weights.

    Raises:
        ValueError: if the side is no multiple of 4.
    """

    def __init__(
        self, *, side: int, classes: int, hidden: int = 16, features: int = 64,
        dropout: float = 0.3, generator: Generator,
    ) -> None:  # fmt: skip
        check_counts(classes=classes, hidden=hidden, features=features)
        check_integers(side=side)
        check_share(dropout=dropout)
        super().__init__()
        if side < 4 or side % 4:
            raise ValueError(f"side: expected a multiple of 4, got {side}")
        self.side = side
        with global_state_from(generator):
            self.below = nn.Sequential(
                nn.Conv2d(1, hidden, 3, padding=1), nn.MaxPool2d(2), nn.LeakyReLU(),
                nn.Conv2d(hidden, 2 * hidden, 3, padding=1), nn.MaxPool2d(2), nn.LeakyReLU(),
                nn.Flatten(), nn.Linear(2 * hidden * (side // 4) ** 2, features),
            )  # fmt: skip
            self.above = nn.Sequential(nn.Dropout(dropout), nn.Linear(features, classes))

    def features(self, x: Tensor) -> Tensor:
        """Maps pixels from -1 to 1, (B, side²), to features (B, M).

        Raises:
            TypeError: if x is no floating-point tensor.
            ValueError: if its shape is wrong or an entry is not finite.
        """
        check_real(x, event=(self.side**2,), like=self)
        f: Tensor = leaky_relu(self.below(x.view(-1, 1, self.side, self.side)))
        return f

    def forward(self, x: Tensor) -> Tensor:
        """Maps pixels from -1 to 1, (B, side²), to logits of the classes (B, K)."""
        logits: Tensor = self.above(self.features(x))
        return logits

    @torch.no_grad()
    def read(self, x: Tensor) -> Tensor:
        """The most probable class of each image, (B, side²) -> (B,) int64, as the mode is."""
        return self(x).argmax(1)  # type: ignore[no-any-return]

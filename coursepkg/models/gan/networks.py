"""Networks for the two players: with labels, with batch normalisation, and for small images."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import leaky_relu, one_hot

from coursepkg.counts import check_counts, check_integer_lists, check_integers
from coursepkg.nets.patches import as_images
from coursepkg.rng import global_state_from
from coursepkg.validate import check_levels, check_methods, check_real


def signed_pixels(x: Tensor, *, levels: int) -> Tensor:
    """Levels 0..K-1 as numbers from -1 to 1, 2 x / (K - 1) - 1, (B, *event) of the default type.

    The range of tanh, which is centred at 0, as noise is.

    Args:
        x: integer levels, (B, *event).
        levels: how many, K >= 2.
    """
    check_levels(x, levels=levels)
    return 2 * x.to(torch.get_default_dtype()) / (levels - 1) - 1


def nearest_levels(x: Tensor, *, levels: int) -> Tensor:
    """The levels 0..K-1 nearest to numbers from -1 to 1, (B, *event) int64; beyond them, the end.

    Args:
        x: finite numbers, (B, *event).
        levels: how many, K >= 2.
    """
    check_real(x)
    return ((x + 1) * (levels - 1) / 2).round().clamp(0, levels - 1).long()


class Labelled(nn.Module):
    """A network of vectors told the class too: net(x, one-hot(c)).

    Args:
        net: maps (B, D + classes) to anything.
        classes: number of classes.
    """

    def __init__(self, net: nn.Module, *, classes: int) -> None:
        check_methods(net, "__call__", name="net")
        check_counts(classes=classes)
        super().__init__()
        self.net, self.classes = net, classes

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Maps x (B, D) and labels (B,) to what the net makes of both."""
        result: Tensor = self.net(torch.cat([x, one_hot(c, self.classes).to(x)], dim=1))
        return result


class BatchNormMLP(nn.Module):
    """Linear maps with batch normalisation and a leaky rectifier between any two, the last bare.

    In training each feature is centred and scaled over the batch, so that examples see each other;
    in eval mode by running averages. Source: Ioffe and Szegedy 2015; for GANs Radford, Metz and
    Chintala 2016.

    Args:
        widths: sizes of the layers, input first and output last, at least two.
        activation: the nonlinearity, elementwise.
        generator: draws the initial weights; normalisation draws nothing.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        activation: Callable[[Tensor], Tensor] = leaky_relu,
        generator: Generator,
    ) -> None:
        check_integer_lists(widths=widths)
        super().__init__()
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"widths: expected at least two sizes >= 1, got {list(widths)}")
        self.activation = activation
        with global_state_from(generator):
            self.layers = nn.ModuleList(nn.Linear(*sizes) for sizes in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths[1:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, widths[0]) to (B, widths[-1]); in training B >= 2."""
        *before, last = self.layers
        for layer, norm in zip(before, self.norms, strict=True):
            x = self.activation(norm(layer(x)))
        result: Tensor = last(x)
        return result


class ImageMaker(nn.Module):
    """Noise and label to an image: a quarter of the side, then doubled twice, 3×3 convolutions.

    Args:
        latent: number of dimensions of z.
        side: height and width, a multiple of 4.
        classes: number of classes; a label is given to the first layer beside z.
        hidden: channels.
        normalised: batch normalisation after the convolutions; without it none.
        generator: draws the initial weights.
    """

    def __init__(
        self, *, latent: int, side: int, classes: int, hidden: int, normalised: bool = False,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_counts(latent=latent, classes=classes, hidden=hidden)
        check_integers(side=side)
        super().__init__()
        _check_side(side)
        self.small, self.hidden, self.classes = side // 4, hidden, classes
        with global_state_from(generator):
            self.first = nn.Linear(latent + classes, hidden * self.small**2)
            self.steps = nn.Sequential(
                nn.LeakyReLU(0.2),
                *(part for _ in range(2) for part in (
                    nn.Upsample(scale_factor=2),
                    nn.Conv2d(hidden, hidden, 3, padding=1),
                    nn.BatchNorm2d(hidden) if normalised else nn.Identity(),
                    nn.LeakyReLU(0.2),
                )),
                nn.Conv2d(hidden, 1, 3, padding=1),
                nn.Tanh(),
            )  # fmt: skip

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Maps z (B, latent) and labels (B,) to pixels in (-1, 1), (B, side²)."""
        h: Tensor = self.first(torch.cat([z, one_hot(c, self.classes).to(z)], dim=1))
        x: Tensor = self.steps(h.view(-1, self.hidden, self.small, self.small))
        return x.flatten(1)


class ImageCritic(nn.Module):
    """Scores an image and a label: features f by 3×3 convolutions, D(x, c) = (w + W_c) · f + b.

    The label enters by a product with the features (Miyato and Koyama 2018), and never without the
    image.

    Args:
        side: height and width, a multiple of 4.
        classes: number of classes.
        hidden: channels; twice as many at half the side.
        generator: draws the initial weights.
    """

    def __init__(self, *, side: int, classes: int, hidden: int, generator: Generator) -> None:
        check_counts(classes=classes, hidden=hidden)
        check_integers(side=side)
        super().__init__()
        _check_side(side)
        self.side = side
        size = 2 * hidden * (side // 4) ** 2
        with global_state_from(generator):
            self.features = nn.Sequential(
                nn.Conv2d(1, hidden, 3, stride=2, padding=1), nn.LeakyReLU(0.2),
                nn.Conv2d(hidden, 2 * hidden, 3, stride=2, padding=1), nn.LeakyReLU(0.2),
                nn.Flatten(),
            )  # fmt: skip
            self.score = nn.Linear(size, 1)
            self.of_class = nn.Embedding(classes, size)
        nn.init.zeros_(self.of_class.weight)  # labels count for nothing until they are learned

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Maps pixels (B, side²) and labels (B,) to scores (B,)."""
        f: Tensor = self.features(as_images(x, (1, self.side, self.side)))
        result: Tensor = self.score(f).squeeze(1) + (self.of_class(c) * f).sum(1)
        return result


def _check_side(side: int) -> None:
    if side < 4 or side % 4:
        raise ValueError(f"side: expected a multiple of 4, got {side}")

"""Images in patches: p×p pixels as one place, with what they hold as its channels."""

import math

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from coursepkg.counts import check_integer_lists, check_integers


def as_images(z: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Maps rows (B, C·H·W) to images (B, C, H, W).

    Raises:
        ValueError: if z has another size: its numbers could fill another number of images.
    """
    if z.shape[1:] != (math.prod(shape),):
        raise ValueError(f"z: expected shape (B, {math.prod(shape)}), got {tuple(z.shape)}")
    images: Tensor = z.unflatten(1, shape)
    return images


class Patches:
    """How an image falls into squares, and what is said of squares into pixels.

    Args:
        shape: channels C, height H, width W of an image.
        size: side p of a patch; divides both sides.

    Raises:
        ValueError: if it does not.
    """

    def __init__(self, shape: tuple[int, int, int], size: int) -> None:
        check_integer_lists(shape=shape)
        check_integers(size=size)
        C, H, W = shape
        if size < 1 or H % size or W % size:
            raise ValueError(f"size: expected a divisor of {H} and {W}, got {size}")
        self.image, self.size = shape, size
        self.shape = C * size**2, H // size, W // size

    def split(self, z: Tensor) -> Tensor:
        """Maps images (B, C·H·W) to patches, (B, C·p², H/p, W/p).

        Raises:
            ValueError: if the images have another size.
        """
        return pixel_unshuffle(as_images(z, self.image), self.size)

    def join(self, said: Tensor) -> Tensor:
        """Maps what is said of each patch, (B, H/p · W/p, A·p²), to (B, H·W·A), pixel by pixel."""
        rows = said.unflatten(1, self.shape[1:]).movedim(3, 1)
        return pixel_shuffle(rows, self.size).movedim(1, -1).flatten(1)


class InPatches(nn.Module):
    """A network for noisy images that sees patches as pixels: p² times fewer, and as cheap.

    Args:
        net: such as a `UNet` of `Patches(shape, size).shape`, with A·p² outputs a patch.
        patches: how the image falls into them.
    """

    def __init__(self, net: nn.Module, patches: Patches) -> None:
        super().__init__()
        self.net, self.patches = net, patches

    def forward(self, z: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps z (B, C·H·W), log-SNRs (B,) and conditions (B, E) to (B, H·W·A)."""
        _, height, width = self.patches.shape
        said = self.net(self.patches.split(z).flatten(1), log_snr, condition)
        return self.patches.join(said.unflatten(1, (height * width, -1)))

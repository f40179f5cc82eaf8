"""Patches of scikit-learn's two photographs, and the whitening that ICA starts from."""

import hashlib
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Generator, Tensor

from coursepkg.counts import check_draws, check_integers
from coursepkg.validate import ANY, check_real

SHAPE = (427, 640)
_SHA256 = "c1ef34f251839d4aea0f512ef005eeba01e9109bce8f7f4b7c4da6e3f45c54e5"


class Whitened(NamedTuple):
    """z = (x - mean) @ matrix.T has covariance I; x ≈ z @ inverse.T + mean."""

    z: Tensor  # (N, k)
    mean: Tensor  # (D,)
    matrix: Tensor  # (k, D), rows by falling variance
    inverse: Tensor  # (D, k)


def load_photographs() -> Tensor:
    """A temple and a flower in grey, (2, 427, 640), 0 black to 1 white, default dtype.

    Grey is 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601) of the values in the file. By
    D. Buechele and "vultilion" of Flickr, CC BY 2.0; they ship with scikit-learn. There is no
    split: what one model learns from one photograph can be tested on the other.

    Raises:
        ValueError: if the installed files are not the expected ones.
    """
    folder = files("sklearn.datasets.images")
    content = (folder / "china.jpg").read_bytes() + (folder / "flower.jpg").read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != _SHA256:
        raise ValueError(
            f"photographs: expected files with sha256 {_SHA256}, got {found}; "
            "reinstall scikit-learn"
        )
    images = load_sample_images().images
    shapes = [image.shape for image in images]
    if shapes != [(*SHAPE, 3)] * 2:
        raise ValueError(
            f"photographs: expected two of shape {(*SHAPE, 3)}, got {shapes}; "
            "reinstall scikit-learn"
        )
    grey = torch.tensor(np.stack(images), dtype=torch.get_default_dtype()) / 255
    return grey @ grey.new_tensor([0.299, 0.587, 0.114])


def draw_patches(
    n: int,
    size: int,
    *,
    generator: Generator,
    images: Tensor | None = None,
    log: bool = False,
    centre: bool = False,
) -> Tensor:
    """Draws square patches, each equally likely to lie anywhere inside any image.

    Args:
        n: how many.
        size: pixels a side, p.
        generator: source of the positions.
        images: (M, H, W), values 0..1; the two photographs when left out.
        log: take log(1/255 + value) first: contrast then means ratio, as for the eye.
        centre: subtract from each patch its own mean; its D pixels then have rank D - 1.

    Returns:
        (n, p²), rows of a patch one after the other.

    Raises:
        ValueError: if a patch does not fit into an image.
    """
    check_draws(n, generator)
    check_integers(size=size)
    images = load_photographs() if images is None else images
    check_real(images, event=(ANY, ANY), name="images")
    count, height, width = images.shape
    if not 1 <= size <= min(height, width):
        raise ValueError(f"size: expected 1..{min(height, width)} pixels, got {size}")
    image = torch.randint(count, (n, 1, 1), generator=generator)
    top = torch.randint(height - size + 1, (n, 1, 1), generator=generator)
    left = torch.randint(width - size + 1, (n, 1, 1), generator=generator)
    step = torch.arange(size)
    x = images[image, top + step[:, None], left + step].reshape(n, size**2)
    x = (x + 1 / 255).log() if log else x
    return x - x.mean(1, keepdim=True) if centre else x


def whiten(x: Tensor, *, components: int | None = None) -> Whitened:
    """Rotates x onto its principal axes and scales each to variance 1 (divisor N).

    Args:
        x: (N, D).
        components: how many axes to keep, k; all with variance when left out.

    Raises:
        ValueError: if x has variance along fewer than `components` axes.
    """
    check_real(x, event=(ANY,))
    N, D = x.shape
    mean = x.double().mean(0)
    away = (x - mean).to(x)
    _, singular, axes = torch.linalg.svd(away, full_matrices=False)
    std = singular / N**0.5
    rank = int((std > std[0] * max(N, D) * torch.finfo(x.dtype).eps).sum())
    k = rank if components is None else components
    check_integers(components=k)
    if not 1 <= k <= rank:
        raise ValueError(f"components: expected 1..{rank}, the rank of the data, got {k}")
    matrix = axes[:k] / std[:k, None]
    return Whitened(away @ matrix.T, mean.to(x), matrix, (axes[:k] * std[:k, None]).T)

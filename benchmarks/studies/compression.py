"""All 447 test digits in one file without loss: an autoregressive model beside PNG and compressors.

    python -m benchmarks.studies.compression

codes the test images with the PixelCNN of chapter 10's live figure, decodes them again, and writes
`benchmarks/results/compression.json`: bytes of the file, what the model's nats ask for, and the
bytes of PNG and of three compressors of Python's library. Each of these gets the best of several
arrangements of the pixels, chosen on the test images themselves, which flatters them. It also
counts what a sender who takes a shortcut gets wrong: all conditionals from one pass of the whole
images, where the receiver has to pass pixel by pixel.
"""

import bz2
import io
import lzma
import math
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from PIL import Image
from torch import Tensor

from benchmarks.live.pixels import load
from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import LEVELS, SHAPE, load_split
from coursepkg.models.autoencoders.ans import slots
from coursepkg.models.autoregressive.arithmetic import Encoder
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.coding import (
    BITS,
    HEADER,
    Edges,
    compress,
    decompress,
    pixel_by_pixel,
)

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "zlib": lambda plain: zlib.compress(plain, 9),
    "bz2": lambda plain: bz2.compress(plain, 9),
    "lzma": lambda plain: lzma.compress(plain, preset=9 | lzma.PRESET_EXTREME),
}


def arrangements(x: Tensor) -> dict[str, bytes]:
    """The levels as bytes: image by image or pixel by pixel, a byte or five bits a level."""
    found = {}
    for order, levels in (("images", x), ("pixels", x.T)):
        flat = levels.contiguous().view(-1).numpy().astype(np.uint8)
        found[f"{order}, a byte a level"] = flat.tobytes()
        found[f"{order}, five bits a level"] = np.packbits(
            np.unpackbits(flat[:, None], axis=1)[:, 3:]
        ).tobytes()
    return found


def png(levels: Tensor) -> int:
    """Bytes of a PNG of this picture, (H, W), levels as grey values, by Pillow's best effort."""
    file = io.BytesIO()
    Image.fromarray(levels.to(torch.uint8).numpy()).save(file, "png", optimize=True)
    return len(file.getvalue())


def sheets(x: Tensor) -> dict[str, int]:
    """Bytes of one PNG of all images, by how many stand in a row; black fills the last row."""
    found = {}
    for across in (1, 8, 21, 64, len(x)):
        full = torch.cat([x, x.new_zeros(-len(x) % across, x.shape[1])])
        sheet = full.view(-1, across, *SHAPE).transpose(1, 2).reshape(-1, across * SHAPE[1])
        found[f"{across} in a row"] = png(sheet)
    return found


def alone(model: ARM, x: Tensor) -> list[int]:
    """Bits of each image as a message of its own."""
    coders = [Encoder() for _ in x]

    def push(d: int, edges: Edges) -> Tensor:
        for coder, level, shares in zip(coders, x[:, d].tolist(), edges, strict=True):
            coder.push(level, shares)
        return x[:, d]

    pixel_by_pixel(model, len(x), push)
    return [len(coder.bits()) for coder in coders]


@torch.no_grad()
def shortcut(model: ARM, x: Tensor) -> dict[str, int]:
    """In how many conditionals, and images, the edges differ if all come from one pass of x."""
    at_once = slots(model.net(x).double().softmax(-1), bits=BITS)  # (N, D, K + 1)
    differ = torch.zeros_like(x, dtype=torch.bool)

    def compare(d: int, edges: Edges) -> Tensor:
        differ[:, d] = (torch.tensor(edges) != at_once[:, d]).any(1)
        return x[:, d]

    pixel_by_pixel(model, len(x), compare)
    return {
        "shortcut_conditionals": int(differ.sum()),
        "shortcut_images": int(differ.any(1).sum()),
    }


def coded(model: ARM, x: Tensor) -> dict[str, Any]:
    """Codes images (N, D), decodes them, and counts.

    Raises:
        AssertionError: if what comes back is not what was sent.
    """
    start = time.process_time()
    file = compress(model, x)
    middle = time.process_time()
    assert torch.equal(decompress(model, file), x)
    end = time.process_time()
    with torch.no_grad():
        nats = -model.log_prob(x).double()
    single, body = alone(model, x), len(file) - HEADER.size
    return {
        "images": len(x), "bytes": len(file), "body_bytes": body, "header_bytes": HEADER.size,
        "model_bytes": nats.sum().item() / math.log(256), "nats_an_image": nats.mean().item(),
        "single_bits": single, "single_bytes": sum(-(-bits // 8) for bits in single),
        "most_extra_bits": (torch.tensor(single) - nats / math.log(2)).max().item(),
        "seconds_to_code": middle - start, "seconds_to_decode": end - middle,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        **shortcut(model, x),
    }  # fmt: skip


def others(x: Tensor) -> dict[str, Any]:
    """Bytes by PNG and by general compressors, of all images together and of each by itself."""
    plain = arrangements(x)
    found: dict[str, Any] = {"plain_bytes": {name: len(data) for name, data in plain.items()}}
    for name, squeeze in COMPRESSORS.items():
        found[name] = {order: len(squeeze(data)) for order, data in plain.items()}
        found[f"{name}_bytes"] = min(found[name].values())
        found[f"{name}_single_bytes"] = sum(
            min(len(squeeze(data)) for data in arrangements(image[None]).values()) for image in x
        )
    found["png"] = sheets(x)
    found["png_bytes"] = min(found["png"].values())
    found["png_single_bytes"] = sum(png(image.view(SHAPE)) for image in x)
    found["uniform_bytes"] = x.numel() * math.log2(LEVELS) / 8
    return found


def main(
    quick: Annotated[bool, typer.Option(help="20 images; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
) -> None:
    """Codes, decodes, and writes the numbers."""
    torch.set_num_threads(1)
    model, _ = load()
    x = load_split().test[:20] if quick else load_split().test
    row = coded(model, x) | others(x)
    print({key: value for key, value in row.items() if key != "single_bits"})
    if out is not None or not quick:
        write_results((out or RESULTS) / "compression.json", [row])


if __name__ == "__main__":
    typer.run(main)

"""Lossless files of an autoregressive model: its conditionals, as whole numbers, drive a coder.

Sender and receiver must share out the interval alike to the last slot. So both make the same passes
of the network: of all images together, with zeros where the receiver does not know them yet.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from coursepkg.models.autoencoders.ans import slots
from coursepkg.models.autoregressive.arithmetic import Decoder, Encoder
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.validate import check_levels

MAGIC = b"ARM\x01"
HEADER = struct.Struct(">4s4sIIII")  # mark, fingerprint, images, bytes, checks of file and levels
BITS = 24  # log2 of the number of slots that share out a conditional

Edges = list[list[int]]  # of one pixel, for each image


def compress(model: ARM, x: Tensor) -> bytes:
    """A file of the images x, levels (N, D), in -log2 p(x) bits and a few bytes.

    Longer than -log2 p(x) by 24 bytes of header, by 1 bit and what fills a byte, and by less than
    N D K 2^-21 bits because probabilities and widths are whole numbers.
    Source: :eq:`arithmetic-length`.

    Args:
        model: gives the conditionals; in eval mode.
        x: what is coded; order and levels come back exactly.

    Raises:
        TypeError: if the images are no integers.
        ValueError: if they are no images of the model, or the model is in training mode.
    """
    check_levels(x, event=(model.dim,), levels=model.levels)
    coder = Encoder()

    def push(d: int, edges: Edges) -> Tensor:
        for level, shares in zip(x[:, d].tolist(), edges, strict=True):
            coder.push(level, shares)
        return x[:, d]

    pixel_by_pixel(model, len(x), push)
    body = coder.to_bytes()
    head = MAGIC, fingerprint(model), len(x), len(body)
    return HEADER.pack(*head, _check(len(x), body), _levels(x)) + body


def decompress(model: ARM, file: bytes) -> Tensor:
    """The images that `compress` wrote with this model, (N, D).

    Raises:
        ValueError: if the file was not written by `compress`, or by another model; if it is cut
            off or damaged; or if this machine rounds the model's numbers otherwise.
    """
    body, images, check = _opened(model, file)
    decoder = Decoder(body)

    def pop(d: int, edges: Edges) -> Tensor:
        return torch.tensor([decoder.pop(shares) for shares in edges])

    x = pixel_by_pixel(model, images, pop)
    if _levels(x) != check:
        raise ValueError(
            "file: expected the images that were coded, got others: this machine, or this version, "
            "computes other last digits than the sender's"
        )
    return x


@torch.no_grad()
def pixel_by_pixel(model: ARM, n: int, told: Callable[[int, Edges], Tensor]) -> Tensor:
    """What both sides do: shares out each pixel by those before it, and is told its levels.

    Args:
        model: in eval mode.
        n: number of images.
        told: called with d = 0, 1, ... and the edges of pixel d of each image; returns its levels.

    Returns:
        The images, (n, D).

    Raises:
        ValueError: if the model is in training mode, where dropout draws.
    """
    if model.training:
        raise ValueError("model: expected eval mode, got training mode, where dropout draws")
    weights = next(model.parameters(), torch.empty(0))
    x = torch.zeros(n, model.dim, dtype=torch.int64, device=weights.device)
    for d in range(model.dim):
        p = model.net(x)[:, d].double().softmax(-1)  # (n, K)
        x[:, d] = told(d, slots(p, bits=BITS).tolist())
    return x


def fingerprint(model: nn.Module) -> bytes:
    """Four bytes by which models are told apart: of names, types, shapes and values of weights."""
    mark = hashlib.sha256()
    for name, value in model.state_dict().items():
        mark.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        mark.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return mark.digest()[:4]


def _opened(model: ARM, file: bytes) -> tuple[bytes, int, int]:
    """Coded bytes, number of images, and check of their levels, if this is the model's file."""
    if not file.startswith(MAGIC):
        raise ValueError(f"file: expected one that begins with {MAGIC!r}, got {bytes(file[:4])!r}")
    if len(file) < HEADER.size:
        raise ValueError(f"file: expected a header of {HEADER.size} bytes, got {len(file)} bytes")
    _, mark, images, length, check, levels = HEADER.unpack_from(file)
    body = file[HEADER.size :]
    if len(body) != length:
        raise ValueError(f"file: expected {length} bytes after the header, got {len(body)}")
    if _check(images, body) != check:
        raise ValueError("file: expected the checksum of its header, got another: it is damaged")
    if mark != fingerprint(model):
        raise ValueError(
            f"file: expected one of the model {fingerprint(model).hex()}, got one of {mark.hex()}"
        )
    return body, images, levels


def _check(images: int, body: bytes) -> int:
    return zlib.crc32(body, images)


def _levels(x: Tensor) -> int:
    return zlib.crc32(x.to(torch.int64).cpu().numpy().astype("<i8").tobytes())

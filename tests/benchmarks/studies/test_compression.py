"""The study that codes all test digits with a PixelCNN, beside PNG and compressors."""

import json

import numpy as np
import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies.compression import alone, arrangements, main, others, sheets
from coursepkg.data.digits import load_split
from tests.benchmarks.invoke import invoke
from tests.coursepkg.models.autoregressive.test_coding import images, model, surprise


def test_arrangements_hold_all_levels():
    """Kills: a bit lost of level 16, rows for columns."""
    x = load_split().test[:9]
    plain = arrangements(x)
    assert plain["images, a byte a level"] == bytes(x.flatten().tolist())
    assert plain["pixels, a byte a level"] == bytes(x.T.flatten().tolist())
    bits = np.unpackbits(np.frombuffer(plain["images, five bits a level"], np.uint8))
    found = bits[: 5 * x.numel()].reshape(-1, 5) @ [16, 8, 4, 2, 1]
    assert found.tolist() == x.flatten().tolist()


def test_a_message_alone_is_within_two_bits_of_its_surprise():
    """Kills: a length of all images together."""
    x, coder = images(12), model()
    for bits, image in zip(alone(coder, x), x, strict=True):
        assert -0.01 <= bits - surprise(coder, image[None]) + 1 <= 2.01


def test_others_take_their_best():
    x = load_split().test[:12]
    row = others(x)
    assert row["png_bytes"] == min(sheets(x).values())
    assert row["zlib_bytes"] == min(row["zlib"].values())
    assert row["png_single_bytes"] > 12 * 60
    assert row["uniform_bytes"] == pytest.approx(12 * 64 * np.log2(17) / 8)


@pytest.mark.slow
def test_the_study_writes_its_row(tmp_path, float32):
    result = invoke(main, "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    (row,) = json.loads((tmp_path / "compression.json").read_text())["rows"]
    assert row["images"] == len(row["single_bits"]) == 20


def test_the_file_is_as_long_as_the_nats_and_shorter_than_all_others():
    """Within 1 %, header included; each image alone within 2 bits."""
    (row,) = json.loads((RESULTS / "compression.json").read_text("utf8"))["rows"]
    assert row["images"] == 447
    assert row["model_bytes"] - 1 <= row["bytes"] <= 1.01 * row["model_bytes"]
    assert row["bytes"] == row["body_bytes"] + row["header_bytes"]
    assert row["most_extra_bits"] <= 2
    best = min(row[f"{name}_bytes"] for name in ("png", "zlib", "bz2", "lzma"))
    assert row["bytes"] < best < row["uniform_bytes"]
    assert row["single_bytes"] < min(
        row[f"{name}_single_bytes"] for name in ("png", "zlib", "bz2", "lzma")
    )
    assert torch.tensor(row["single_bits"]).sum() / 8 == pytest.approx(row["body_bytes"], rel=0.01)

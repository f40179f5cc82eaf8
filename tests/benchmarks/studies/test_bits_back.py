"""The study that codes all test digits in one message."""

import json
import math

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies.bits_back import at, coded, main
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke
from tests.coursepkg.models.autoencoders.given import D, conditional


def test_at_one_condition_it_is_an_ordinary_vae():
    """Kills: a condition that is not told to one of the networks, or in front of the input."""
    model, c = conditional(), torch.tensor([[0.3, -1.0, 2.0]])
    x = torch.randint(3, (5, D), generator=seeded(0))
    fixed = at(model, c[0])
    torch.testing.assert_close(
        fixed.elbo(x, generator=seeded(1)),
        model.elbo(x, condition=c.expand(5, -1), generator=seeded(1)),
    )


def test_what_is_counted():
    """Bytes of all images together. Kills: bits for bytes, what was lent counted as sent."""
    model = at(conditional(), torch.tensor([0.3, -1.0, 2.0]))
    x = torch.randint(3, (60, D), generator=seeded(0))
    row = coded(model, x)
    assert row["images"] == len(row["added"]) == 60
    assert row["bytes"] == sum(row["added"]) / 8
    assert row["bound_bytes"] == pytest.approx(60 * row["bound_nats"] / math.log(2) / 8)
    assert row["bytes"] == pytest.approx(row["bound_bytes"], rel=0.15)
    assert row["nats_an_image"] == pytest.approx(row["bytes"] * 8 * math.log(2) / 60)
    assert 0 < row["start_up_bytes"] < 20 < row["lent_bytes"]
    assert row["plain_bytes"] == 60 * D


@pytest.mark.slow
def test_the_study_writes_its_row(tmp_path, float32):
    result = invoke(main, "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    (row,) = json.loads((tmp_path / "bits_back.json").read_text())["rows"]
    assert row["images"] == 20


def test_the_message_is_as_long_as_the_bound():
    """Within 2 %, which is what was asked, and without what was lent."""
    (row,) = json.loads((RESULTS / "bits_back.json").read_text("utf8"))["rows"]
    assert row["images"] == 447
    assert row["bytes"] == pytest.approx(row["bound_bytes"], rel=0.02)
    assert row["bytes"] < min(row["bz2_bytes"], row["lzma_bytes"])
    assert row["start_up_bytes"] < 60

"""The file of chapter 18's live figure holds what the published network draws."""

import json

import pytest
import torch

from benchmarks.gallery.diffusion import published
from benchmarks.live import guidance
from benchmarks.provenance import RESULTS
from benchmarks.studies.guided_mnist import guided
from coursepkg.rng import seeded

THERE = pytest.mark.skipif(
    not guidance.FILE.exists(), reason="python -m benchmarks.live.guidance"
)  # fmt: skip


def test_pixels_are_packed_by_two():
    """Kills: the right pixel first, a level lost, rounding down."""
    x = torch.rand(5, 784, generator=seeded(0)) * 2 - 1
    x[0, :3] = torch.tensor([-1.0, 1.0, 0.99])
    byte = guidance.packed(x)
    assert byte.dtype == torch.uint8
    assert byte.shape == (5, 392)
    assert byte[0, 0] == 15
    level = guidance.unpacked(byte).double()
    assert (2 * level / 15 - 1 - x).abs().max() <= 1 / 15 + 1e-9


@THERE
def test_the_file_in_the_book_is_what_is_drawn_again(float32):
    """One row at one weight, the class of each column told. Kills: weights of another training."""
    arrays = guidance.load()
    assert arrays["pictures"].shape == (len(guidance.WEIGHTS), guidance.NOISES, 10, 392)
    z = torch.randn(guidance.NOISES, 784, generator=seeded(6))[1].expand(10, -1)
    with torch.no_grad():
        x = guided(published(), z, torch.eye(10), guidance.WEIGHTS[3])
    apart = guidance.unpacked(guidance.packed(x)).int() - guidance.unpacked(
        arrays["pictures"][3, 1]
    )
    assert apart.abs().max() <= 1


@THERE
def test_what_the_judge_reads_stands_beside_it(float32):
    """The judge reads 16 grey levels as it read all. Kills: readings in another order."""
    arrays, judge = guidance.load(), guidance.trained()
    x = guidance.unpacked(arrays["pictures"]).float() / 15 * 2 - 1
    again = judge.read(x.flatten(0, 2)).view(arrays["read"].shape)
    assert (again == arrays["read"]).double().mean() > 0.97


@THERE
def test_numbers_are_those_of_the_results():
    """Kills: another weight's, recall for precision."""
    rows = json.loads((RESULTS / "guided_mnist.json").read_text("utf8"))["rows"]
    arrays = guidance.load()
    found = {row.get("weight"): row for row in rows}
    for k, row in enumerate(found[w] for w in guidance.WEIGHTS):
        assert arrays["weights"][k] == row["weight"]
        share, frechet, precision, recall = arrays["measures"][k].tolist()
        assert share == pytest.approx(row["read"], abs=1e-6)
        for name, value in (("frechet", frechet), ("precision", precision), ("recall", recall)):
            assert value == pytest.approx(row[name]["value"], rel=1e-6)
    floors = [rows[-1]["floor"][name]["mean"] for name in ("frechet", "precision", "recall")]
    assert arrays["floors"].tolist() == pytest.approx(floors, rel=1e-6)
    assert guidance.FILE.stat().st_size <= 150_000

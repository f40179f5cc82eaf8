"""The study of the design space changes one thing a row, and its gap is the bound's."""

import json
from dataclasses import fields

import pytest
import torch
from torch import Tensor, nn

from benchmarks.provenance import RESULTS
from benchmarks.studies import design_space
from coursepkg.models.diffusion import MixtureGuess
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_every_design_is_tried_and_written(tmp_path, float32, monkeypatch):
    """Kills: a design left out, an effect on another measure."""
    monkeypatch.setattr(design_space, "EXAMPLES", 512)
    for name, value in (("SEEN", 50), ("LOOKS", 4), ("DRAWN", 100), ("STEPS", 5)):
        monkeypatch.setattr(design_space, name, value)
    done = invoke(design_space.main, "--seeds", "2", "--epochs", "1", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    ideal, *rows = json.loads((tmp_path / "design_space.json").read_text())["rows"]
    assert [row["design"] for row in rows] == list(design_space.DESIGNS)
    assert ideal["gap"] == 0
    for row in rows:
        apart = [a - b for a, b in zip(row["gap"], rows[0]["gap"], strict=True)]
        assert row["effect"]["gap"]["mean"] == pytest.approx(sum(apart) / 2)


def test_each_row_changes_one_thing():
    """Kills: a design that brings another change along, one that changes nothing."""
    for name, design in design_space.DESIGNS.items():
        changed = [
            f.name for f in fields(design_space.Design)
            if getattr(design, f.name) != getattr(design_space.PLAIN, f.name)
        ]  # fmt: skip
        assert len(changed) == (0 if name == "plain" else 1), name


class Off(nn.Module):
    """The ideal guess, off by 0.01 in both variables."""

    def __init__(self) -> None:
        super().__init__()
        self.ideal = MixtureGuess(design_space.moons())

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        return self.ideal(z, log_snr) + 0.01


def test_the_gap_in_closed_form():
    """½ ∫ e^λ 2 · 0.01² dλ = 0.01² (e^9 - e^-9).   Kills: ½, one variable, a part too many."""
    parts = (18 / design_space.LOOKS) / 2
    midpoints = parts / torch.sinh(torch.tensor(parts)).item()  # of an exponential
    expected = 0.01**2 * torch.exp(torch.tensor(9.0)).item() * midpoints
    found = design_space.gap(Off(), design_space.moons(), seeded(0))
    assert found == pytest.approx(expected, rel=1e-2)


def test_the_moons_are_standardised():
    """Kills: a scale forgotten."""
    law = design_space.moons()
    mean = law.means.mean(0)
    torch.testing.assert_close(mean, torch.zeros(2), atol=1e-5, rtol=0)
    variance = law.means.square().mean() + law.covariances[0, 0, 0]
    assert variance.item() == pytest.approx(1, abs=1e-5)


def test_results_say_what_the_chapter_says():
    """Kills: a table that is not of this study."""
    rows = json.loads((RESULTS / "design_space.json").read_text())["rows"][1:]
    assert [row["design"] for row in rows] == list(design_space.DESIGNS)
    assert all(len(row["gap"]) == 5 for row in rows)

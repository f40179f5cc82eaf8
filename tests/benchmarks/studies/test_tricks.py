"""The study of tricks changes one thing a row, and its results have error bars."""

import json
from dataclasses import fields

import pytest
import torch

from benchmarks.leaderboard.entries.gan import Recipe, Signed, levels, pixels, players
from benchmarks.provenance import RESULTS
from benchmarks.studies import tricks
from coursepkg.models.gan import BatchNormMLP, ConditionalGAN, Labelled
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_every_trick_is_tried_and_written(tmp_path, float32):
    """Kills: a trick left out, an effect on another measure."""
    done = invoke(tricks.main, "--seeds", "2", "--epochs", "1", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "tricks.json").read_text())["rows"]
    assert [row["trick"] for row in rows] == list(tricks.TRICKS)
    for row in rows:
        assert set(row["effect"]) == set(tricks.ASKED)
        assert all(len(row[name]) == 2 for name in (*tricks.ASKED, "right", "heard"))
        first = row["effect"]["mmd2"]["mean"]
        gap = [a - b for a, b in zip(row["mmd2"], rows[0]["mmd2"], strict=True)]
        assert first == pytest.approx(sum(gap) / 2)
    assert rows[0]["effect"]["mmd2"] == {"mean": 0, "error": 0}


def test_each_row_changes_one_thing():
    """Kills: a trick that brings another along, one that changes nothing."""
    for name, recipe in tricks.TRICKS.items():
        changed = [
            f.name for f in fields(Recipe)
            if getattr(recipe, f.name) != getattr(tricks.PLAIN, f.name)
        ]  # fmt: skip
        assert len(changed) == (0 if name == "plain" else 1), name


def test_differences_are_paired():
    """1, 3 less 0, 1: mean 1.5, standard error 0.5. Kills: errors of the two means added."""
    found = tricks.difference([1.0, 3.0], [0.0, 1.0])
    assert found == pytest.approx({"mean": 1.5, "error": 0.5})
    assert tricks.difference([1.0], [3.0]) == {"mean": -2, "error": 0}


def test_recipes_build_what_they_say(float32):
    """Kills: σ for tanh, normalisation in the critic, labels for one player only."""
    for recipe in tricks.TRICKS.values():
        model = players(recipe, generator=seeded(0)).eval()
        assert isinstance(model.net, Signed) == recipe.signed
        assert isinstance(model, ConditionalGAN) == recipe.labels
        assert isinstance(model.critic, Labelled) == recipe.labels
        assert any(isinstance(m, BatchNormMLP) for m in model.net.modules()) == recipe.normalised
        assert not any(isinstance(m, BatchNormMLP) for m in model.critic.modules())
        x = levels(model, 500, seeded(1))
        assert x.dtype == torch.int64
        assert 0 <= x.min() < 8 <= x.max() <= 16


def test_pixels_are_on_the_players_scale():
    """0, 8 and 16 of 16. Kills: a scale that starts elsewhere."""
    x = torch.tensor([[0, 8, 16]])
    assert pixels(Recipe(), x).tolist() == [[-1, 0, 1]]
    assert pixels(Recipe(signed=False), x).tolist() == [[0, 0.5, 1]]


def test_labels_that_are_drawn_are_all_digits(float32):
    """Kills: one digit for all draws."""
    model = players(Recipe(labels=True), generator=seeded(0)).eval()
    seen = []
    sample = model.sample

    def watched(n, *, condition, generator):
        seen.append(condition)
        return sample(n, condition=condition, generator=generator)

    model.sample = watched
    levels(model, 300, seeded(1))
    assert set(seen[0].tolist()) == set(range(10))


def test_the_results_have_five_seeds_and_every_trick():
    """What chapter 15 prints."""
    rows = json.loads((RESULTS / "tricks.json").read_text("utf8"))["rows"]
    assert [row["trick"] for row in rows] == list(tricks.TRICKS)
    assert all(len(row["mmd2"]) >= 5 for row in rows)
    assert all(row["effect"]["mmd2"]["error"] > 0 for row in rows[1:])

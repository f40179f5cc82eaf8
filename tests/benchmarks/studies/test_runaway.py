"""What `runaway` and `race` compare differs in one thing."""

import json
from dataclasses import fields

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies import race, runaway
from benchmarks.studies.race import Blend
from benchmarks.studies.runaway import PRECAUTIONS, recipes
from coursepkg.models.mixtures import CategoricalMixture
from tests.benchmarks.invoke import invoke
from tests.oracles import states


def test_recipes_differ_in_one_precaution():
    """Kills: a field that no precaution names, or that two do."""
    kinds = dict(recipes())
    assert len(kinds) == 2 + 2 * len(PRECAUTIONS)
    names = [field.name for field in fields(kinds["careful"])]
    assert sorted(name for group in PRECAUTIONS.values() for name in group) == sorted(names)
    for name, recipe in kinds.items():
        base = kinds[name.split(",")[0]]
        changed = [field for field in names if getattr(recipe, field) != getattr(base, field)]
        expected = (
            PRECAUTIONS[name.split("without " if "without" in name else "with ")[1]]
            if ("," in name)
            else ()
        )
        assert tuple(changed) == expected


def test_the_blend_is_a_law_of_zeros_and_ones(generator):
    """Kills: a density of other numbers than it draws."""
    mixture = CategoricalMixture(3, dim=4, levels=2, shrinkage=1.0, smoothing=1.0,
                                 generator=generator)  # fmt: skip
    blend = Blend(mixture.fit(states(2, 4)[:9]))
    x = states(2, 4).double()
    assert blend.log_prob(x).exp().sum().item() == pytest.approx(1)
    drawn = blend.sample(50, generator=generator)
    assert drawn.dtype == torch.float64
    assert set(drawn.flatten().tolist()) == {0.0, 1.0}


@pytest.mark.slow
def test_every_recipe_has_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr(runaway, "EXAMPLES", 400)
    ran = invoke(runaway.main, "--seeds", 2, "--epochs", 1, "--out", tmp_path)
    assert ran.exit_code == 0, ran.output
    rows = json.loads((tmp_path / "runaway.json").read_text())["rows"]
    assert [row["recipe"] for row in rows] == list(dict(recipes()))
    assert all(len(row["nats"]) == 2 for row in rows)


@pytest.mark.slow
def test_every_objective_of_the_race_has_its_row(tmp_path):
    arguments = ["--seeds", 1, "--epochs", 1, "--iterations", 2, "--out", tmp_path]
    ran = invoke(race.main, *arguments)
    assert ran.exit_code == 0, ran.output
    rows = json.loads((tmp_path / "race.json").read_text())["rows"]
    assert len(rows) == 9
    assert all(8 < row["nats"][0] < 11 for row in rows)


def test_the_book_says_what_the_study_of_the_runaway_found():
    """The sentences under "Learning that runs away" in chapter 7."""
    rows = json.loads((RESULTS / "runaway.json").read_text("utf8"))["rows"]
    ends = {row["recipe"]: row["nats"] for row in rows}
    assert {len(each) for each in ends.values()} == {5}
    for missing in ("clipping", "falling steps", "plain steps"):
        found = ends[f"careful, without {missing}"]
        assert min(found) > 2.55
        assert max(found) < 2.95
    assert sum(nats > 50 for nats in ends["careful, without busy chains"]) == 2
    for name, low, high in (("busy chains", 2.7, 2.8), ("falling steps", 2.9, 3.6)):
        found = ends[f"reckless, with {name}"]
        assert (round(min(found), 1), round(max(found), 1)) == (low, high)
    for name in ("clipping", "plain steps"):
        assert sum(nats > 6000 for nats in ends[f"reckless, with {name}"]) == 1

"""The study that plans in learnt worlds."""

import json

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies.world_model import DISCOUNT, METHODS, PLAN, SLIP, first, main, summary
from coursepkg.models.worlds import grid_world, value_iteration, value_of_policy, wander
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_every_method_gives_a_policy_of_the_world():
    """Kills: a policy with an action beyond the world, a promise of another cell."""
    place = grid_world(PLAN, slip=SLIP)
    seen = wander(place, 200, generator=seeded(0))
    best = value_iteration(place.world, discount=DISCOUNT).value[place.start]
    for method in METHODS.values():
        policy, promise = method(place, first(seen, 150), 0)
        value = value_of_policy(place.world, policy, discount=DISCOUNT)[place.start]
        assert -1.02 <= value <= best + 1e-5
        assert -1.1 <= promise <= 1


def test_the_first_steps():
    seen = wander(grid_world(PLAN), 50, generator=seeded(0))
    assert all(torch.equal(a, b[:20]) for a, b in zip(first(seen, 20), seen, strict=True))


def test_errors_are_those_of_the_mean():
    row = summary(3, "m", [1.0, 3.0], [0.0, 1.0])
    assert (row["mean"], row["error"], row["promise"]) == (2, pytest.approx(1), 0.5)


@pytest.mark.slow
def test_the_study_writes_its_rows(tmp_path, float32):
    result = invoke(main, "--quick", "--seeds", "2", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    head, *rows = json.loads((tmp_path / "world_model.json").read_text())["rows"]
    assert head["at_random"] < head["best"]
    assert len(rows) == len(METHODS)


def test_what_the_chapter_says_of_it():
    """No value beats the best; with few steps the naive plan promises more than it is worth."""
    head, *rows = json.loads((RESULTS / "world_model.json").read_text("utf8"))["rows"]
    assert head["seeds"] >= 5
    assert all(max(row["values"]) <= head["best"] + 1e-5 for row in rows)
    found = {(row["steps"], row["method"]): row for row in rows}
    few = found[100, "counts, prior to anywhere"]
    assert few["promise"] > few["mean"]

import json
import math

import pytest
import torch

from benchmarks.studies.contrastive import NEGATIVES, RECIPES, learn, made, main, no_noise, task
from coursepkg.models.rbm.binary import RBM
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_the_bug_draws_nothing():
    """The same twice, whatever the generator. Kills: a draw in either direction."""
    rbm, v = RBM(6, 3, generator=seeded(0), scale=2.0), torch.eye(6)
    first, second = (no_noise(rbm, v, generator=seeded(seed)) for seed in (1, 2))
    up = torch.sigmoid(v @ rbm.W)
    down = torch.sigmoid(up @ rbm.W.T)
    assert all(map(torch.equal, first, second))
    torch.testing.assert_close(first.b, down.mean(0).detach())


def test_all_recipes_start_alike_and_go_apart():
    """Kills: a part of the recipe that is not passed on."""
    t = task("bars")._replace(epochs=2)
    ends = {
        name: learn(t, NEGATIVES["CD-1"](), recipe, 0, exact=True)[1][-1]
        for name, recipe in RECIPES.items()
    }
    assert len(set(ends.values())) == len(RECIPES)
    assert all(math.log(30) < nats < 16 * math.log(2) + 0.1 for nats in ends.values())


def test_images_made_by_a_machine_of_one_letter_are_of_one_kind():
    """Kills: a row of the data counted as a kind, a distance for its square."""
    x = torch.cat([torch.zeros(39, 20), torch.ones(39, 20)])
    rbm = RBM(20, 2, generator=seeded(0), scale=0.0)
    with torch.no_grad():
        rbm.b.fill_(40.0)
        rbm.b[0] = -40.0
    assert made(rbm, x, generator=seeded(1)) == (pytest.approx(1.0, abs=1e-3), 1)


@pytest.mark.slow
@pytest.mark.parametrize(("data", "rows"), [("bars", 13), ("glyphs", 4)])
def test_the_study_writes_a_row_for_each_combination(tmp_path, float32, data, rows):
    result = invoke(main, data, "--seeds", 2, "--epochs", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / f"contrastive-{data}.json").read_text())["rows"]
    assert len({(row["negative"], row["recipe"]) for row in found}) == len(found) == rows
    measures = {"bars": ("lowest", "last"), "glyphs": ("away", "kinds")}[data]
    assert all(len(row[name]) == 2 for row in found for name in measures)

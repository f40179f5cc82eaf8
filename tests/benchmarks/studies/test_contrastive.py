import json
import math
from statistics import mean

import pytest
import torch

from benchmarks.provenance import RESULTS
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


def results(data, measure):
    """What the committed study found: all its runs, by negative phase and recipe."""
    rows = json.loads((RESULTS / f"contrastive-{data}.json").read_text("utf8"))["rows"]
    return {(row["negative"], row["recipe"]): row[measure] for row in rows}


def spread(values):
    return [round(min(values), 1), round(max(values), 1)]


def test_chapter_6_says_what_the_runs_on_bars_and_stripes_found():
    """To the digits printed. Kills: a sentence that outlives its numbers."""
    ends, lowest = results("bars", "last"), results("bars", "lowest")
    assert {len(runs) for runs in ends.values()} == {6}
    centre = {key: mean(runs) for key, runs in ends.items()}
    assert centre["CD-1", "plain"] == pytest.approx(5.2, abs=0.05)
    assert centre["CD-1", "centred"] == pytest.approx(3.9, abs=0.05)
    assert min(centre["CD-1", "falling"], centre["CD-1", "averaged"]) > 5.1
    assert centre["CD-1", "plain"] - centre["CD-10", "plain"] == pytest.approx(1.2, abs=0.2)
    parts = [centre["PCD", part] for part in ("averaged", "centred", "falling", "plain")]
    assert parts == sorted(parts)
    assert parts[-1] - parts[0] == pytest.approx(6.4, abs=0.1)
    assert max(centre, key=centre.__getitem__) == ("no noise", "plain")
    assert min(ends["PCD", "plain"]) > max(ends["CD-1", "plain"])
    assert spread(ends["CD-1", "careful"]) == [3.8, 4.5]
    assert spread(ends["PCD", "careful"]) == [3.9, 3.9]
    assert max(ends["CD-10", "careful"]) < min(ends["CD-1", "careful"] + ends["PCD", "careful"])
    assert spread(lowest["no noise", "plain"]) == [6.8, 7.7]
    assert spread(lowest["CD-1", "plain"]) == [4.6, 5.0]


def test_chapter_6_says_what_the_runs_on_digits_found():
    ends, lowest = results("digits", "last"), results("digits", "lowest")
    above = {
        recipe: [
            end - low for end, low in zip(ends["PCD", recipe], lowest["PCD", recipe], strict=True)
        ]
        for recipe in RECIPES
    }
    for negative in ("CD-1", "PCD"):
        assert mean(ends[negative, "falling"]) == pytest.approx(20.9, abs=0.05)
        assert mean(ends[negative, "falling"]) < mean(ends[negative, "averaged"]) - 0.2
        assert mean(ends[negative, "falling"]) < mean(ends[negative, "centred"]) - 0.2
    assert spread(above["plain"]) == [0.2, 0.6]
    assert max(above["averaged"] + above["falling"]) < 0.055


def test_chapter_6_says_what_the_machines_of_characters_made():
    kinds, away = results("glyphs", "kinds"), results("glyphs", "away")
    assert {len(runs) for runs in kinds.values()} == {5}
    assert spread(kinds["PCD", "careful"]) == [32, 36]
    assert spread(kinds["CD-1", "careful"]) == [25, 28]
    assert max(kinds["PCD", "plain"]) <= min(kinds["CD-1", "plain"])
    assert mean(kinds["CD-1", "plain"]) < mean(kinds["CD-1", "careful"])
    assert mean(away["PCD", "careful"]) == pytest.approx(mean(away["CD-1", "careful"]), abs=5)

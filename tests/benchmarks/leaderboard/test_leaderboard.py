import json
import math

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import lecture_setting, mixtures, sampling_cost
from benchmarks.entries import copula
from benchmarks.entries.arm import independent, markov_1, uniform
from benchmarks.entry import Entry
from benchmarks.leaderboard import FAMILIES, main, run
from benchmarks.provenance import provenance, write_results
from coursepkg.data.digits import Split, load_split
from coursepkg.evaluation import nats
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.nets.mlp import WindowMLP
from coursepkg.rng import seeded


def invoke(function, *arguments):
    app = typer.Typer()
    app.command()(function)
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def float32():
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(torch.float64)


@pytest.mark.slow
@pytest.mark.parametrize(("family", "sign"), [("arm", "="), ("mixture", "="), ("copula", "≤")])
def test_quick_leaderboard_writes_every_entry_with_its_provenance(family, sign, tmp_path, float32):
    result = invoke(main, "--only", family, "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / f"leaderboard-{family}.json").read_text())
    assert [row["family"] for row in written["rows"]] == [e.family for e in FAMILIES[family]]
    assert {row["sign"] for row in written["rows"]} == {sign}
    assert all((row["error_draws"] > 0) == (sign == "≤") for row in written["rows"])
    assert written["provenance"]["threads"] == 1
    assert all(row["cpu_seconds"] >= 0 < row["parameters"] for row in written["rows"])


def test_several_families_may_follow_one_flag_and_unknown_ones_are_refused(monkeypatch):
    line = Entry("uniform", uniform)
    monkeypatch.setitem(FAMILIES, "first", (line,))
    monkeypatch.setitem(FAMILIES, "second", (line,))
    result = invoke(main, "--quick", "--only", "first", "second")
    assert result.exit_code == 0, result.output
    assert result.output.count("447 digits") == 2
    refused = invoke(main, "--only", "gan")
    assert refused.exit_code == 2
    assert "expected some of" in refused.output


def test_baselines_reach_their_closed_forms():
    """64 log 17 for the uniform law; 106.4 and 130.8 are numbers that others measured."""
    split = load_split()
    assert nats(uniform(split, seeded(0), False), split.test).value == pytest.approx(
        64 * math.log(17)
    )
    model = independent(split, seeded(0), False)
    assert 106 < nats(model, split.test).value < 106.5
    assert nats(markov_1(split, seeded(0), False), split.test).value < 130.8


def test_bounds_are_averaged_over_draws():
    """Kills: one draw of a bound, the same noise for every draw."""
    split = load_split()
    small = Split(split.train, split.valid[:10], split.test[:10])
    row = run(copula.ENTRIES[0], small, quick=True)
    model = copula.gaussian_copula(small, seeded(0), True)
    one = nats(model, small.test, generator=seeded(1), draws=2)
    assert row["sign"] == "≤"
    assert row["nats"] == pytest.approx(one.value, abs=5 * one.error_draws)
    assert 0 < row["error_draws"] < one.error_draws / 2


def test_row_averages_over_seeds_and_never_shows_the_test_images():
    """Kills: scoring the validation images as test, fitting on all, one seed counted thrice."""
    split = load_split()
    marked = Split(split.train, split.valid, split.test[:100])
    seen = []

    def fit(given, generator, quick):
        seen.append(generator.initial_seed())
        assert not quick
        return MarkovChain(0, dim=64, levels=17, smoothing=1.0 + len(seen)).fit(given.train)

    row = run(Entry("three", fit, seeds=3), marked, quick=False)
    assert seen == [0, 1, 2]
    expected = [
        nats(
            MarkovChain(0, dim=64, levels=17, smoothing=s).fit(split.train), split.test[:100]
        ).value
        for s in (2.0, 3.0, 4.0)
    ]
    assert row["nats_per_seed"] == pytest.approx(expected)
    assert row["nats"] == pytest.approx(sum(expected) / 3)
    assert row["bits_per_dim"] == pytest.approx(row["nats"] / (64 * math.log(2)))
    assert row["parameters"] == 17
    assert row["error_seeds"] > 0


def test_failure_leaves_the_old_results_alone(tmp_path):
    path = tmp_path / "a.json"
    write_results(path, [{"value": 1}])
    with pytest.raises(ValueError, match="JSON compliant"):
        write_results(path, [{"value": math.nan}])
    assert json.loads(path.read_text())["rows"] == [{"value": 1}]
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_provenance_names_what_can_change_a_number():
    keys = {"command", "date", "commit", "python", "torch", "numpy", "cpu", "threads"}
    assert set(provenance()) == keys
    assert all(value or value == 0 for value in provenance().values())


def test_sampling_takes_one_pass_per_variable(tmp_path):
    result = invoke(sampling_cost.main, 4, 8, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "sampling_cost.json").read_text())["rows"]
    assert [row["sample_passes"] for row in rows] == [4, 8]
    assert all(row["sample_seconds"] > row["score_seconds"] > 0 for row in rows)


def test_a_step_of_em_is_timed_for_each_kind_of_mixture(tmp_path):
    result = invoke(mixtures.main, "--largest", 1000, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    (row,) = json.loads((tmp_path / "mixtures.json").read_text())["rows"]
    assert (row["N"], row["M"]) == (1000, 16)
    assert all(row[f"{kind}_seconds"] > 0 for kind in ("full", "diagonal", "categorical"))


def test_waste_is_what_the_impossible_levels_cost(generator):
    """A flat softmax over 256 levels wastes 64 log(256/17). Kills: base 2, a mean over pixels."""
    net = WindowMLP(1, 2, 256, generator=generator)
    torch.nn.init.zeros_(net.last.weight)
    torch.nn.init.zeros_(net.last.bias)
    model = ARM(net, dim=64, levels=256)
    x = load_split().valid[:5]
    assert lecture_setting.waste(model, x) == pytest.approx(64 * math.log(256 / 17))


@pytest.mark.slow
def test_lecture_setting_scores_images_it_did_not_train_on(tmp_path, float32):
    result = invoke(lecture_setting.main, "--epochs", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "lecture_setting.json").read_text())["rows"]
    assert [(row["levels"], row["epoch"]) for row in rows] == [(17, 0), (17, 1), (256, 0), (256, 1)]
    assert rows[1]["nats"] < rows[0]["nats"]
    assert rows[3]["waste"] < rows[2]["waste"]

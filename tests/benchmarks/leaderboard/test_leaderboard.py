import json
import math

import pytest
import torch

from benchmarks.families import chosen
from benchmarks.leaderboard import entries
from benchmarks.leaderboard.__main__ import main
from benchmarks.leaderboard.board import Entry
from benchmarks.leaderboard.entries import copula
from benchmarks.leaderboard.entries.arm import independent, markov_1, uniform
from benchmarks.leaderboard.scoring import run
from benchmarks.provenance import provenance, write_results
from coursepkg.data.digits import Split, load_split
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
@pytest.mark.parametrize(("family", "sign"), [
    ("arm", "="), ("mixture", "="), ("copula", "≤"), ("nade", "="), ("pixelcnn", "="),
    ("labelled", "="), ("realnvp", "≤"), ("spline", "≤"), ("flowmatching", "≤"),
    ("diffusion", "≤"),
])  # fmt: skip
def test_quick_leaderboard_writes_every_entry_with_its_provenance(family, sign, tmp_path, float32):
    result = invoke(main, "--only", family, "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / f"leaderboard-{family}.json").read_text())
    assert [row["family"] for row in written["rows"]] == [
        e.family for e in chosen(entries, [family])[family].ENTRIES
    ]
    assert {row["sign"] for row in written["rows"]} == {sign}
    assert all((row["error_draws"] > 0) == (sign == "≤") for row in written["rows"])
    assert written["provenance"]["threads"] == 1
    assert all(row["cpu_seconds"] >= 0 < row["parameters"] for row in written["rows"])


LATER = """
from benchmarks.leaderboard.board import {board}, Entry
from benchmarks.leaderboard.entries.arm import uniform
from coursepkg.models.autoregressive.binary import LogisticAutoregression

BOARD = {board}
ENTRIES = (Entry("{name}", {fit}),)
"""


@pytest.fixture
def later(planted):
    """Two families that the repository does not have."""
    coin = "lambda *_: LogisticAutoregression(dim=64)"
    for name, board, fit in (("flat", "DIGITS", "uniform"), ("coins", "BINARISED", coin)):
        planted(entries, name, LATER.format(board=board, name=name, fit=fit))


@pytest.mark.usefixtures("later")
def test_a_new_family_is_a_new_file(tmp_path):
    """Each on its board. Kills: a list of families, one board for all."""
    result = invoke(main, "--quick", "--only", "flat", "coins", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert result.output.count("447 digits") == 2
    assert " ".join(result.output.split()).count("digits of zeros and ones") == 1
    for name, value in (("flat", 64 * math.log(17)), ("coins", 64 * math.log(2))):
        (row,) = json.loads((tmp_path / f"leaderboard-{name}.json").read_text())["rows"]
        assert row["family"] == name
        assert row["nats"] == pytest.approx(value)


@pytest.mark.usefixtures("later")
def test_families_that_do_not_exist_are_refused(tmp_path):
    """Before anything is trained. Kills: a name that is passed over."""
    refused = invoke(main, "--quick", "--only", "flat", "oracle", "--out", tmp_path)
    assert refused.exit_code == 2
    for word in ("expected some of", "arm", "coins", "flat", "got oracle"):
        assert word in " ".join(refused.output.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_all_families_are_chosen_unless_some_are_named():
    assert {"arm", "copula", "dbn", "labelled", "mixture", "nade", "pixelcnn", "rbm"} <= set(
        chosen(entries, [])
    )
    assert list(chosen(entries, ["rbm", "arm"])) == ["rbm", "arm"]


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
    """Kills: one draw of a bound, the same noise for every draw, an entry's own number not used."""
    split = load_split()
    small = Split(split.train, split.valid[:40], split.test[:40])
    one = copula.ENTRIES[0]
    many, two = run([one, one._replace(draws=2)], small, quick=False)
    assert many["sign"] == two["sign"] == "≤"
    assert many["nats"] == pytest.approx(two["nats"], abs=5 * two["error_draws"])
    assert 0 < many["error_draws"] < two["error_draws"] / 2


def test_row_averages_over_seeds_and_never_shows_the_test_images():
    """Kills: scoring the validation images as test, fitting on all, one seed counted thrice."""
    split = load_split()
    marked = Split(split.train, split.valid, split.test[:100])
    seen = []

    def fit(given, generator, quick):
        seen.append(generator.initial_seed())
        assert not quick
        return MarkovChain(0, dim=64, levels=17, smoothing=1.0 + len(seen)).fit(given.train)

    (row,) = run([Entry("three", fit, seeds=3)], marked, quick=False)
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


def test_lines_of_one_training_are_scored_as_if_each_were_trained(float32):
    """Two bounds of one model, of three seeds and of one; the noise goes on from the training.

    Kills: a training for each line, the second line scored by the noise that the first one left,
    the last seed in the place of the first, a line that is not looked at.
    """
    split = load_split()
    small = Split(split.train, split.valid[:20], split.test[:20])
    trained = list[int]()

    def fit(given, generator, quick):
        trained.append(generator.initial_seed())
        torch.rand(1, generator=generator)
        return copula.ENTRIES[0].fit(given, generator, quick)

    def weighted(model, quick):
        return ImportanceBound(model, 4)

    three = Entry("three", fit, seeds=3, draws=2)
    one = Entry("one", fit, look=weighted, draws=2)
    together = run([three, one], small, quick=False)
    assert trained == [0, 1, 2]
    alone = [run([entry], small, quick=False)[0] for entry in (three, one)]
    for row, other in zip(together, alone, strict=True):
        assert row["family"] == other["family"]
        assert row["nats_per_seed"] == other["nats_per_seed"]
        assert row["per_image"] == other["per_image"]
    assert len(together[1]["cpu_seconds_per_seed"]) == 1
    generator = seeded(2)
    last = fit(small, generator, False)
    nats(last, small.valid, generator=generator, draws=2)
    found = nats(last, small.test, generator=generator, draws=2)
    assert together[0]["nats_per_seed"][2] == pytest.approx(found.value, rel=1e-9)
    assert together[1]["nats_per_seed"][0] < together[0]["nats_per_seed"][0]


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

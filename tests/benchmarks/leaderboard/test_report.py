"""The table and the figure; and whether the numbers in them can be had again."""

import json
import math
import re

import pytest
import torch
from torch import nn

from benchmarks.families import chosen
from benchmarks.leaderboard import entries, report
from benchmarks.leaderboard.board import BINARISED, DIGITS, Entry
from benchmarks.leaderboard.entries.rbm import chains
from benchmarks.leaderboard.samples import beside, own
from benchmarks.leaderboard.scoring import packed, run, scored, unpacked
from benchmarks.leaderboard.store import stored
from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import Split, load_split
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.rbm.binary import RBM
from coursepkg.rng import seeded
from coursepkg.samplers.weighting import Estimate

MOMENT = 1.5  # CPU seconds of a training that a test can repeat


def quick_rows():
    """Stored rows whose training takes a moment, and the files of their families."""
    return [
        pytest.param(path.stem.removeprefix("leaderboard-"), row, id=name)
        for path in sorted(RESULTS.glob("leaderboard-*.json"))
        for name, row in stored(path).items()
        if row["nats"] is not None and row["cpu_seconds_per_seed"][0] < MOMENT
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize(("file", "row"), quick_rows())
def test_stored_numbers_can_be_had_again(file, row):
    """The same seed on another machine: within five errors of draws and seeds, and rounding."""
    family = chosen(entries, [file])[file]
    (entry,) = (entry for entry in family.ENTRIES if entry.family == row["family"])
    (again,) = run([entry._replace(seeds=1)], family.BOARD.load(), quick=False)
    assert again["sign"] == row["sign"]
    spread = (row["error_seeds"] or 0) * math.sqrt(len(row["nats_per_seed"]))
    allowed = 0.01 + 5 * math.hypot(row.get("error_draws", 0.0), spread)
    assert again["nats"] == pytest.approx(row["nats_per_seed"][0], abs=allowed)
    assert again["parameters"] == pytest.approx(row["parameters"], rel=0.02)


def test_the_baselines_are_among_them():
    names = {param.id for param in quick_rows()}
    assert {"uniform", "pooled histogram", "independent categorical"} <= names


def test_no_stored_number_is_without_a_command():
    """Kills: a file of a family that is gone, a line that was renamed."""
    assert report.collect(RESULTS).orphans == []
    for path in RESULTS.glob("leaderboard-*.json"):
        assert path.stem.removeprefix("leaderboard-") in chosen(entries, [])
        written = json.loads(path.read_text("utf8"))
        assert written["provenance"]["command"].startswith("python -m benchmarks.leaderboard")


@pytest.mark.parametrize("kind", ["exact", "bound", "energy"])
def test_images_are_scored_by_the_same_draws_as_all_of_them(kind):
    """One by one, from the formula. Kills: another draw, -F, log Z left out, draws in a row."""
    rbm = RBM(4, 3, generator=seeded(0))
    with torch.no_grad():
        rbm.W.normal_(generator=seeded(1))
    x = torch.bernoulli(torch.full((7, 4), 0.5), generator=seeded(2))
    log_z = rbm.log_z().item()

    class Exact:
        def log_prob(self, x):
            return -rbm.free_energy(x) - log_z

    class Bound(nn.Module):
        def elbo(self, x, *, generator):
            assert not self.training
            noise = torch.randn(len(x), generator=generator).abs()
            return -rbm.free_energy(x) - log_z - noise

    model = {"exact": Exact(), "bound": Bound(), "energy": rbm}[kind]
    draws, given = (3, {"log_Z": log_z, "error": 0.0})
    found, each = scored(model, x, generator=seeded(3), draws=draws, **given)
    want = nats(model, x, generator=seeded(3), draws=draws, log_Z=log_z)
    assert (found.value, found.sign, found.error_data) == (want.value, want.sign, want.error_data)
    expected = rbm.free_energy(x).double() + log_z
    if kind == "bound":
        source = seeded(3)
        noise = [torch.randn(7, generator=source).abs() for _ in range(draws)]
        expected = expected + torch.stack(noise).double().mean(0)
    torch.testing.assert_close(each, expected.detach(), rtol=0, atol=1e-5)
    if kind == "bound":
        assert model.training


def test_packed_numbers_come_back_to_two_digits():
    x = torch.tensor([1.005, -2.5, 181.327], dtype=torch.float64)
    torch.testing.assert_close(unpacked(packed(x)), x, rtol=0, atol=0.0051)


def row(name, value, per_image, **more):
    return {"family": name, "sign": "=", "nats": value, "error_data": 0.5, "error_draws": 0.0,
            "error_seeds": None, "per_image": per_image, "bits_per_dim": 1.0, "parameters": 10,
            "cpu_seconds": 1.0, "cpu_seconds_per_seed": [1.0]} | more  # fmt: skip


def test_differences_are_paired():
    """By hand: 1, 3 and 2 behind. Kills: errors as if of other images, a sign, a log Z for free."""
    first, second = row("a", 20.0, "10.00 20.00 30.00"), row("b", 22.0, "11.00 23.00 32.00")
    gap, error = report.behind(second, first)
    assert (gap, error) == pytest.approx((2, 1 / math.sqrt(3)))
    assert report.behind(first, second)[0] == pytest.approx(-2)
    _, wider = report.behind(second | {"error_seeds": 2.0}, first)
    assert wider == pytest.approx(math.hypot(error, 2))
    _, wider = report.behind(second | {"sign": "≈", "error_draws": 3.0}, first)
    assert wider == pytest.approx(math.hypot(error, 3))
    _, same = report.behind(second | {"sign": "≤", "error_draws": 3.0}, first)
    assert same == pytest.approx(error)  # the noise of draws is in the images' spread already
    assert report.behind(second, {**first, "per_image": ""}) is None


def test_the_table_is_sorted_and_a_row_without_an_entry_is_left_out(tmp_path):
    """Kills: a stale row in the table, boards that are mixed, the order of files."""
    write_results(tmp_path / "leaderboard-arm.json", [
        row("uniform", 181.0, "180.00 182.00"), row("oracle", 1.0, "1.00 1.00"),
        row("causal convolution", 80.0, "79.00 81.00"),
    ])  # fmt: skip
    write_results(
        tmp_path / "leaderboard-nade.json", [row("NADE, raster order", 17.0, "16.00 18.00")]
    )
    found = report.collect(tmp_path)
    assert [r["family"] for r in found.rows[DIGITS]] == ["causal convolution", "uniform"]
    assert [r["family"] for r in found.rows[BINARISED]] == ["NADE, raster order"]
    assert found.orphans == ["arm: oracle"]
    assert "arm: pooled histogram" in found.missing
    text = report.page(found)
    assert "| uniform | = 181.00 ± 0.50 |  | 101.00 ± 0.00 |" in text
    assert "oracle" not in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_the_report_is_written_beside_the_results_and_twice_the_same(tmp_path):
    for path in RESULTS.glob("leaderboard-arm.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    report.main(tmp_path)
    first = (tmp_path / "leaderboard.svg").read_bytes()
    assert re.match(rb"<\?xml", first)
    report.main(tmp_path)
    assert (tmp_path / "leaderboard.svg").read_bytes() == first


@pytest.mark.usefixtures("float32")
def test_samples_of_a_likelihood_are_measured_once_drawn():
    """One pool a model, halves of it. Kills: draws anew for each half, one model for all."""
    split = load_split()
    asked = []

    def draw(model, n, generator):
        asked.append((model, n))
        return {"heart": split.train, "test": split.test}[model][:n]

    models = [("heart", seeded(0)), ("test", seeded(1))]
    found = beside(draw, models, split, repeats=2)
    assert asked == [("heart", 447), ("test", 447)]
    heart, test = found["nearest"]["per_seed"]
    assert heart == 0
    assert test > 15
    assert found["nearest"]["value"] == pytest.approx((heart + test) / 2)


def test_the_law_inside_its_wrappers_is_drawn_from():
    """Kills: wrappers that count as models without samples, training mode, a silent nothing."""

    class Law(nn.Module):
        def log_weight(self, x, *, generator):
            return x.sum(1)

        def sample(self, n, *, generator):
            assert not self.training
            return torch.rand(n, 2, generator=generator)

    x = own(ImportanceBound(Law(), 2), 5, seeded(0))
    torch.testing.assert_close(x, torch.rand(5, 2, generator=seeded(0)))
    with pytest.raises(TypeError, match="expected a model that samples, got a Identity"):
        own(nn.Identity(), 5, seeded(0))


def test_chains_leave_their_start():
    """A machine whose units are nearly fixed. Kills: coins that no sweep moves."""
    rbm = RBM(6, 50, generator=seeded(0))
    with torch.no_grad():
        rbm.b.copy_(torch.tensor([9.0, -9.0] * 3))
    x = chains(rbm, 40, seeded(1))
    assert x.shape == (40, 6)
    assert (x == torch.tensor([1.0, 0.0] * 3)).float().mean() > 0.98


@pytest.mark.usefixtures("float32")
def test_an_entry_that_names_a_chain_is_drawn_by_it():
    split = Split(*(part[:100] for part in BINARISED.load()))
    calls = []

    def chain(model, n, generator):
        calls.append(n)
        return split.test[:n]

    rbm = RBM(64, 5, generator=seeded(0))
    entry = Entry("x", lambda *_: rbm, log_z=lambda *_: Estimate(45.0, 0.0), chain=chain)
    (found,) = run([entry], split, quick=True)
    assert calls == [100]
    assert found["sign"] == "≈"
    assert len(unpacked(found["per_image"])) == 100

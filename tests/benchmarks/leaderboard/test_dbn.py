"""The deep entries of the board of the binarised digits."""

import json

import pytest
import torch

from benchmarks.leaderboard import __main__ as leaderboard
from benchmarks.leaderboard import scoring
from benchmarks.leaderboard.entries import dbn as entries
from benchmarks.leaderboard.entries import rbm
from coursepkg.data.digits import Split, binarise, load_split
from coursepkg.enumeration import NormalisedBound
from coursepkg.evaluation import ImportanceBound
from coursepkg.models.boltzmann.dbm import DBM
from coursepkg.models.boltzmann.dbn import DBN
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.fixture
def short_path(monkeypatch):
    monkeypatch.setattr(rbm, "TEMPERATURES", 200)
    monkeypatch.setattr(rbm, "CHAINS", 200)


@pytest.fixture
def split():
    return Split(*(binarise(part)[:100] for part in load_split()))


@pytest.mark.slow
@pytest.mark.usefixtures("float32", "short_path")
def test_quick_board_marks_bounds_and_estimates(tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "DRAWS", 2)
    result = invoke(leaderboard.main, "--only", "dbn", "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "leaderboard-dbn.json").read_text())["rows"]
    assert [row["family"] for row in rows] == [e.family for e in entries.ENTRIES]
    assert [row["sign"] for row in rows] == ["≈", "≤", "≈", "≈"]
    assert all(row["error_draws"] > 0 for row in rows)
    first, second = 64 * 8 + 64 + 8, 8 * 4 + 8 + 4
    assert [row["parameters"] for row in rows] == [
        first, first + second, 2 * first, first + 8 * 4 + 4,
    ]  # fmt: skip


@pytest.mark.usefixtures("short_path")
@pytest.mark.parametrize(
    ("fit", "log_z", "kind"),
    [
        (entries.dbn_upside_down, entries.dbn_log_z, DBN),
        (entries.dbm_pretrained, entries.dbm_log_z, DBM),
    ],
)
def test_estimated_constants_agree_with_the_exact_ones_of_small_machines(fit, log_z, kind, split):
    """Kills: log Z of the bottom machine, rates of the wrong units, a path to another machine."""
    model = fit(split, seeded(1), True)
    assert isinstance(model, ImportanceBound)
    assert isinstance(model.model, kind)
    with torch.no_grad():  # far from the start, where all machines are alike
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=seeded(2)), alpha=0.3)
    found = log_z(model, split, seeded(3))
    assert 0 < found.error < 0.1
    assert abs(found.value - model.model.log_z().item()) < 5 * found.error


def test_the_exact_entry_normalises_itself(split):
    model = entries.dbn_exact(split, seeded(1), True).model
    assert isinstance(model, NormalisedBound)
    assert model.log_Z == model.model.machines[-1].log_z()


def test_the_upside_down_network_starts_where_its_bound_is_tight(split, monkeypatch):
    """No training of the second machine: every draw is the first machine's free energy."""
    learn, calls = entries._learn, []

    def only_first(machine, x, **options):
        calls.append(machine)
        if len(calls) == 1:
            learn(machine, x, **options)

    monkeypatch.setattr(entries, "_learn", only_first)
    model = entries.dbn_upside_down(split, seeded(1), True).model
    log_w = model.unnormalised_log_weight(split.valid, generator=seeded(4))
    torch.testing.assert_close(log_w, -model.machines[0].free_energy(split.valid))
    assert calls == list(model.machines)

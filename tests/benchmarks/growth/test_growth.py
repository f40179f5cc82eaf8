"""The command that measures growth, and the tables that have no file of their own."""

import json

import pytest
import torch

from benchmarks.families import chosen
from benchmarks.growth import tables
from benchmarks.growth.__main__ import main, measure
from benchmarks.growth.table import Table
from benchmarks.growth.tables import arm, density, mixtures, regression
from tests.benchmarks.invoke import invoke

LATER = """
import torch
from benchmarks.growth.table import Table


def work(kind, n):
    return {"kind": kind, "n": n, "bytes": torch.zeros(n).nbytes, "seconds": 1234.5678}


TABLE = Table("later_growth", [("a", 3), ("b", 5)], work, torch.float64)
"""
KEPT = {  # names that chapters know
    "rbm_growth", "partition_growth", "sampling_cost", "deep", "regression", "mixtures",
    "lattice_growth", "density_growth",
}  # fmt: skip


@pytest.fixture
def later(planted):
    """A family that the repository does not have."""
    planted(tables, "later", LATER)


@pytest.mark.usefixtures("later")
def test_a_new_family_is_a_new_file(tmp_path):
    """Kills: a list of families, the module's name for the file's, a dtype that is forgotten."""
    result = invoke(main, "--only", "later", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "later_growth: kind b, n 5, bytes 40, seconds 1.23e+03" in result.output
    written = json.loads((tmp_path / "later_growth.json").read_text())
    assert [(row["kind"], row["n"], row["bytes"]) for row in written["rows"]] == [
        ("a", 3, 24), ("b", 5, 40),
    ]  # fmt: skip
    assert written["provenance"]["threads"] == 1


@pytest.mark.usefixtures("later")
def test_a_quick_run_measures_the_first_size_and_leaves_the_results_alone(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        "benchmarks.growth.__main__.write_results", lambda path, rows: written.append((path, rows))
    )
    assert invoke(main, "--only", "later", "--quick").exit_code == 0
    assert not written
    assert invoke(main, "later", "--quick", "--out", tmp_path).exit_code == 0
    ((path, rows),) = written
    assert path == tmp_path / "later_growth.json"
    assert [row["n"] for row in rows] == [3]


@pytest.mark.usefixtures("later")
def test_families_that_do_not_exist_are_refused(tmp_path):
    refused = invoke(main, "--only", "later", "gan", "--out", tmp_path)
    assert refused.exit_code == 2
    assert "got gan" in " ".join(refused.output.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_every_family_has_a_table_with_a_file_of_its_own():
    found = [family.TABLE for family in chosen(tables, []).values()]
    names = [table.name for table in found]
    assert set(names) >= KEPT
    assert len(set(names)) == len(names)
    for table in found:
        assert len(set(table.sizes)) == len(table.sizes) > 1


def test_a_failure_leaves_the_default_dtype_alone():
    def fail():
        assert torch.get_default_dtype() == torch.float16
        raise InterruptedError

    with pytest.raises(InterruptedError):
        measure(Table("x", [()], fail, torch.float16))
    assert torch.get_default_dtype() == torch.float64


def test_sampling_takes_one_pass_per_variable():
    rows = measure(arm.TABLE._replace(sizes=[(4,), (8,)]))
    assert [row["sample_passes"] for row in rows] == [4, 8]
    assert all(row["sample_seconds"] > row["score_seconds"] > 0 for row in rows)


def test_a_step_of_em_is_timed_for_each_kind_of_mixture():
    (row,) = measure(mixtures.TABLE._replace(sizes=[(1000, 16)]))
    assert (row["N"], row["M"]) == (1000, 16)
    assert all(row[f"{kind}_seconds"] > 0 for kind in ("full", "diagonal", "categorical"))


def test_ridge_and_the_lasso_are_timed_on_one_problem():
    """Kills: the ratio upside down, the solution of another size."""
    for row in measure(regression.TABLE._replace(sizes=[(4,), (8,)])):
        assert row["N"] == 8192
        assert row["ratio"] == pytest.approx(row["ridge_seconds"] / row["sweep_seconds"])
        assert row["ridge_seconds"] > 0


def test_a_kernel_is_used_at_the_price_of_its_data():
    """2,000 points against 20, and against cells. Kills: N and D exchanged, the fit timed."""
    few, many = measure(density.TABLE._replace(sizes=[(2, 20), (2, 2000)]))
    assert (few["D"], few["N"], many["N"]) == (2, 20, 2000)
    assert many["kernel_seconds"] > 5 * few["kernel_seconds"]
    assert many["kernel_seconds"] > 5 * many["histogram_seconds"] > 0

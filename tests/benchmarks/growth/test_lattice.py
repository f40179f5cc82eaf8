import pytest

from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import lattice


def test_table_and_matrix_agree_where_both_are_measured():
    """Kills: a cost of something else. Two ways to the same log Z."""
    for height, width in ((2, 2), (2, 4), (3, 3)):
        table, matrix = (lattice.cost(kind, height, width) for kind in ("table", "matrix"))
        assert table["log_z"] == pytest.approx(matrix["log_z"])
        assert table["sites"] == matrix["sites"] == height * width


def test_every_kind_of_work_has_its_rows():
    assert {kind for kind, *_ in lattice.TABLE.sizes} == {"table", "matrix", "sweep"}
    sizes = [("table", 2, 2), ("matrix", 2, 2), ("matrix", 3, 3), ("sweep", 4, 4)]
    rows = measure(lattice.TABLE._replace(sizes=sizes))
    assert [(row["kind"], row["sites"]) for row in rows] == [
        ("table", 4), ("matrix", 4), ("matrix", 9), ("sweep", 16),
    ]  # fmt: skip
    assert all(row["seconds"] > 0 for row in rows)
    assert [row["log_z"] is None for row in rows] == [False, False, False, True]

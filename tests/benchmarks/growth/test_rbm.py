from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import rbm


def test_every_kind_of_work_has_its_rows(monkeypatch):
    monkeypatch.setattr(rbm, "REPEATS", 1)
    sizes = [("log Z", 4), ("log Z", 5), ("CD-1 epoch", 3), ("PCD epoch", 3), ("Gibbs step", 3)]
    assert {kind for kind, _ in rbm.TABLE.sizes} == {kind for kind, _ in sizes}
    rows = measure(rbm.TABLE._replace(sizes=sizes))
    assert [(row["kind"], row["M"]) for row in rows] == sizes
    assert all(row["seconds"] > 0 and row["D"] == 64 for row in rows)


def test_a_sum_over_more_states_takes_longer(monkeypatch):
    """2^4 against 2^14 terms. Kills: one work timed under the name of another."""
    monkeypatch.setattr(rbm, "REPEATS", 2)
    few, many = (rbm.cost("log Z", M)["seconds"] for M in (4, 14))
    assert many > 5 * few

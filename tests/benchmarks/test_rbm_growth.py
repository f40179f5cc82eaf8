import json

from benchmarks import rbm_growth


def test_every_kind_of_work_has_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(rbm_growth, "ENUMERATED", (4, 5))
    monkeypatch.setattr(rbm_growth, "LAYERS", (3,))
    monkeypatch.setattr(rbm_growth, "REPEATS", 1)
    rbm_growth.main(tmp_path)
    written = json.loads((tmp_path / "rbm_growth.json").read_text())
    assert [(row["kind"], row["M"]) for row in written["rows"]] == [
        ("log Z", 4), ("log Z", 5), ("CD-1 epoch", 3), ("PCD epoch", 3), ("Gibbs step", 3),
    ]  # fmt: skip
    assert all(row["seconds"] > 0 and row["D"] == 64 for row in written["rows"])


def test_the_fastest_run_counts(monkeypatch):
    """On a clock that we wind. Kills: the last run, the mean, the sum."""
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(rbm_growth, "REPEATS", 3)
    monkeypatch.setattr(rbm_growth.time, "process_time", lambda: next(clock))
    assert rbm_growth.fastest(lambda: None) == 1.0

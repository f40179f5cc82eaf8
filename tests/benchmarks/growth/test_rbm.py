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

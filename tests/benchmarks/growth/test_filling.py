"""What the table of filling measures is what it says; of the seconds only what is far apart."""

import torch

from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import filling


def test_a_row_for_each_kind_and_size(monkeypatch, float32):
    """Kills: one kind timed under the name of another, pixels that are not half missing."""
    done = []
    monkeypatch.setattr(filling, "fastest", lambda work, **_: (done.append(work()), 1.0)[1])
    rows = measure(filling.TABLE._replace(sizes=[(kind, 4) for kind in filling.KINDS]))
    assert [(row["kind"], row["causes"]) for row in rows] == [(k, 4) for k in filling.KINDS]
    assert all(each.shape == (filling.IMAGES,) and (each < 0).all() for each in done)
    assert not torch.equal(*done)


def test_the_machine_doubles_with_each_unit(monkeypatch, float32):
    """From 6 to 14 units 256 times as many states. Kills: a sum that is not over all states."""
    monkeypatch.setattr(filling, "REPEATS", 2)
    few, many = (filling.cost("machine", M)["seconds"] for M in (6, 14))
    assert many > 16 * few

"""What the table of few steps measures is what it says; of the seconds only what is far apart."""

import torch
from torch.testing import assert_close

from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import few_steps
from coursepkg.models.few_steps import mean_flow_target


def test_a_row_for_each_kind_and_size(monkeypatch, float32):
    """Kills: one kind timed under the name of another."""
    done = []
    monkeypatch.setattr(few_steps, "fastest", lambda work, **_: (done.append(work()), 1.0)[1])
    rows = measure(few_steps.TABLE._replace(sizes=[(kind, 6) for kind in few_steps.KINDS]))
    assert [(row["kind"], row["dim"]) for row in rows] == [(k, 6) for k in few_steps.KINDS]
    assert_close(done[0], done[1][0])


def test_the_matrix_says_what_the_product_says():
    """Kills: derivatives of another point, the time's derivative left out."""
    net, inputs = few_steps.problem(5)
    with torch.no_grad():
        for mine, theirs in zip(few_steps.by_matrix(net, *inputs),
                                mean_flow_target(net, *inputs), strict=True):  # fmt: skip
            assert_close(mine, theirs)


def test_the_matrix_takes_longer(monkeypatch):
    """128 passes against about two. Kills: timing the construction."""
    monkeypatch.setattr(few_steps, "REPEATS", 2)
    product, matrix = (few_steps.cost(kind, 128)["seconds"] for kind in ("product", "matrix"))
    assert matrix > 4 * product

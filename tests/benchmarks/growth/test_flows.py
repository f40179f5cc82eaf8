"""What the table of flows measures is what it says; of the seconds only what is far apart."""

import pytest
import torch
from torch.testing import assert_close

from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import flows
from coursepkg.rng import seeded


def test_a_row_for_each_layer_direction_and_size(monkeypatch, float32):
    """Kills: one layer timed under the name of another, a direction timed twice."""
    done = []
    monkeypatch.setattr(flows, "fastest", lambda work, **_: (done.append(work()), 1.0)[1])
    rows = measure(flows.TABLE._replace(sizes=[(*kind, 6) for kind in flows.KINDS]))
    assert [(row["layer"], row["what"]) for row in rows] == list(flows.KINDS)
    assert {row["dim"] for row in rows} == {6}
    results = dict(zip(flows.KINDS, done, strict=True))
    x = torch.randn(flows.POINTS, 6, generator=seeded(0))
    for name, made in (("coupling", flows.coupling(6)), ("masked", flows.masked(6)),
                       ("residual", flows.residual(6))):  # fmt: skip
        for found, expected in zip(results[name, "there"], made.encode(x), strict=True):
            assert_close(found, expected.detach())
        assert_close(results[name, "back"], made.decode(x).detach())
    assert_close(results["residual", "estimate"][0], results["residual", "there"][0])
    assert not results["residual", "estimate"][1].requires_grad


def test_the_matrix_gives_the_determinant_of_the_layer():
    """Kills: derivatives of one point only, the matrix of something else."""
    layer, x = flows.coupling(6), torch.randn(3, 6, generator=seeded(2))
    assert_close(flows.by_matrix(layer, x), layer.encode(x)[1].detach())
    assert layer.encode(x)[1].abs().min() > 1e-3, "vacuous: no volume"


@pytest.mark.parametrize("kind", [("coupling", "matrix"), ("masked", "back")])
def test_what_takes_a_pass_for_each_variable_takes_longer(kind, monkeypatch):
    """128 passes or derivatives against one. Kills: timing the construction, a cache."""
    monkeypatch.setattr(flows, "REPEATS", 2)
    one, many = (flows.cost(*each, 128)["seconds"] for each in ((kind[0], "there"), kind))
    assert many > 5 * one

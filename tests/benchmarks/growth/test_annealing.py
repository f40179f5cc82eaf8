import pytest
import torch

from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import annealing
from coursepkg.enumeration import log_sum_exp


def test_the_estimate_stands_beside_the_sum_and_has_none_where_it_is_too_long(
    monkeypatch,
):
    """Kills: a sum beyond the limit, a difference of the wrong sign, an error that is not one."""
    monkeypatch.setattr(annealing, "LARGEST_SUM", 4)
    monkeypatch.setattr(annealing, "TEMPERATURES", 100)
    monkeypatch.setattr(annealing, "VISIBLE", 10)
    small, large = measure(annealing.TABLE._replace(sizes=[(3,), (6,)]))
    assert (small["M"], large["M"], small["temperatures"]) == (3, 6, 100)
    assert large["sum_seconds"] is None is large["off"]
    assert 0 < abs(small["off"]) < 6 * small["ais_error"]
    assert small["sum_seconds"] > 0


def test_the_machine_is_as_hard_as_its_weights(monkeypatch):
    """Fields have mean zero at the middle, so that Z is no foregone conclusion."""
    monkeypatch.setattr(annealing, "VISIBLE", 8)
    rbm = annealing.machine(3)
    assert rbm.W.shape == (8, 3)
    middle = torch.full((1, 3), 0.5)
    torch.testing.assert_close(rbm.visible_probs(middle), torch.full((1, 8), 0.5))
    torch.testing.assert_close(rbm.hidden_probs(torch.full((1, 8), 0.5)), torch.full((1, 3), 0.5))
    by_v = log_sum_exp(lambda v: -rbm.free_energy(v), 8, like=rbm.W)
    assert rbm.log_z().item() == pytest.approx(by_v.item())
    assert rbm.W.std() > 0.2

"""Sums over all states: against itertools, and refused where they would never end."""

import itertools
import math

import pytest
import torch

from coursepkg import enumeration
from coursepkg.enumeration import (
    LIMIT,
    Normalised,
    binary_states,
    check_states,
    log_sum_exp,
    table_states,
)

LIKE = torch.zeros((), dtype=torch.float64)


class Coupled:
    """E(x) = -x₁x₂: of four states three weigh 1 and one weighs e."""

    def free_energy(self, x):
        return -x.prod(-1)

    def log_z(self):
        return log_sum_exp(lambda x: -self.free_energy(x), 2, like=LIKE)


@pytest.mark.parametrize("D", [1, 2, 5])
def test_binary_states_are_those_of_itertools(D):
    """Kills: another order, a state twice, a state too few."""
    expected = torch.tensor(list(itertools.product((0.0, 1.0), repeat=D)), dtype=torch.float32)
    found = binary_states(D, like=torch.zeros((), dtype=torch.float32))
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)
    assert binary_states(D, like=LIKE).dtype == torch.float64


def test_table_states_are_those_of_itertools():
    levels = (2, 1, 3)
    expected = torch.tensor(list(itertools.product(*map(range, levels))))
    assert torch.equal(table_states(levels), expected)
    assert torch.equal(table_states([4]), torch.arange(4)[:, None])


@pytest.mark.equation("partition-function")
@pytest.mark.parametrize("chunk", [1, 5, 2**14])
def test_log_sum_exp_is_the_sum_of_a_slow_loop(chunk, monkeypatch):
    """Values far beyond the range of exp. Kills: a batch lost, a mean for a sum, overflow."""
    monkeypatch.setattr(enumeration, "CHUNK", chunk)
    w = torch.tensor([700.0, -3.0, 2.5, 800.0], dtype=torch.float64)
    values = [sum(a * b for a, b in zip(s, w.tolist(), strict=True)) for s in
              itertools.product((0, 1), repeat=4)]  # fmt: skip
    expected = max(values) + math.log(math.fsum(math.exp(v - max(values)) for v in values))
    found = log_sum_exp(lambda s: s @ w, 4, like=LIKE)
    assert found.item() == pytest.approx(expected, rel=1e-14)
    # the closed form of independent units: log Π (1 + e^w)
    torch.testing.assert_close(found, torch.nn.functional.softplus(w).sum())


def test_its_gradient_is_the_mean_under_the_law():
    """∂ log Z / ∂w_d = P(x_d = 1): a logistic function of w_d where the units are independent."""
    w = torch.tensor([0.3, -2.0, 1.0], dtype=torch.float64, requires_grad=True)
    log_sum_exp(lambda s: s @ w, 3, like=w).backward()
    torch.testing.assert_close(w.grad, torch.sigmoid(w.detach()))


@pytest.mark.equation("partition-function")
def test_normalised_adds_the_exact_constant():
    """Kills: log Z added, or forgotten."""
    model = Normalised(Coupled())
    log_p = model.log_prob(binary_states(2, like=LIKE))
    expected = torch.tensor([1, 1, 1, math.e], dtype=torch.float64) / (3 + math.e)
    torch.testing.assert_close(log_p.exp(), expected)
    assert model.log_Z.item() == pytest.approx(math.log(3 + math.e))


def test_normalised_keeps_its_constant_with_its_weights():
    """Kills: log Z that is no part of the state."""
    assert "log_Z" in Normalised(Coupled()).state_dict()


def test_what_would_never_end_is_refused_with_its_cost():
    """Kills: no limit, or a limit that is one state too small."""
    check_states(LIMIT, what="just enough")
    assert len(binary_states(3, like=LIKE)) == 8
    for enumerate_them in (
        lambda: check_states(LIMIT + 1, what="a sum"),
        lambda: binary_states(23, like=LIKE),
        lambda: table_states([3] * 14),
        lambda: log_sum_exp(lambda s: s.sum(1), 23, like=LIKE),
    ):
        with pytest.raises(ValueError, match=r"at most 2\^22 = 4,194,304 states.*got .*e\+06"):
            enumerate_them()
    with pytest.raises(ValueError, match=r"got 1.84e\+19, 4.4e\+12 times as many"):
        binary_states(64, like=LIKE)


def test_counts_of_states_that_no_float_can_say():
    """2^5000 is 1e1505. Kills: Python's OverflowError, which names nothing."""
    for states in (binary_states, lambda D, like: log_sum_exp(lambda s: s[:, 0], D, like=like)):
        with pytest.raises(ValueError, match=r"expected at most 2\^22 .*, got 1e\+1505, 1e\+1499"):
            states(5000, like=torch.zeros(()))

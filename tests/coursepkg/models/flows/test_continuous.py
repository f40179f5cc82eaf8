"""Continuous flows: a linear field with a known answer, Jacobians of the whole path, traces."""

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal
from torch.testing import assert_close

from coursepkg.models.flows import Continuous, StandardNormal
from coursepkg.models.transformed import Transformed
from coursepkg.nets import TimedMLP
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import log_dets, shaken
from tests.statistics import assert_mean

A = torch.tensor([[0.4, -0.8], [0.3, -0.2]])


class Linear(nn.Module):
    """v = (1 + t) A x: x(1) = exp(1.5 A) x(0)."""

    def __init__(self):
        super().__init__()
        self.A = nn.Parameter(A.clone())

    def forward(self, x, t):
        return (1 + t)[:, None] * (x @ self.A.T)


def bent(generator_seed: int = 0) -> TimedMLP:
    net = TimedMLP(2, hidden=6, blocks=1, frequencies=2, generator=seeded(generator_seed))
    return shaken(net, seeded(generator_seed + 1), by=0.3)


def points(n: int = 3) -> torch.Tensor:
    return torch.randn(n, 2, generator=seeded(7))


@pytest.mark.equation("linear-field")
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_constant_linear_field_makes_the_law_of_its_exponential(dim):
    """N(0, e^A e^Aᵀ) with log det e^A = tr A. Kills: one variable's divergence, the wrong end."""
    matrix = torch.randn(dim, dim, generator=seeded(dim))
    flow = Continuous(lambda x, t: x @ matrix.T, dim=dim, steps=80)
    x, M = torch.randn(3, dim, generator=seeded(1)), torch.linalg.matrix_exp(matrix)
    _, log_det = flow.encode(x)
    assert_close(-log_det, matrix.trace().expand(3), atol=1e-6, rtol=0)
    assert_close(torch.linalg.slogdet(M).logabsdet, matrix.trace())
    law = MultivariateNormal(torch.zeros(dim), M @ M.T)
    found = Transformed(flow, StandardNormal(dim)).log_prob(x)
    assert_close(found, law.log_prob(x), atol=1e-5, rtol=1e-5)


@pytest.mark.equation("instantaneous-change")
def test_the_density_changes_by_minus_the_divergence():
    """Along a path of a bent field: log p_t of the flow up to t, differentiated in t.

    Kills: the sign, a divergence of one variable, a field at the wrong time.
    """
    field = bent()

    def until(t):
        """The flow that runs from 0 to t only, as one from 0 to 1."""
        return Continuous(lambda x, s: t * field(x, t * s), dim=2, steps=30)

    z, t, step = points(2), 0.6, 1e-3
    with torch.no_grad():
        places = {s: until(s).decode(z) for s in (t - step, t, t + step)}
        log_p = {s: Transformed(until(s), StandardNormal(2)).log_prob(places[s]) for s in places}
    rate = (log_p[t + step] - log_p[t - step]) / (2 * step)
    at = torch.full((1,), t)
    jacobians = [
        torch.autograd.functional.jacobian(lambda x: field(x[None], at)[0], x) for x in places[t]
    ]
    assert_close(rate, -torch.stack([J.trace() for J in jacobians]), atol=1e-5, rtol=0)
    assert rate.abs().min() > 1e-2, "vacuous: nothing changes"


@pytest.mark.equation("linear-field")
def test_a_linear_field_makes_the_normal_law_that_is_known():
    """x = e^{1.5 A} z. Kills: the divergence's sign, a path that runs the wrong way, t lost."""
    flow = Continuous(Linear(), dim=2, steps=20)
    M = torch.linalg.matrix_exp(1.5 * A)
    z, log_det = flow.encode(points())
    assert_close(z.detach(), points() @ torch.linalg.inv(M).T, atol=1e-6, rtol=0)
    assert_close(log_det.detach(), (-1.5 * A.trace()).expand(3), atol=1e-7, rtol=0)
    law = MultivariateNormal(torch.zeros(2), M @ M.T)
    found = Transformed(flow, StandardNormal(2)).log_prob(points())
    assert_close(found.detach(), law.log_prob(points()), atol=1e-5, rtol=0)
    assert_close(flow.decode(points()).detach(), points() @ M.T, atol=1e-6, rtol=0)


@pytest.mark.equation("instantaneous-change")
def test_the_log_determinant_is_that_of_the_whole_path():
    """Of a field that is not linear. Kills: a divergence of one variable, at the wrong time."""
    flow, x = Continuous(bent(), dim=2, steps=40), points(2)
    z, log_det = flow.encode(x)
    assert_close(log_det.detach(), log_dets(flow, x), atol=1e-5, rtol=0)
    assert_close(flow.decode(z).detach(), x, atol=1e-5, rtol=0)
    assert log_det.abs().max() > 0.05, "vacuous: no volume"


def test_random_signs_estimate_it_without_bias():
    """Kills: other signs at every slope are harmless, one row's signs for all are not."""
    flow, x = Continuous(bent(), dim=2, steps=4), points(1)
    _, exact = flow.encode(x)
    z, found = flow.estimate(x.expand(4000, 2), generator=seeded(0))
    assert_mean(found.detach(), exact.item(), detects=0.4)
    assert found.std() > 1e-3, "vacuous: no noise"
    assert_close(z[0], flow.encode(x)[0][0])


def test_gradients_reach_the_field_and_none_are_kept_without():
    """Of the linear field: d log det / dA = -1.5 I. Kills: a graph that is cut."""
    field = Linear()
    flow = Continuous(field, dim=2, steps=10)
    (slope,) = torch.autograd.grad(flow.encode(points(1))[1].sum(), field.A)
    assert_close(slope, -1.5 * torch.eye(2), atol=1e-6, rtol=0)
    with torch.no_grad():
        for z, log_det in (flow.encode(points()), flow.estimate(points(), generator=seeded(0))):
            assert not z.requires_grad
            assert not log_det.requires_grad
    x = points()
    flow.encode(x)
    assert not x.requires_grad, "the caller's tensor was changed"


def test_a_path_passes_where_the_solution_does():
    """e^{A (t + t²/2)} z at quarters. Kills: times off by one."""
    flow = Continuous(Linear(), dim=2, steps=1)
    with torch.no_grad():
        path = flow.path(points(), points=4)
    assert path.shape == (5, 3, 2)
    for n in range(5):
        t = n / 4
        M = torch.linalg.matrix_exp(A * (t + t**2 / 2))
        assert_close(path[n], points() @ M.T, atol=1e-4, rtol=0)


def test_what_makes_no_sense_is_refused():
    flow = Continuous(Linear(), dim=2, steps=2)
    for bad in (torch.zeros(2, 3), torch.full((1, 2), torch.nan)):
        for method in (flow.encode, flow.decode, lambda z: flow.path(z, points=2),
                       lambda x: flow.estimate(x, generator=seeded(0))):  # fmt: skip
            with pytest.raises(ValueError, match=r"expected.*got"):
                method(bad)
    narrow = Continuous(lambda x, t: x[:, :1], dim=2, steps=2)
    for method in (narrow.encode, narrow.decode, lambda z: narrow.path(z, points=2)):
        with pytest.raises(ValueError, match=r"field: expected shape \(3, 2\), got \(3, 1\)"):
            method(points())
    with pytest.raises(ValueError, match=r"steps: expected.*got 0"):
        Continuous(Linear(), dim=2, steps=0)
    with pytest.raises(ValueError, match=r"points: expected.*got 0"):
        flow.path(points(), points=0)

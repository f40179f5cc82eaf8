"""The identity of average velocities on normal data, and the regressions that rest on it."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.few_steps import MapDistillation, MeanFlow, mean_flow_target
from coursepkg.models.few_steps.meanflow import times
from coursepkg.nets import SpanMLP
from coursepkg.rng import seeded
from tests.coursepkg.models.few_steps.normal import AverageVelocity, Learnt, Velocity, data
from tests.statistics import assert_mean, assert_probs


def some_times(n=500):
    return times(n, apart=1.0, generator=seeded(1), like=torch.zeros(1))


@pytest.mark.equation("mean-flow")
def test_the_true_average_obeys_the_identity():
    """Kills: the sign of t - r, du/dr for du/dt, the velocity left out of du/dt."""
    x, (t, r) = data(500), some_times()
    u, target = mean_flow_target(AverageVelocity(), x, Velocity()(x, t), t, r)
    assert_close(u, AverageVelocity()(x, t, r))
    assert_close(target, u)
    assert (target - Velocity()(x, t)).abs().max() > 0.5, "vacuous: it is the velocity"


@pytest.mark.equation("mean-flow")
def test_the_rate_is_the_derivative_along_the_path():
    """By differences, of a network that is no average. Kills: a part of the derivative."""
    net = SpanMLP(2, hidden=8, blocks=1, generator=seeded(0))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=seeded(3)), alpha=0.3)
        x, (t, r) = data(50), some_times(50)
        v = torch.randn(50, 2, generator=seeded(2))
        _, target = mean_flow_target(net, x, v, t, r)
        h = 1e-5
        ahead, behind = (net(x + e * v, t + e, r) for e in (h, -h))
        rate = (ahead - behind) / (2 * h)
    assert_close(target, v - (t - r)[:, None] * rate, atol=1e-7, rtol=0)


def gradients(model, off):
    """Each example's part of the gradient by `off`, (n, 2), times 2: residual · slope."""
    net = AverageVelocity(off)
    grads = []
    for x in data(40_000).split(10_000):
        loss = model(net).loss(x, generator=seeded(len(grads)))
        (g,) = torch.autograd.grad(loss.mean(), net.off)
        grads.append(g)
    return torch.stack(grads).mean(0)


def test_the_regression_rests_at_the_true_average():
    """Its gradient is 0 there in the mean, and not beside it. Kills: a target that is not held."""
    at_truth = gradients(lambda net: MeanFlow(net, dim=2, apart=0.7), 0.0)
    beside = gradients(lambda net: MeanFlow(net, dim=2, apart=0.7), 0.3)
    assert at_truth.abs().max() < 0.12
    assert beside.min() > 0.4


def test_a_teacher_leaves_no_noise():
    """The true map has loss 0 with its teacher's velocity, and not with the lines'."""
    x = data(300)
    exact = MapDistillation(AverageVelocity(), Velocity(), dim=2, apart=0.5)
    assert exact.loss(x, generator=seeded(0)).max() < 1e-20
    wrong = MapDistillation(AverageVelocity(0.3), Velocity(), dim=2, apart=0.5)
    loss = wrong.loss(x, generator=seeded(0))
    assert loss.shape == (300,)
    assert loss.min() > 1e-4
    lines = MeanFlow(AverageVelocity(), dim=2, apart=0.5)
    assert lines.loss(x, generator=seeded(0)).mean() > 0.5
    assert [name for name, _ in exact.named_parameters()] == ["flow.average.off"]


@pytest.mark.parametrize("taught", [False, True])
def test_the_target_is_held_fixed(taught):
    """The gradient by hand, with the same draws. Kills: a target that follows."""
    net, x, g = AverageVelocity(0.3), data(40), seeded(3)
    model = (
        MapDistillation(net, Velocity(), dim=2, apart=0.5) if taught
        else MeanFlow(net, dim=2, apart=0.5)
    )  # fmt: skip
    (found,) = torch.autograd.grad(model.loss(x, generator=seeded(3)).sum(), net.off)
    x_0 = torch.randn(x.shape, generator=g)
    t, r = times(40, apart=0.5, generator=g, like=x)
    x_t = (1 - t)[:, None] * x_0 + t[:, None] * x
    u, target = mean_flow_target(net, x_t, Velocity()(x_t, t) if taught else x - x_0, t, r)
    held, free = (
        torch.autograd.grad((u - goal).square().sum(), net.off, retain_graph=True)[0]
        for goal in (target.detach(), target)
    )
    assert_close(found, held)
    assert (held - free).abs().max() > 1e-3, "vacuous: it makes no difference"


def test_a_teacher_is_not_trained():
    """Kills: a teacher among the weights, or with a slope."""
    teacher, net = Learnt(), AverageVelocity(0.1)
    model = MapDistillation(net, teacher, dim=2, apart=0.5)
    model.loss(data(9), generator=seeded(0)).sum().backward()
    assert list(model.parameters()) == list(net.parameters())  # an optimiser would decay others
    assert teacher.w.grad is None
    assert net.off.grad.abs().min() > 0


def test_where_the_times_are_equal_it_is_flow_matching():
    """Kills: r < t, a share the wrong way round."""
    x = data(200)
    tiny = MeanFlow(AverageVelocity(0.2), dim=2, apart=1e-9)
    loss = tiny.loss(x, generator=seeded(0))
    g = seeded(0)
    x_0 = torch.randn(x.shape, generator=g)
    t, r = times(200, apart=1e-9, generator=g, like=x)
    assert torch.equal(t, r)
    x_t = (1 - t)[:, None] * x_0 + t[:, None] * x
    truth = (AverageVelocity(0.2)(x_t, t, t) - (x - x_0)).square().sum(1)
    assert_close(loss, truth)


def test_times_are_uniform_in_the_triangle():
    """t is the smaller of two uniform numbers. Kills: t and r swapped, the same r for all."""
    t, r = times(20_000, apart=0.25, generator=seeded(0), like=torch.zeros(1))
    assert (t <= r).all()
    assert_probs((t < r).long(), torch.tensor([0.75, 0.25]), detects=0.1)
    assert_mean(t, 1 / 3, detects=0.05)
    assert_mean(r[t < r], 2 / 3, detects=0.05)


def test_dropout_comes_from_the_generator():
    class Dropping(nn.Module):
        def forward(self, x, t, r):
            return nn.functional.dropout(x, 0.5)

    class Teacher(nn.Module):
        def forward(self, x, t):
            return nn.functional.dropout(x, 0.5)

    x, before = data(50), torch.get_rng_state()
    for model in (
        MeanFlow(Dropping(), dim=2, apart=0.5),
        MapDistillation(AverageVelocity(), Teacher(), dim=2, apart=0.5),
    ):
        first, again = (model.loss(x, generator=seeded(0)) for _ in range(2))
        assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_bad_input_is_refused():
    for apart in (0, -0.1, 1.1):
        with pytest.raises(ValueError, match=rf"apart: expected a share in \(0, 1\], got {apart}"):
            MeanFlow(AverageVelocity(), dim=2, apart=apart)
    with pytest.raises(ValueError, match="dim: expected a finite number > 0"):
        MeanFlow(AverageVelocity(), dim=0, apart=0.5)
    x = data(3)
    for t, r in ((torch.zeros(3, 1), torch.ones(3)), (torch.zeros(3), torch.ones(1))):
        with pytest.raises(
            ValueError, match=r"times: expected shape \(3,\), one for each row of x"
        ):
            mean_flow_target(AverageVelocity(), x, x, t, r)
    for model in (
        MeanFlow(lambda x, t, r: x[:, :1], dim=2, apart=0.5),
        MapDistillation(lambda x, t, r: x[:, :1], Velocity(), dim=2, apart=0.5),
    ):
        with pytest.raises(
            ValueError, match=r"average: expected shape \(3, 2\) as v, got \(3, 1\)"
        ):
            model.loss(x, generator=seeded(0))
        with pytest.raises(ValueError, match=r"x: expected shape \(B, 2\)"):
            model.loss(torch.zeros(3, 3), generator=seeded(0))

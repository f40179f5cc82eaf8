"""Consistency on normal data: the map to the end, its losses, and what is held fixed."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.diffusion import FieldOfGuess, signal_at
from coursepkg.models.few_steps import (
    ConsistencyDistillation,
    ConsistencyTraining,
    consistency_loss,
    end_of,
)
from coursepkg.models.few_steps.consistency import step_of_a_line
from coursepkg.rng import seeded
from tests.coursepkg.models.few_steps.normal import (
    MEAN,
    SCALE,
    Learnt,
    ToEnd,
    Velocity,
    data,
    place,
)
from tests.statistics import assert_cdf, assert_probs


def at(t, n):
    return torch.full((n,), t)


@pytest.mark.equation("consistency-map")
@pytest.mark.parametrize("t", [0.0, 0.3, 0.8, 1.0])
def test_the_end_of_a_path(t):
    """Closed form, and the boundary that no network can break. Kills: t for 1 - t."""
    x = data(50)
    assert_close(end_of(ToEnd(), x, at(t, 50)), place(x, at(t, 50), torch.ones(50)))
    wild = end_of(lambda x, t: 100 * x + 7, x, at(1.0, 50))
    assert_close(wild, x)


@pytest.mark.equation("consistency-loss")
def test_the_true_map_has_no_loss_on_a_path():
    """Two places of one path have one end. Kills: squares not summed, ends not compared."""
    x, t, s = data(60), torch.rand(60, generator=seeded(1)) * 0.9, None
    s = t + 0.1
    later = place(x, t, s)
    loss = consistency_loss(ToEnd(), x, t, later, s, generator=seeded(0))
    assert loss.max() < 1e-20
    wrong = consistency_loss(ToEnd(), x, t, later + 0.1, s, generator=seeded(0))
    truth = (end_of(ToEnd(), x, t) - end_of(ToEnd(), later + 0.1, s)).square().sum(1)
    assert_close(wrong, truth)
    assert wrong.min() > 1e-4


@pytest.mark.equation("consistency-loss")
def test_the_later_place_is_held_fixed():
    """The gradient by hand. Kills: a target that follows."""
    net, x, t, s = ToEnd(0.2), data(20), at(0.3, 20), at(0.6, 20)
    loss = consistency_loss(net, x, t, place(x, t, s), s, generator=seeded(0)).sum()
    (found,) = torch.autograd.grad(loss, net.average.off)
    target = end_of(net, place(x, t, s), s).detach()
    (truth,) = torch.autograd.grad((end_of(net, x, t) - target).square().sum(), net.average.off)
    assert_close(found, truth)


def test_both_calls_see_the_same_dropout():
    class Dropping(nn.Module):
        def forward(self, x, t):
            return nn.functional.dropout(torch.ones_like(x), 0.5)

    x, t = data(50), at(0.4, 50)
    assert consistency_loss(Dropping(), x, t, x, t, generator=seeded(0)).max() == 0
    later = consistency_loss(Dropping(), x, t, x, at(0.5, 50), generator=seeded(0))
    assert later.max() > 0


@pytest.mark.parametrize("steps", [10, 20, 40])
def test_distillation_of_the_true_map_is_off_by_the_teachers_steps(steps):
    """Heun's error in a step is of order 3. Kills: Euler's step, a slope at the wrong time."""
    model = ConsistencyDistillation(ToEnd(), Velocity(), dim=2, steps=steps)
    root = model.loss(data(2000), generator=seeded(0)).sqrt().max().item()
    assert 1e-6 < root < 30 / steps**3
    wrong = ConsistencyDistillation(ToEnd(0.5), Velocity(), dim=2, steps=steps)
    assert wrong.loss(data(200), generator=seeded(0)).sqrt().mean() > 0.1 / steps


def test_training_without_a_teacher_rests_near_the_true_map():
    """Its mean gradient is small beside a wrong map's. Kills: the step of other noise."""

    def gradient(off, steps):
        net, found = ToEnd(off), []
        for seed in range(4):
            model = ConsistencyTraining(net, dim=2, steps=steps)
            loss = model.loss(data(50_000, seed), generator=seeded(seed)).mean()
            found.append(torch.autograd.grad(loss, net.average.off)[0])
        return torch.stack(found).mean(0) * steps

    assert gradient(0.0, 200).abs().max() < 0.25
    assert gradient(0.5, 200).abs().min() > 0.5


def test_steps_are_of_one_line_and_of_the_grid():
    """Kills: two noises, s < t, a step that never starts at 0."""
    x = data(20_000)
    x_t, x_s, t, s = step_of_a_line(x, steps=4, generator=seeded(0))
    assert_close(s - t, torch.full_like(t, 0.25))
    assert_probs((4 * t).long(), torch.full((4,), 0.25), detects=0.1)
    x_0 = (x_t - t[:, None] * x) / (1 - t[:, None])
    assert_close((1 - s)[:, None] * x_0 + s[:, None] * x, x_s)
    assert_cdf(x_0[:, 0], torch.distributions.Normal(0, 1).cdf, detects=0.06)
    last = s == 1
    assert torch.equal(x_s[last], x[last])


class Dropping(nn.Module):
    """Half of x, and how often it was asked."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x, t):
        self.calls += 1
        return nn.functional.dropout(x, 0.5)


def test_each_loss_asks_student_and_teacher_twice_and_draws_from_the_generator():
    """Kills: a call for a look at the shape, the teacher's dropout from elsewhere."""
    student, teacher = Dropping(), Dropping()
    model = ConsistencyDistillation(student, teacher, dim=2, steps=4)
    before, x = torch.get_rng_state(), data(50)
    loss = model.loss(x, generator=seeded(0))
    assert (student.calls, teacher.calls) == (2, 2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(model.loss(x, generator=seeded(0)), loss)
    assert not torch.equal(model.loss(x, generator=seeded(1)), loss)


def test_a_diffusion_teaches():
    """With the field of chapter 18 as teacher the true map has nearly no loss."""

    def guess(z, log_snr):
        """E[x | z] for x ~ N(m, s²)."""
        alpha, sigma = signal_at(log_snr)
        gain = alpha * SCALE**2 / (alpha**2 * SCALE**2 + sigma**2)
        return MEAN + gain * (z - alpha * MEAN)

    model = ConsistencyDistillation(ToEnd(), FieldOfGuess(guess), dim=2, steps=40)
    assert model.loss(data(200), generator=seeded(0)).sqrt().max() < 1e-2


def test_a_teacher_is_not_trained():
    """Kills: a teacher among the weights, or with a slope."""
    teacher, net = Learnt(), ToEnd(0.1)
    model = ConsistencyDistillation(net, teacher, dim=2, steps=4)
    model.loss(data(9), generator=seeded(0)).sum().backward()
    assert teacher.w.grad is None
    assert [name for name, _ in model.named_parameters()] == ["student.average.off"]


def test_bad_input_is_refused():
    narrow = ToEnd()
    for make in (
        lambda **sizes: ConsistencyDistillation(narrow, Velocity(), **sizes),
        lambda **sizes: ConsistencyTraining(narrow, **sizes),
    ):
        for name in ("dim", "steps"):
            with pytest.raises(ValueError, match=f"{name}: expected a finite number > 0, got 0"):
                make(**{"dim": 2, "steps": 2, name: 0})
        with pytest.raises(ValueError, match=r"x: expected shape \(B, 2\)"):
            make(dim=2, steps=2).loss(torch.zeros(3, 1), generator=seeded(0))
    student = ConsistencyDistillation(lambda x, t: x[:, :1], Velocity(), dim=2, steps=2)
    with pytest.raises(ValueError, match=r"student: expected shape \(3, 2\) as x, got \(3, 1\)"):
        student.loss(data(3), generator=seeded(0))
    with pytest.raises(ValueError, match=r"times: expected shape \(3,\), one for each row"):
        end_of(ToEnd(), data(3), torch.zeros(3, 1))
    teacher = ConsistencyDistillation(lambda x, t: x[:, :1], lambda x, t: x[:, :1], dim=2, steps=2)
    with pytest.raises(ValueError, match=r"teacher: expected shape \(3, 2\) as x, got \(3, 1\)"):
        teacher.loss(data(3), generator=seeded(0))
    with pytest.raises(ValueError, match=r"student: expected shape"):
        ConsistencyTraining(lambda x, t: x[:, :1], dim=2, steps=2).loss(
            data(3), generator=seeded(0)
        )

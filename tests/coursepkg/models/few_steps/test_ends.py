"""Paths that a teacher walks, on normal data, and the regression on where they end."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.few_steps import EndRegression, EulerAverage, Jumps, paths
from coursepkg.rng import seeded
from tests.coursepkg.models.few_steps.normal import AverageVelocity, ToEnd, Velocity, data, place
from tests.statistics import assert_probs


def at(t, n):
    return torch.full((n,), float(t))


def true_paths(n, places):
    """Places of n paths in closed form, (n, places + 1, 2)."""
    x = torch.randn(n, 2, generator=seeded(1))
    times = torch.linspace(0, 1, places + 1)
    return torch.stack([place(x, at(0, n), t.expand(n)) for t in times], dim=1)


@pytest.mark.parametrize(("steps", "every"), [(4, 1), (4, 2), (6, 3), (5, 5)])
def test_the_true_map_keeps_the_true_places(steps, every):
    """Closed form, however long the jumps. Kills: a place before or after, the noise left out."""
    truth = true_paths(30, steps // every)
    found = paths(AverageVelocity(), truth[:, 0], steps=steps, every=every)
    assert_close(found, truth)


def test_a_path_of_euler_is_a_loop():
    """And its end is that of `Jumps`. Kills: the velocity of another time."""
    x = torch.randn(20, 2, generator=seeded(0))
    found = paths(EulerAverage(Velocity()), x, steps=8, every=2)
    assert found.shape == (20, 5, 2)
    for n in range(8):
        if n % 2 == 0:
            assert_close(found[:, n // 2], x)
        x = x + Velocity()(x, at(n / 8, 20)) / 8
    assert_close(found[:, 4], x)
    assert_close(Jumps(EulerAverage(Velocity()), dim=2, steps=8).decode(found[:, 0]), x)


def test_the_way_leaves_no_graph():
    assert not paths(AverageVelocity(0.1), data(3), steps=2).requires_grad


def test_the_true_map_has_no_loss_and_another_has_its_own():
    """Kills: the next place for the end, the noise for the place, a length of the way."""
    x = true_paths(200, 4)
    assert EndRegression(ToEnd(), dim=2, places=4).loss(x, generator=seeded(0)).max() < 1e-20
    found = EndRegression(ToEnd(0.3), dim=2, places=4).loss(x, generator=seeded(0))
    n = torch.randint(4, (200,), generator=seeded(0))
    x_t = x[torch.arange(200), n]
    u, truth = (ToEnd(off)(x_t, n / 4) for off in (0.3, 0.0))
    assert_close(found, (u - truth).square().sum(1))
    assert found.min() > 1e-4


def test_each_place_but_the_end_is_asked():
    """Equally often. Kills: the end itself, whose way is 0 long; one place for all."""
    seen = []

    class Watched(nn.Module):
        def forward(self, x, t):
            seen.append(t)
            return 0 * x

    model = EndRegression(Watched(), dim=2, places=4)
    model.loss(torch.zeros(14_000, 5, 2), generator=seeded(0))
    n = (seen[0] * 4).round().long()
    assert_close(seen[0], n / 4)
    assert_probs(n, torch.full((4,), 0.25), detects=0.1)


def test_a_student_of_a_linear_field_learns_the_end():
    """Least squares by hand: of N(m, s²) it finds u at 0. Kills: a gradient that is held."""
    x = true_paths(500, 1)

    class Affine(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))

        def forward(self, x, t):
            return self.a * x + self.b

    net = Affine()
    model = EndRegression(net, dim=2, places=1)
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=50)

    def loss():
        optimizer.zero_grad()
        total = model.loss(x, generator=seeded(0)).mean()
        total.backward()
        return total

    optimizer.step(loss)
    assert_close(net.a, ToEnd().forward(torch.ones(1, 2), at(0, 1))[0] - net.b, atol=1e-4, rtol=0)
    assert loss() < 1e-6


def test_dropout_comes_from_the_generator():
    class Dropping(nn.Module):
        def forward(self, x, t):
            return nn.functional.dropout(x, 0.5)

    model, x = EndRegression(Dropping(), dim=2, places=2), true_paths(50, 2)
    first, again = (model.loss(x, generator=seeded(0)) for _ in range(2))
    assert torch.equal(first, again)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="every: expected a divisor of 4 steps, got 3"):
        paths(AverageVelocity(), data(3), steps=4, every=3)
    with pytest.raises(ValueError, match="steps: expected a finite number > 0"):
        paths(AverageVelocity(), data(3), steps=0)
    with pytest.raises(ValueError, match="every: expected a finite number > 0"):
        paths(AverageVelocity(), data(3), steps=2, every=0)
    with pytest.raises(ValueError, match="places: expected a finite number > 0"):
        EndRegression(ToEnd(), dim=2, places=0)
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 5, 2\)"):
        EndRegression(ToEnd(), dim=2, places=4).loss(true_paths(3, 3), generator=seeded(0))
    narrow = EndRegression(lambda x, t: x[:, :1], dim=2, places=4)
    with pytest.raises(ValueError, match=r"student: expected shape \(3, 2\) as x, got \(3, 1\)"):
        narrow.loss(true_paths(3, 4), generator=seeded(0))

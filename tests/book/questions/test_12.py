"""Answers to the questions of chapter 12, computed."""

import math

import pytest
import torch
from torch.distributions import Normal

from coursepkg.models.flows import (
    Continuous,
    FlowMatching,
    banach_inverse,
    circular_convolution_norm,
    matching_loss,
    predicted_iterations,
)
from coursepkg.rng import seeded
from tools.questions import marked, options


@pytest.mark.question("q-12-stretch")
def test_blocks_that_stretch_tenfold():
    """Singular values of growing chains of the steepest block there is. Kills: 4, doubling."""
    step, chain, blocks = 1.5 * torch.eye(2), torch.eye(2), 0
    while torch.linalg.matrix_norm(chain, 2) < 10:
        chain, blocks = step @ chain, blocks + 1
    assert marked("q-12-stretch") == blocks


@pytest.mark.question("q-12-banach")
def test_steps_that_suffice():
    """The prediction, and the error of the worst contraction. Kills: 11, the factor 1/(1 - c)."""
    n = predicted_iterations(2.0, contraction=0.5, tolerance=0.001)
    assert marked("q-12-banach") == n
    errors, x = [], 4.0  # g = -x/2 and z = 4: the first step is 2 long, the answer 8
    for _ in range(n):
        x = 4 + x / 2
        errors.append(8 - x)
    assert errors[-1] <= 0.001 < errors[-2]


@pytest.mark.question("q-12-triple")
def test_the_triple_can_be_undone_but_not_by_guessing():
    """x + 2x has an inverse, and the iteration leaves it; x + 1.5 sin x has none."""
    z = torch.tensor([[3.0, -6.0]])
    inverse = bool((3 * (z / 3) == z).all())
    try:
        banach_inverse(lambda x: 2 * x, z, contraction=0.9, tolerance=1e-3)
        found = True
    except ValueError:
        found = False
    holds = [not inverse, inverse and found, inverse and not found]
    assert [o for o, yes in zip(options("q-12-triple"), holds, strict=True) if yes] == [
        marked("q-12-triple")
    ]
    x = torch.linspace(-1, 7, 8001)
    assert ((x + 1.5 * x.sin() > 3).int().diff() != 0).sum() == 3


@pytest.mark.question("q-12-kernel")
def test_norm_of_a_constant_kernel():
    """Kills: 0.6, the kernel reshaped."""
    kernel = torch.full((1, 1, 3, 3), 0.2)
    assert marked("q-12-kernel") == pytest.approx(circular_convolution_norm(kernel, (8, 8)).item())


@pytest.mark.question("q-12-signs")
def test_variance_of_random_signs():
    """All four pairs of signs. Kills: the sum of squares of A, 14."""
    A = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    signs = torch.cartesian_prod(torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0]))
    values = ((signs @ A) * signs).sum(1)
    assert marked("q-12-signs") == pytest.approx(values.var(unbiased=False).item())


@pytest.mark.question("q-12-divergence")
def test_change_of_the_log_density_along_a_path():
    """Of the flow from t = 0 to 1; encode goes the other way. Kills: the sign."""
    flow = Continuous(lambda x, t: x * torch.tensor([1.0, -3.0]), dim=2, steps=40)
    _, log_det = flow.encode(torch.ones(1, 2))  # log p_1(x) - log p_0(z)
    assert marked("q-12-divergence") == pytest.approx(log_det.item(), abs=1e-5)


@pytest.mark.question("q-12-loss")
def test_what_a_loss_that_stays_says():
    """Normal data of two sizes, with the exact field: a loss of π s / 2 that is no likelihood."""
    losses, levels = [], []
    for s in (1.0, 2.0):

        def field(x, t, s=s):
            t = t[:, None]
            return (t * s**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * s**2) * x

        x_0, x_1 = torch.randn(2, 20_000, 1, generator=seeded(0))
        losses.append(matching_loss(field, x_0, s * x_1, generator=seeded(1)).mean().item())
        levels.append(-Normal(0.0, s).log_prob(s * x_1).mean().item())
    likelihood = all(abs(a - b) < 0.2 for a, b in zip(losses, levels, strict=True))
    floor = losses == pytest.approx([math.pi / 2, math.pi], rel=0.05)  # no network does better
    assert levels[1] - levels[0] == pytest.approx(math.log(2))
    holds = [likelihood, not floor, floor and not likelihood]
    assert [o for o, yes in zip(options("q-12-loss"), holds, strict=True) if yes] == [
        marked("q-12-loss")
    ]


@pytest.mark.question("q-12-midway")
def test_a_path_to_itself():
    """Followed by a solver. Kills: 1, a straight path."""

    class Field(torch.nn.Module):
        def forward(self, x, t):
            t = t[:, None]
            return (2 * t - 1) / ((1 - t) ** 2 + t**2) * x

    flow = FlowMatching(Field(), dim=1, steps=8).flow
    path = flow.path(torch.ones(1, 1), points=2)
    assert marked("q-12-midway") == pytest.approx(path[1].item(), abs=5e-5)
    assert path[2].item() == pytest.approx(1, abs=1e-4)

"""Noise that knows the picture, and conditional flows: quadrature, autograd, enumeration."""

import math

import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.models.dequantised import Dequantised
from coursepkg.models.flows import (
    Affine,
    Chain,
    ConditionalTransformed,
    Coupling,
    StandardNormal,
    VariationalNoise,
)
from coursepkg.nets import MLP, ResidualMLP
from coursepkg.rng import seeded
from tests.statistics import assert_cdf

K = 3


def pairs(given: int, dim: int, *, seed: int = 0, by: float = 3.0) -> Chain:
    """Two couplings on (c, x) that never move c."""
    layers = []
    for parity in range(2):
        passes = torch.arange(given + dim) < given
        passes[given:] = (torch.arange(dim) + parity) % 2 == 0
        passing = int(passes.sum())
        net = MLP([passing, 8, 2 * (given + dim - passing)], generator=seeded(seed + parity))
        with torch.no_grad():
            net.layers[-1].weight.mul_(by)
        layers.append(Coupling(net, passes, monotone=Affine(1.0)))
    return Chain(layers)


def test_each_condition_has_a_law_of_its_own_whose_mass_is_one():
    """Quadrature in the plane. Kills: z of the conditions in the base, a determinant of both."""
    flow = ConditionalTransformed(pairs(2, 2), StandardNormal(2), given=2)
    x = torch.linspace(-14, 14, 281)
    grid = torch.cartesian_prod(x, x)
    laws = []
    for c in torch.tensor([[0.0, 1.0], [2.0, -1.0]]):
        laws.append(flow.log_prob(grid, condition=c.expand(len(grid), 2)).exp().detach() * 0.1**2)
    assert_close(torch.stack(laws).sum(1), torch.ones(2), atol=1e-4, rtol=0)
    assert (laws[0] - laws[1]).abs().sum() > 0.2, "vacuous: the condition does nothing"


def test_draws_given_a_condition_decode_the_base():
    """Kills: the conditions of other rows, the condition returned."""
    flow, c = ConditionalTransformed(pairs(1, 2), StandardNormal(2), given=1), torch.randn(
        4, 1, generator=seeded(1)
    )  # fmt: skip
    x = flow.sample(4, condition=c, generator=seeded(2))
    pair, _ = flow.transform.encode(torch.cat([c, x], 1))
    assert_close(pair[:, 1:], StandardNormal(2).sample(4, generator=seeded(2)))
    with pytest.raises(ValueError, match=r"condition: expected 4 rows, one an example, got 3"):
        flow.sample(4, condition=c[:3], generator=seeded(2))
    with pytest.raises(ValueError, match=r"condition: expected shape \(B, 1\)"):
        flow.log_prob(x, condition=torch.zeros(4, 2))


def noise(*, dim: int = 2, seed: int = 0, by: float = 3.0) -> VariationalNoise:
    return VariationalNoise(pairs(dim, dim, seed=seed, by=by), dim=dim, levels=K)


@pytest.mark.equation("variational-noise")
def test_the_density_of_the_noise_is_that_of_its_draws():
    """log q(u | x) by the change of variables from ε, by autograd. Kills: a sign, log σ' lost."""
    law, x = noise(), torch.tensor([[0, 2], [1, 1], [2, 0]])
    u, log_q = law.sample(x, generator=seeded(3))
    eps = torch.randn(x.shape, generator=seeded(3))
    for n in range(3):

        def made(e, n=n):
            picture = 2 * x[n] / (K - 1) - 1
            pair, _ = law.transform.encode(torch.cat([picture, e])[None])
            return (law.spread * pair[0, 2:]).sigmoid()

        assert_close(u[n], made(eps[n]))
        volume = torch.linalg.slogdet(torch.autograd.functional.jacobian(made, eps[n])).logabsdet
        assert_close(log_q[n].detach(), Normal(0, 1).log_prob(eps[n]).sum() - volume)
    assert u.dtype == torch.float64
    assert not torch.equal(law.sample(x, generator=seeded(4))[0], u)


def test_dropout_of_the_noise_draws_from_the_generator():
    """Kills: torch's global state moved, the same features dropped at each call."""
    net = ResidualMLP(3, 2, hidden=32, blocks=1, dropout=0.5, generator=seeded(0))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=seeded(1)), alpha=0.5)
    passes = torch.tensor([True, True, True, False])
    law = VariationalNoise(Coupling(net, passes, monotone=Affine()), dim=2, levels=K)
    x = torch.tensor([[0, 2], [1, 1]])
    first, again = (law.sample(x, generator=seeded(3))[0] for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(law.eval().sample(x, generator=seeded(3))[0], first), "no dropout"


def test_noise_that_has_learned_nothing_is_nearly_uniform():
    """σ(1.702 ε), within 0.01. Kills: a spread of 1, noise outside of the cell."""
    law = noise()
    for p in law.parameters():
        torch.nn.init.zeros_(p)
    u, log_q = law.sample(torch.ones(20_000, 2, dtype=torch.int64), generator=seeded(0))
    assert u.min() > 0
    assert u.max() < 1
    assert_cdf(u[:, 0], lambda v: Normal(0, 1).cdf(v.logit() / 1.702), detects=0.06)
    assert_cdf(u[:, 0], lambda v: v + 0 * v, detects=0.06)
    assert log_q.mean().abs() < 0.05


class Tilted(torch.nn.Module):
    """A density on the square that is far from flat in a cell, and its masses by quadrature."""

    def log_prob(self, y):
        return Normal(1.4, 0.35).log_prob(y).sum(1)


def test_it_leaves_the_mass_of_a_level_and_learns_to_tighten_the_bound():
    """E w = mass, from the distribution function; training raises the mean of log w to it.

    Kills: log q of the wrong sign, a gradient that does not reach the noise.
    """
    edges = Normal(1.4, 0.35).cdf(torch.arange(K + 1.0)).diff()
    law = noise(seed=5, by=0.5)  # narrower noise has weights with heavy tails
    model, x = Dequantised(Tilted(), levels=K, noise=law), torch.tensor([[0, 1], [1, 1], [2, 1]])
    exact = edges[x].prod(1).log()
    log_w = model.log_weight(x.repeat(40_000, 1), generator=seeded(1)).detach().view(-1, 3)
    assert_close(log_w.logsumexp(0) - math.log(40_000), exact, atol=0.1, rtol=0)
    uniform = Dequantised(Tilted(), levels=K)
    rows = x.repeat(200, 1)
    optimizer = torch.optim.Adam(law.parameters(), 0.02)
    for step in range(60):
        optimizer.zero_grad()
        (-model.log_weight(rows, generator=seeded(step))).mean().backward()
        optimizer.step()
    gap, flat = (
        (exact - m.elbo(rows, generator=seeded(99)).view(200, 3).mean(0)).mean().item()
        for m in (model, uniform)
    )
    assert -0.03 < gap < flat / 3
    assert flat > 0.5, "vacuous: flat in a cell"


def test_a_layer_that_moves_the_conditions_is_refused():
    """Scored, drawn and as noise. Kills: a silent wrong density."""
    net = MLP([2, 5, 4], generator=seeded(0))
    moves = Coupling(net, torch.tensor([False, True, True, False]), monotone=Affine())
    message = r"transform: expected layers that keep the first 2 variables, got one that moves 1"
    flow, c = ConditionalTransformed(moves, StandardNormal(2), given=2), torch.ones(3, 2)
    with pytest.raises(ValueError, match=message):
        flow.log_prob(torch.zeros(3, 2), condition=c)
    with pytest.raises(ValueError, match=message):
        flow.sample(3, condition=c, generator=seeded(0))
    with pytest.raises(ValueError, match=message):
        VariationalNoise(moves, dim=2, levels=K).sample(c.long(), generator=seeded(0))


def test_what_is_no_level_is_refused():
    with pytest.raises(ValueError, match=r"levels: expected at least 2, got 1"):
        VariationalNoise(pairs(2, 2), dim=2, levels=1)
    with pytest.raises(ValueError, match=r"dim: expected a finite number > 0, got 0"):
        VariationalNoise(pairs(2, 2), dim=0, levels=K)
    with pytest.raises(ValueError, match=r"x: expected levels 0..2, got values from 3 to 3"):
        noise().sample(torch.full((1, 2), K), generator=seeded(0))
    with pytest.raises(ValueError, match=r"x: expected shape"):
        noise().sample(torch.zeros(1, 3, dtype=torch.int64), generator=seeded(0))

"""Answers to the questions of chapter 11, computed."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal

from coursepkg.models.dequantised import Dequantised
from coursepkg.models.flows import (
    ActNorm,
    Affine,
    AutoregressiveFlow,
    Chain,
    Coupling,
    StandardNormal,
    half,
)
from coursepkg.models.transformed import Transformed
from coursepkg.nets import CausalTransformer, ResidualMLP
from coursepkg.rng import seeded
from tools.questions import marked, options


class Fixed(nn.Module):
    """The same parameters for every input."""

    def __init__(self, theta):
        super().__init__()
        self.theta = theta

    def forward(self, x):
        return self.theta.expand(len(x), -1)


def coupling(parity: int, *, dim: int = 4) -> Coupling:
    """With weights away from zero."""
    generator = seeded(parity)
    net = ResidualMLP(dim // 2, dim, hidden=8, blocks=1, generator=generator)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    return Coupling(net, half(dim, parity=parity % 2), monotone=Affine())


@pytest.mark.question("q-11-coupling")
def test_log_determinant_of_a_coupling():
    """Autograd on a layer with these outputs. Kills: shifts counted too."""
    theta = torch.tensor([0.3, -0.5, 7.0, -2.0])
    layer = Coupling(Fixed(theta), half(4, parity=0), monotone=Affine(bound=1e6))
    J = torch.autograd.functional.jacobian(lambda x: layer.encode(x[None])[0][0], torch.ones(4))
    log_det = torch.linalg.slogdet(J).logabsdet.item()
    assert marked("q-11-coupling") == pytest.approx(log_det, abs=1e-4)


@pytest.mark.question("q-11-layers")
def test_couplings_until_everything_depends_on_everything():
    """Jacobians of growing chains. Kills: 2, at which one half still misses itself."""
    x = torch.linspace(-1, 1, 4)
    full = [
        bool((torch.autograd.functional.jacobian(
            lambda y, n=n: Chain([coupling(p) for p in range(n)]).encode(y[None])[0][0], x
        ) != 0).all())
        for n in range(1, 5)
    ]  # fmt: skip
    assert marked("q-11-layers") == 1 + full.index(True)
    assert full == sorted(full)


@pytest.mark.question("q-11-network")
def test_what_the_network_in_a_coupling_may_be():
    """One that forgets nearly all of its input, and whose Jacobian is far from triangular."""
    layer, x = coupling(0), torch.linspace(-1, 1, 4)[None]
    z, log_det = layer.encode(x)
    back = (layer.decode(z) - x).abs().max() < 1e-5
    J = torch.autograd.functional.jacobian(lambda a: layer.net(a)[0, :2], x[:, :2])[:, 0]
    triangular = not J.tril(-1).any() or not J.triu(1).any()
    singular = torch.autograd.functional.jacobian(
        lambda a: Coupling(Fixed(torch.ones(4)), half(4, parity=0), monotone=Affine())
        .net(a)[0, :2], x[:, :2]
    )  # fmt: skip
    whole = torch.autograd.functional.jacobian(lambda y: layer.encode(y)[0][0], x)[:, 0]
    right = torch.allclose(torch.linalg.slogdet(whole).logabsdet, log_det[0])
    any_net = bool(back and right and not triangular and not singular.any())
    holds = [not any_net, not any_net, any_net]
    assert [o for o, yes in zip(options("q-11-network"), holds, strict=True) if yes] == [
        marked("q-11-network")
    ]


@pytest.mark.question("q-11-width")
def test_what_noise_of_a_quarter_gives_away():
    """A density that fills a quarter of each cell. Kills: the gift of one pixel."""

    class Quarter(nn.Module):
        def sample(self, x, *, generator):
            u = torch.rand(x.shape, generator=generator, dtype=torch.float64) / 4
            return u, torch.full((len(x),), 10 * math.log(4))

    class Stack(nn.Module):
        def log_prob(self, y):
            return torch.where(y - y.floor() < 0.25, math.log(4 / 3), -math.inf).sum(1)

    x = torch.zeros(3, 10, dtype=torch.int64)
    model = Dequantised(Stack(), levels=3, noise=Quarter())
    printed = Stack().log_prob(model.filled(x, generator=seeded(0))[0])
    gift = (printed - model.elbo(x, generator=seeded(0)))[0].item()
    assert marked("q-11-width") == pytest.approx(gift, abs=0.005)
    assert model.elbo(x, generator=seeded(0))[0].item() == pytest.approx(-10 * math.log(3))


@pytest.mark.question("q-11-actnorm")
def test_log_determinant_of_actnorm():
    """Autograd. Kills: the determinant of the way back, with the other sign."""
    layer = ActNorm(3)
    layer.log_scale.data.copy_(torch.tensor([2.0, 0.5, 4.0]).log())
    J = torch.autograd.functional.jacobian(lambda x: layer.encode(x[None])[0][0], torch.ones(3))
    log_det = torch.linalg.slogdet(J).logabsdet.item()
    assert marked("q-11-actnorm") == pytest.approx(log_det, abs=5e-4)


@pytest.mark.question("q-11-passes")
def test_passes_of_a_draw():
    """Counts calls of the network. Kills: 64, a pass for each variable."""
    net = CausalTransformer(64, 2, block=8, width=4, layers=1, heads=1, generator=seeded(0))
    flow, passes = AutoregressiveFlow(net, monotone=Affine(), dim=64, block=8), []
    net.register_forward_hook(lambda *_: passes.append(1))
    Transformed(flow, StandardNormal(64)).sample(1, generator=seeded(0))
    drawing = len(passes)
    flow.encode(torch.zeros(1, 64))
    assert (marked("q-11-passes"), 1) == (drawing, len(passes) - drawing)


@pytest.mark.question("q-11-discs")
def test_what_lies_between_two_discs():
    """The mass of a strip that is pulled across, its bound, and the density, which is positive."""
    normal = Normal(0.0, 1.0)
    bounds = [(normal.cdf(torch.tensor(1 / c)) - 0.5).item() for c in (1, 10, 100, 1000)]
    flow = Transformed(Chain([coupling(n) for n in range(3)]), StandardNormal(4))
    anywhere = 10 * torch.randn(100, 4, generator=seeded(0))
    positive = bool(flow.log_prob(anywhere).isfinite().all())
    strips = [2 * normal.cdf(torch.tensor(0.5 / c)).item() - 1 for c in (1, 10, 100, 1000)]
    falls = strips == sorted(strips, reverse=True) and strips[-1] < 1e-3
    bounded = all(0 < bound <= strip for bound, strip in zip(bounds, strips, strict=True))
    holds = [not positive, positive and falls and bounded, not falls]
    assert [o for o, yes in zip(options("q-11-discs"), holds, strict=True) if yes] == [
        marked("q-11-discs")
    ]

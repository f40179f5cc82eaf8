"""Laws of sources: densities of mass 1, scores by autograd, draws, and which pairs can be told."""

import itertools
import math

import mpmath
import pytest
import torch
from torch.distributions import Normal as PeerNormal
from torch.testing import assert_close

from coursepkg.models.autoencoders.priors import (
    Bimodal,
    Cauchy,
    Normal,
    Sech,
    SourcePrior,
    Switching,
    log_cosh,
    stability,
)
from coursepkg.rng import seeded
from tests.statistics import assert_cdf

LINE = torch.linspace(-40, 40, 80_001)
ALL = [Sech(), Bimodal(), Cauchy(), Normal(), Switching(1)]


@pytest.mark.equation("sech-prior")
@pytest.mark.equation("bimodal-prior")
@pytest.mark.parametrize("prior", ALL, ids=lambda p: type(p).__name__)
def test_each_is_a_density_and_psi_its_slope(prior):
    """Kills: ψ with the other sign, a normaliser (π/2, ½, no e^-½), a factor of ψ."""
    s = LINE.clone().requires_grad_()
    log_p = prior.log_density(s[:, None])[:, 0]
    missing = 2 / math.pi * math.atan(1 / 40) if isinstance(prior, Cauchy) else 0.0
    assert log_p.exp().sum().item() * 0.001 == pytest.approx(1 - missing, abs=1e-6)
    (slope,) = torch.autograd.grad(log_p.sum(), s)
    away = s.detach().abs() > 1e-9  # |s| has no slope at 0, the densities have
    assert_close(prior.score(s.detach()[:, None])[:, 0][away], slope[away])
    assert (slope[s > 2] < 0).all(), "where the density falls ψ is negative"


@pytest.mark.equation("sech-prior")
def test_sech_is_one_over_pi_cosh():
    s = torch.tensor([-2.0, 0.0, 0.7])
    assert_close(Sech().log_density(s).exp(), 1 / (math.pi * s.cosh()))
    assert_close(Sech().score(s), -s.sinh() / s.cosh())


@pytest.mark.equation("bimodal-prior")
def test_bimodal_is_a_mixture_of_two_normal_laws():
    """Kills: hills at ±½, a variance of 2."""
    s = torch.linspace(-5, 5, 11)
    hills = [PeerNormal(m, 1.0).log_prob(s).exp() for m in (-1.0, 1.0)]
    assert_close(Bimodal().log_density(s).exp(), (hills[0] + hills[1]) / 2)
    assert_close(Bimodal().score(s), -s + s.tanh())


def gaussian_cdf(s):
    return torch.special.ndtr(s)


CDFS = [
    (Sech(), lambda s: 2 / math.pi * s.exp().atan()),
    (Bimodal(), lambda s: (gaussian_cdf(s - 1) + gaussian_cdf(s + 1)) / 2),
    (Cauchy(), lambda s: 0.5 + s.atan() / math.pi),
    (Normal(), gaussian_cdf),
]


@pytest.mark.parametrize(("prior", "cdf"), CDFS, ids=lambda p: type(p).__name__)
def test_draws_follow_the_density(prior, cdf):
    """The distribution function is itself the integral. Kills: angles of another range."""
    grid = torch.linspace(-3, 3, 7)[:, None]
    h = 1e-5
    density = (cdf(grid + h) - cdf(grid - h)) / (2 * h)
    assert_close(density, prior.log_density(grid).exp(), rtol=1e-6, atol=1e-9)
    draws = prior.sample(20_000, 2, generator=seeded(0))
    assert draws.shape == (20_000, 2)
    assert draws.dtype == torch.get_default_dtype()
    for column in draws.T:
        assert_cdf(column, cdf, detects=0.05)
    assert draws.T.corrcoef()[0, 1].abs() < 0.5, "one draw for both sources"


def product(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """All pairs: an empirical law whose two sources are exactly independent; unit variances."""
    one, two = ((s - s.mean()) / s.std(correction=0) for s in (one, two))
    return torch.cartesian_prod(one, two)


PAIRS = [(a, b) for a in range(3) for b in range(3)]


@pytest.mark.equation("ica-stability")
@pytest.mark.parametrize("scales", [(1.0, 1.0), (0.7, 1.8)])
@pytest.mark.parametrize("prior", [Sech(), Bimodal(), Cauchy(), Normal()], ids=str)
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_curvature_under_a_rotation_is_minus_the_sum(prior, scales, a, b):
    """By autograd, on laws that are exactly independent. Kills: each sign and factor of κ."""
    generator = seeded(a)
    laws = [
        Sech().sample(40, 1, generator=generator)[:, 0],
        torch.rand(50, generator=generator),
        torch.randn(60, generator=generator),
    ]
    s = product(laws[a], laws[b])
    angle = torch.zeros((), requires_grad=True)
    cos, sin = angle.cos(), angle.sin()
    turned = torch.stack([cos * s[:, 0] + sin * s[:, 1], cos * s[:, 1] - sin * s[:, 0]], dim=1)
    y = turned * torch.tensor(scales)
    (slope,) = torch.autograd.grad(prior.log_density(y).sum(1).mean(), angle, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, angle)
    kappa = stability(prior, s * torch.tensor(scales))
    assert_close(curvature, -kappa.sum(), atol=1e-10, rtol=1e-10)
    if not isinstance(prior, Normal):
        assert kappa.abs().min() > 1e-4, "vacuous"


@pytest.mark.equation("ica-stability")
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_of_the_pair_exactly_one_is_stable(scale):
    """κ of the two laws is opposite at each source. Kills: > for <, a scale that decides."""
    s = (
        scale
        * torch.stack([
            Sech().sample(500, 1, generator=seeded(0))[:, 0],
            torch.rand(500, generator=seeded(1)) * 3,
        ]).T
    )
    s = s - s.mean(0)
    assert_close(stability(Sech(), s), -stability(Bimodal(), s))
    prior = Switching(2)
    prior.adapt(s)
    assert prior.heavy.tolist() == [True, False]
    assert_close(prior.score(s), torch.stack([-s[:, 0].tanh(), s[:, 1].tanh() - s[:, 1]], dim=1))
    chosen = [Sech().log_density(s[:, 0]), Bimodal().log_density(s[:, 1])]
    assert_close(prior.log_density(s), torch.stack(chosen, dim=1))
    draws = prior.sample(20_000, 2, generator=seeded(2))
    for column, (_, cdf) in zip(draws.T, CDFS[:2], strict=True):
        assert_cdf(column, cdf, detects=0.05)


def test_a_normal_source_cannot_be_told_under_any_law():
    """Stein's identity, by quadrature: κ = 0 at N(0, 1), so its draws alone decide."""
    weight = (-(LINE.square()) / 2).exp()
    weight = weight / weight.sum()
    for prior in (Sech(), Bimodal(), Cauchy()):
        s = LINE.clone().requires_grad_()
        psi = prior.score(s)
        (slope,) = torch.autograd.grad(psi.sum(), s)
        assert_close(
            (weight * psi * LINE).sum().detach(), (weight * slope).sum(), atol=1e-6, rtol=0
        )


@pytest.mark.equation("ica-stability")
@pytest.mark.parametrize("prior", [Sech(), Bimodal(), Cauchy()], ids=str)
def test_a_separation_is_a_maximum_if_every_product_is_above_1(prior):
    """The whole Hessian in relative steps W -> (I + Ω) W, by autograd, at the best lengths.

    Kills: "a positive sum is enough", a product without the 1, κ at other lengths.
    """
    skewed = torch.tensor([-1.0] * 449 + [1.0] * 449 + [0.2] * 50 + [-0.2] * 50 + [20.0, -20.0])
    laws = [
        Sech().sample(24, 1, generator=seeded(0))[:, 0],
        torch.rand(25, generator=seeded(1)),
        torch.tensor([-1.0, 1.0]),
        Cauchy().sample(21, 1, generator=seeded(2))[:, 0],
        skewed,
    ]
    if isinstance(prior, Sech):
        laws.append(torch.tensor([-1.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    seen, weaker = set(), 0
    for a, b in itertools.combinations(range(len(laws)), 2):
        s = torch.cartesian_prod(*(lengthened(prior, laws[n] - laws[n].mean()) for n in (a, b)))
        kappa = stability(prior, s)
        assert_close((prior.score(s) * s).mean(0), -torch.ones(2), atol=1e-9, rtol=0)

        def level(Omega, s=s):
            W = torch.eye(2) + Omega
            return torch.linalg.slogdet(W)[1] + prior.log_density(s @ W.T).sum(1).mean()

        H = torch.autograd.functional.hessian(level, torch.zeros(2, 2)).reshape(4, 4)
        maximum = bool(torch.linalg.eigvalsh(H).max() < 0)
        product = (1 + kappa).prod().item()
        assert abs(product - 1) > 1e-3, "vacuous"
        assert maximum == (product > 1)
        seen.add(maximum)
        weaker += bool(kappa.sum() > 0 and not maximum)
    assert seen == {True, False}
    assert weaker, "vacuous: the sum says the same"


def lengthened(prior, s):
    """One source times the length at which E[-ψ(s) s] = 1, by bisection."""
    low, high = 1e-6, 1e6
    for _ in range(200):
        middle = math.sqrt(low * high)
        pull = -(prior.score(middle * s) * middle * s).mean()
        low, high = (middle, high) if pull < 1 else (low, middle)
    return middle * s


def test_log_cosh_does_not_overflow():
    s = torch.tensor([-1e4, -1.0, 0.0, 1e-3, 800.0])
    expected = torch.tensor([
        1e4 - math.log(2),
        math.log(math.cosh(1)),
        0.0,
        5e-7,
        800 - math.log(2),
    ])
    assert_close(log_cosh(s), expected, rtol=1e-6, atol=0)
    assert log_cosh(s.float()).isfinite().all()


@pytest.mark.parametrize("at", [-2000.0, -25.0, -10.5, -1.0, 0.0, 0.3, 1.0, 10.5, 25.0, 2000.0])
def test_log_cosh_has_the_derivatives_of_log_cosh(at):
    """By autograd, twice. Kills: |s|, whose second derivative at 0 is 0; inf · 0; a threshold."""
    s = torch.tensor(at, requires_grad=True)
    value = log_cosh(s)
    (slope,) = torch.autograd.grad(value, s, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, s)
    assert_close(slope.detach(), torch.tensor(math.tanh(at)), rtol=1e-14, atol=1e-15)
    squared = 0.0 if abs(at) > 500 else math.cosh(at) ** -2
    assert_close(curvature, torch.tensor(squared), rtol=1e-9, atol=1e-15)
    exact = abs(at) + math.log1p(math.exp(-2 * abs(at))) - math.log(2)
    assert value.item() == pytest.approx(exact, rel=1e-14, abs=1e-15)


def test_single_numbers_have_curvature_too():
    """Kills: a curvature of 0 at the origin in single precision."""
    s = torch.zeros(1, requires_grad=True, dtype=torch.float32)
    (slope,) = torch.autograd.grad(Sech().log_density(s), s, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, s)
    assert curvature.item() == -1


@pytest.mark.parametrize("prior", [*ALL[:-1], Switching(2)], ids=lambda p: type(p).__name__)
def test_draws_are_made_where_the_generator_is(prior):
    """Another default device must not matter. Kills: each draw without its device."""
    expected = prior.sample(5, 2, generator=seeded(0))
    with torch.device("meta"):
        draws = prior.sample(5, 2, generator=seeded(0))
    assert torch.equal(draws, expected)


def test_another_number_of_sources_is_refused():
    """Kills: one source's law broadcast to three, in each method."""
    prior = Switching(1)
    for call in (
        lambda: prior.log_density(torch.ones(5, 3)),
        lambda: prior.score(torch.ones(5, 3)),
        lambda: prior.adapt(torch.ones(5, 3)),
        lambda: prior.sample(5, 3, generator=seeded(0)),
    ):
        with pytest.raises(ValueError, match="s: expected 1 sources, got 3"):
            call()
    with pytest.raises(ValueError, match="dim: expected"):
        Switching(0)


def test_most_laws_have_nothing_to_adapt_and_the_base_has_no_law():
    prior = SourcePrior()
    prior.adapt(torch.ones(3, 2))
    s = torch.ones(2, 2)
    for call in (
        lambda: prior.log_density(s),
        lambda: prior.score(s),
        lambda: prior.sample(2, 2, generator=seeded(0)),
    ):
        with pytest.raises(NotImplementedError):
            call()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_cosh_near_zero_and_far(dtype):
    """Kills: logarithms that cancel near 0, a slope that is NaN where a branch overflows."""
    s = torch.tensor([1e-12, -1e-6, 1e-3, 0.5, 0.999, -1.001, 30.0, -1e4], dtype=dtype)
    s.requires_grad_()
    with mpmath.workdps(40):
        expected = [float(mpmath.log(mpmath.cosh(v))) for v in s.tolist()]
    ours = log_cosh(s)
    close = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(ours.double(), torch.tensor(expected), rtol=close, atol=1e-40)
    (slope,) = torch.autograd.grad(ours.sum(), s)
    torch.testing.assert_close(slope, s.detach().tanh())


def test_cauchys_tail_in_single_precision():
    """-log π - 2 log s for s = 1e20 and 1e30. Kills: s² that overflows."""
    s = torch.tensor([0.0, 0.5, 1e20, -1e30]).float()
    expected = [-math.log(math.pi) - math.log1p(float(each) ** 2) for each in s.double()]
    assert_close(Cauchy().log_density(s).double(), torch.tensor(expected), rtol=1e-6, atol=0)

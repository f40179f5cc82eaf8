import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from coursepkg.models.autoencoders.gaussian import DiagonalGaussian, from_network, standard_like
from tests.statistics import assert_cdf


def law(generator, *, B=5, M=3):
    mean, log_std = torch.randn(2, B, M, generator=generator)
    return DiagonalGaussian(mean, log_std.exp())


@pytest.mark.equation("gaussian-kl")
def test_kl_is_that_of_the_peer_and_of_a_quadrature(generator):
    """torch.distributions and an integral. Kills: a lost half, σ for σ², the laws swapped."""
    q, p = law(generator), law(generator)
    assert_close(q.kl(p), kl_divergence(Normal(*q), Normal(*p)))
    standard = standard_like(q.mean)
    printed = (q.mean**2 + q.std**2 - 1 - 2 * q.std.log()) / 2
    assert_close(q.kl(standard), printed)
    z = torch.linspace(-60, 60, 240_001)
    for n in range(5):
        log_q = Normal(q.mean[n, 0], q.std[n, 0]).log_prob(z)
        log_p = Normal(p.mean[n, 0], p.std[n, 0]).log_prob(z)
        integral = (log_q.exp() * (log_q - log_p)).sum() * (z[1] - z[0])
        assert_close(q.kl(p)[n, 0], integral)
    assert_close(q.kl(q), torch.zeros(5, 3))


def test_density_is_the_peers(generator):
    """Kills: the constant counted once an example, a std that is a variance."""
    q = law(generator)
    z = torch.randn(5, 3, generator=generator)
    assert_close(q.log_density(z), Normal(*q).log_prob(z).sum(1))


@pytest.mark.equation("reparametrisation")
def test_draws_have_the_law_and_carry_its_gradient(generator):
    """Kolmogorov; and autograd: ∂z/∂μ = 1, ∂z/∂σ = ε. Kills: a variance for a std, a detached z."""
    mean = torch.full((40_000, 1), 2.0, requires_grad=True)
    std = torch.full((40_000, 1), 0.5, requires_grad=True)
    z = DiagonalGaussian(mean, std).draw(generator=generator)
    assert_cdf(z.detach()[:, 0], Normal(2.0, 0.5).cdf, detects=0.04)
    by_mean, by_std = torch.autograd.grad(z.sum(), [mean, std])
    assert_close(by_mean, torch.ones_like(mean))
    assert_close(by_std, ((z - mean) / std).detach())
    assert by_std.std() > 0.9, "vacuous: no noise"


def test_single_precision_draws_the_same(generator):
    """Kills: noise whose numbers depend on the precision."""
    q = law(generator, B=40)  # of many numbers torch makes others in single precision
    low = DiagonalGaussian(q.mean.float(), q.std.float())
    draws = [g.draw(generator=torch.Generator().manual_seed(3)) for g in (q, low)]
    assert draws[1].dtype == torch.float32
    assert_close(draws[1].double(), draws[0], rtol=1e-5, atol=1e-5)


def test_a_network_says_means_and_then_log_deviations():
    """Kills: log-variances, the halves swapped, a width that is let through."""
    q = from_network(torch.tensor([[1.0, 2.0, 0.0, math.log(3)]]), latent=2)
    assert_close(q.mean, torch.tensor([[1.0, 2.0]]))
    assert_close(q.std, torch.tensor([[1.0, 3.0]]))
    for bad in (torch.zeros(2, 5), torch.zeros(2, 7), torch.zeros(2, 8), torch.zeros(6)):
        with pytest.raises(ValueError, match=r"encoder: expected shape \(B, 6\).*got"):
            from_network(bad, latent=3)
    with pytest.raises(ValueError, match=r"prior: expected shape \(B, 6\)"):
        from_network(torch.zeros(2, 4), latent=3, name="prior")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_deviation_that_underflows_is_the_least_number(dtype):
    """Kills: σ = 0, at which the KL is infinite and a density NaN; a floor for ordinary numbers."""
    least = torch.finfo(dtype).tiny
    output = torch.tensor([[0.0, -1e4], [0.5, -80.0]], dtype=dtype).requires_grad_()
    q = from_network(output, latent=1)
    assert_close(q.std[0], torch.tensor([least], dtype=dtype), rtol=1e-4, atol=0)
    assert_close(q.std[1], torch.tensor([math.exp(-80)], dtype=dtype), rtol=1e-4, atol=0)
    kl = q.kl(standard_like(q.mean))
    assert_close(kl[0].detach(), torch.tensor([-0.5 - math.log(least)], dtype=dtype))
    density = q.log_density(q.mean)
    log_two_pi = math.log(2 * math.pi)
    assert_close(density[0].item(), -math.log(least) - log_two_pi / 2, rtol=1e-5, atol=0)
    (gradient,) = torch.autograd.grad(kl.sum() + density.sum(), output)
    assert gradient.isfinite().all()
    assert gradient[0, 1] == 0


@pytest.mark.parametrize("apart", [1e-6, 1e-13])
def test_laws_that_nearly_agree(apart):
    """With r = 1 + δ it is δ² - δ³/3 + ... Kills: r - 1 - log r, of which rounding is left."""
    p = DiagonalGaussian(
        torch.zeros(1, 1).double(), torch.full((1, 1), 1 + apart, dtype=torch.float64)
    )
    delta = p.std.item() - 1
    assert p.kl(standard_like(p.mean)).item() == pytest.approx(delta**2, rel=1e-5, abs=0)


def test_the_prior_has_the_shape_and_precision_of_z():
    """Kills: a scalar law, a law of ones."""
    p = standard_like(torch.full((2, 3), 7.0, dtype=torch.float32))
    assert torch.equal(p.mean, torch.zeros(2, 3, dtype=torch.float32))
    assert torch.equal(p.std, torch.ones(2, 3, dtype=torch.float32))

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence
from torch.testing import assert_close

from coursepkg.models.autoencoders.linear_gaussian import diagonal_gap, linear_vae
from coursepkg.rng import seeded
from tests.statistics import assert_mean

D, M, NOISE = 5, 2, 0.7


def orthogonal(generator):
    """Weights with orthogonal columns of different lengths."""
    Q, _ = torch.linalg.qr(torch.randn(D, M, generator=generator))
    return Q * torch.tensor([2.0, 0.9])


def marginal(W, b):
    return MultivariateNormal(b, W @ W.T + NOISE**2 * torch.eye(D))


def posterior(W, b, x):
    """From the joint normal law of (z, x), by its blocks: no formula of the module's."""
    S_x = W @ W.T + NOISE**2 * torch.eye(D)
    gain = W.T @ torch.linalg.inv(S_x)
    return MultivariateNormal((x - b) @ gain.T, torch.eye(M) - gain @ W)


def some(generator, n=7):
    b = torch.randn(D, generator=generator)
    return b, b + 2 * torch.randn(n, D, generator=generator)


@pytest.mark.equation("linear-encoder")
def test_at_the_exact_posterior_the_bound_is_the_likelihood(generator):
    """Analytically to 1e-8, every weight to 1e-8, and by sampling within its error.

    Kills: σ for σ², a mean that is not subtracted, a deviation of the prior's.
    """
    W = orthogonal(generator)
    b, x = some(generator)
    model = linear_vae(W, b, noise=NOISE)
    truth, exact = marginal(W, b).log_prob(x), posterior(W, b, x)
    q = model.posterior(x)
    assert_close(q.mean, exact.mean)
    assert_close(torch.diag_embed(q.std**2), exact.covariance_matrix.expand(7, -1, -1))
    rebuilt = (x - b - q.mean @ W.T).square().sum(1) + (q.std**2 * (W**2).sum(0)).sum(1)
    bound = -rebuilt / (2 * NOISE**2) - D * math.log(NOISE * math.sqrt(2 * math.pi))
    bound = bound - (q.mean**2 + q.std**2 - 1 - 2 * q.std.log()).sum(1) / 2
    assert (bound - truth).abs().max() < 1e-8
    assert (model.log_weight(x, generator=generator) - truth).abs().max() < 1e-8
    for n in range(3):
        draws = model.elbo(x[n].expand(20_000, -1), generator=generator).detach()
        assert draws.std() > 0.1, "vacuous"
        assert_mean(draws, truth[n].item(), detects=0.15)


@pytest.mark.equation("linear-encoder")
def test_no_diagonal_encoder_does_better(generator):
    """Autograd: the exact bound is stationary there, also if columns are not orthogonal.

    Kills: deviations of the posterior's marginals, which are too wide.
    """
    W = orthogonal(generator)
    W[:, 1] += W[:, 0]
    b, x = some(generator)
    q = linear_vae(W, b, noise=NOISE).posterior(x)
    mean, log_std = q.mean.detach().requires_grad_(), q.std.detach().log().requires_grad_()
    rebuilt = (x - b - mean @ W.T).square().sum() + ((2 * log_std).exp() * (W**2).sum(0)).sum()
    kl = (mean**2 + (2 * log_std).exp() - 1 - 2 * log_std).sum() / 2
    gradients = torch.autograd.grad(-rebuilt / (2 * NOISE**2) - kl, [mean, log_std])
    for gradient in gradients:
        assert gradient.abs().max() < 1e-9
    marginals = posterior(W, b, x).covariance_matrix.diagonal(dim1=-2, dim2=-1).sqrt()
    assert (q.std < marginals - 1e-3).all(), "vacuous: no correlation"


@pytest.mark.equation("diagonal-gap")
@pytest.mark.parametrize("noise", [0.1, 0.7, 3.0])
def test_the_gap_is_the_divergence_from_the_posterior(noise, generator):
    """Against torch's KL of two normal laws. Kills: a lost half, the trace term, σ for σ²."""
    W = torch.randn(D, 3, generator=generator)
    P = W.T @ W + noise**2 * torch.eye(3)
    exact = MultivariateNormal(torch.zeros(3), precision_matrix=P / noise**2)
    model = linear_vae(W, torch.zeros(D), noise=noise)
    std = model.posterior(torch.zeros(1, D)).std[0].detach()
    q = MultivariateNormal(torch.zeros(3), scale_tril=torch.diag(std))
    gap = diagonal_gap(W, noise=noise)
    assert gap == pytest.approx(kl_divergence(q, exact).item(), rel=1e-9)
    assert gap > 1e-3
    assert diagonal_gap(orthogonal(generator), noise=noise) == pytest.approx(0, abs=1e-12)


def test_samples_have_the_marginal_covariance(generator):
    """Kills: noise of the wrong size."""
    W = orthogonal(generator)
    x = linear_vae(W, torch.ones(D), noise=NOISE).sample(40_000, generator=generator)
    S = marginal(W, torch.ones(D)).covariance_matrix
    for d in range(D):
        assert_mean((x[:, d] - 1) ** 2, S[d, d].item(), detects=0.25)
        assert_mean(x[:, d], 1.0, detects=0.15)


def test_the_callers_weights_are_not_kept(generator):
    """Kills: a decoder that shares memory with W."""
    W, b = orthogonal(generator), torch.zeros(D)
    model = linear_vae(W, b, noise=NOISE)
    before = model.decode(torch.ones(1, M)).detach().clone()
    W.zero_()
    b.fill_(9)
    assert torch.equal(model.decode(torch.ones(1, M)), before)


@pytest.mark.parametrize(
    ("W", "b", "noise", "word"),
    [
        (torch.ones(D, M), torch.ones(D + 1), 1.0, "b: expected shape"),
        (torch.ones(D, M), torch.ones(D), 0.0, "noise: expected"),
        (torch.ones(D, M), torch.ones(D), -1.0, "noise: expected"),
        (torch.full((D, M), torch.nan), torch.ones(D), 1.0, "W: expected finite"),
        (torch.ones(D, M).long(), torch.ones(D), 1.0, "W: expected a floating"),
    ],
)
def test_impossible_weights_are_refused(W, b, noise, word):
    with pytest.raises((ValueError, TypeError), match=word):
        linear_vae(W, b, noise=noise)
    if word[0] != "b":
        with pytest.raises((ValueError, TypeError), match=word):
            diagonal_gap(W, noise=noise)


def test_more_latent_variables_than_dimensions_is_no_trouble():
    """W of 2 × 3: P is invertible, whatever W is, since σ > 0."""
    model = linear_vae(torch.zeros(2, 3), torch.zeros(2), noise=1.0)
    x = torch.zeros(1, 2)
    truth = MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(x)
    assert_close(model.log_weight(x, generator=seeded(0)), truth)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lean", [1e-3, 1e-6, 1e-9])
def test_the_gap_of_nearly_orthogonal_columns(lean, dtype):
    """½ log(1 / (1 - ρ²)), never below 0. Kills: a difference of two logarithms."""
    W = torch.tensor([[1.0, lean], [0.0, 1.0]], dtype=dtype)
    rho_square = lean**2 / (1.25 * (1.25 + lean**2))
    assert diagonal_gap(W, noise=0.5) == pytest.approx(
        -math.log1p(-rho_square) / 2, rel=1e-6, abs=0
    )


def test_columns_nearly_alike_in_single_precision():
    """Kills: WᵀW + σ²I in float32, where σ² is lost: off by half, or singular."""
    W = torch.tensor([[1.0, 1.0], [1.0, 1.001], [0.0, 0.001]])
    single = linear_vae(W.float(), torch.ones(3).float(), noise=1e-4)
    double = linear_vae(W.float().double(), torch.ones(3), noise=1e-4)
    for name, weights in double.state_dict().items():
        assert_close(single.state_dict()[name].double(), weights, rtol=1e-5, atol=1e-6)

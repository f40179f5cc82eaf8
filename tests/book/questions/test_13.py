"""Answers to the questions of chapter 13, computed."""

import math

import pytest
import torch

from coursepkg.models.autoencoders import (
    ICA,
    PPCA,
    Bimodal,
    LinearAutoencoder,
    Normal,
    Sech,
    amari_distance,
    principal_angles,
    principal_axes,
    stability,
)
from coursepkg.rng import seeded
from tools.questions import marked, options

EIGENVALUES = torch.tensor([5.0, 3.0, 1.5, 0.5])


def cross() -> torch.Tensor:
    """Eight points of mean 0 whose covariance has the eigenvalues of the question."""
    return torch.cat([side * torch.diag((4 * EIGENVALUES).sqrt()) for side in (1, -1)])


@pytest.mark.question("q-13-error")
def test_least_error():
    """The reconstruction with the two leading axes. Kills: what is kept, 8."""
    x = cross()
    axes = principal_axes(x).axes[:2]
    error = (x - x @ axes.T @ axes).square().sum(1).mean().item()
    assert marked("q-13-error") == pytest.approx(error)


@pytest.mark.question("q-13-noise")
def test_noise():
    """Kills: the sum of what is left, the mean of all."""
    variance = PPCA(1, dim=4).fit(cross()).variance.item()
    assert marked("q-13-noise") == pytest.approx(variance, abs=0.001)


@pytest.mark.question("q-13-code")
def test_only_the_plane_is_determined():
    """Columns of an optimum mixed by a matrix: same loss, same plane, not orthogonal."""
    x = cross()
    G = principal_axes(x).axes[:3].T
    A = torch.randn(3, 3, generator=seeded(0))
    losses = []
    for decoder, encoder in ((G, G.T), (G @ A, torch.linalg.inv(A) @ G.T)):
        model = LinearAutoencoder(3, mean=torch.zeros(4), generator=seeded(1))
        with torch.no_grad():
            model.G.copy_(decoder)
            model.W.copy_(encoder)
        losses.append(model.loss(x, generator=seeded(0)).mean().item())
    skew = (model.G.T @ model.G).detach()
    assert (skew - torch.diag(skew.diagonal())).abs().max() > 0.1
    true = [
        losses[1] > losses[0] + 1e-9,
        principal_angles(model.G.detach(), G).max().item() > 1e-6,
        losses[1] == pytest.approx(losses[0]),
    ]
    right = [text for text, so in zip(options("q-13-code"), true, strict=True) if so]
    assert right == [marked("q-13-code")]


@pytest.mark.question("q-13-posterior")
def test_posterior_mean():
    model = PPCA(1, dim=2).set(mean=torch.zeros(2), G=torch.tensor([[2.0], [0.0]]), variance=1.0)
    mean = model.posterior(torch.tensor([[5.0, 7.0]])).mean.item()
    assert marked("q-13-posterior") == pytest.approx(mean)


@pytest.mark.question("q-13-likelihood")
def test_log_density_at_zero():
    """Kills: log det with the other sign, one normaliser for two sources."""
    ica = ICA(2, prior=Sech(), generator=seeded(0))
    ica.W.copy_(torch.diag(torch.tensor([2.0, 3.0])))
    log_p = ica.log_prob(torch.zeros(1, 2)).item()
    assert log_p == pytest.approx(math.log(6 / math.pi**2))
    assert marked("q-13-likelihood") == pytest.approx(log_p, abs=0.0005)


@pytest.mark.question("q-13-law")
def test_laws_for_uniform_sources():
    """Stable, and learned: ten sources are found under the flat law alone."""
    s = torch.rand(4000, 10, generator=seeded(0))
    G = torch.randn(10, 10, generator=seeded(1))
    true = []
    for law in (Normal(), Sech(), Bimodal()):
        ica = ICA(10, prior=law, epochs=40, generator=seeded(2)).fit(s @ G.T)
        true.append(amari_distance(ica.W, G) < 0.05)
        kappa = stability(law, s - s.mean(0))
        assert (kappa > 1e-6).all() == true[-1]
    right = [text for text, so in zip(options("q-13-law"), true, strict=True) if so]
    assert right == [marked("q-13-law")]

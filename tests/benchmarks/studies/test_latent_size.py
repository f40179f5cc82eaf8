"""The studies of the VAE: latent size, price of the rate, collapse, features."""

import json

import pytest
import torch

from benchmarks.studies import collapse, latent_size, rate_distortion, vae_features
from benchmarks.studies.latent_size import measured, pca_error
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.autoencoders.linear_gaussian import linear_vae
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

QUICK = ("--seeds", 1, "--epochs", 1)


def test_rate_distortion_and_bound_of_a_model_that_is_known(generator):
    """A linear model at its posterior, where distortion + rate is -log p. Kills: a sign, a sum."""
    W = torch.linalg.qr(torch.randn(6, 3, generator=generator))[0] * torch.tensor([3.0, 1.0, 0.05])
    model = linear_vae(W, torch.zeros(6), noise=0.5)
    x = model.sample(200, generator=generator)
    law = torch.distributions.MultivariateNormal(torch.zeros(6), W @ W.T + 0.25 * torch.eye(6))
    found, truth = measured(model, x), -law.log_prob(x).mean().item()
    assert found["distortion"] + found["rate"] == pytest.approx(truth, abs=0.1)
    assert found["bound"] == pytest.approx(truth, abs=1e-6)
    assert found["used"] == 2
    assert found["error"] == pytest.approx((model.reconstruct(x) - x).square().mean().item())
    assert found["rate"] == pytest.approx(model.posterior(x).kl(
        model.posterior(x)._replace(mean=torch.zeros(200, 3), std=torch.ones(200, 3))
    ).sum(1).mean().item())  # fmt: skip


def test_components_rebuild_what_they_span(generator):
    """Kills: components of the other images, a sum for a mean."""
    basis = torch.randn(2, 5, generator=generator)
    train, x = (torch.randn(n, 2, generator=generator) @ basis + 3 for n in (50, 20))
    assert pca_error(train, x, 2) == pytest.approx(0, abs=1e-12)
    assert pca_error(train, x, 1) > 0.01


@pytest.mark.slow
def test_each_study_writes_a_row_for_each_setting(tmp_path, float32):
    for study, arguments, name, column in (
        (latent_size, (2, 3), "latent_size", "latent"),
        (rate_distortion, (0.5, 2), "rate_distortion", "beta"),
        (collapse, (), "collapse", "loss"),
    ):
        result = invoke(study.main, *arguments, *QUICK, "--out", tmp_path)
        assert result.exit_code == 0, result.output
        rows = json.loads((tmp_path / f"{name}.json").read_text())["rows"]
        settings = [row[column] for row in rows]
        assert settings == list(arguments) or settings == ["plain", "warm-up", "free nats"]
    result = invoke(vae_features.main, 30, "--splits", 2, "--epochs", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "vae_features.json").read_text())["rows"]
    assert [row["features"] for row in rows] == ["pixels", "PCA", "RBM", "VAE"]
    assert rows[0]["gain"] == 0
    assert all(0.1 < row["accuracy"] < 1 for row in rows)


def test_bounds_of_the_collapse_are_of_the_validation_images(float32):
    """Kills: a bound on the training images, weights that are not averaged."""
    from coursepkg.data.digits import Split, load_split

    split = load_split()
    few = Split(split.train[:20], split.valid[:10], split.test[:10])
    model = collapse.causal(few, seeded(0)).eval()
    found = collapse.measured(model, few)
    bound = nats(ImportanceBound(model, 16), few.valid, generator=seeded(0)).value
    assert found["bound"] == pytest.approx(bound)
    assert found["rate"] == pytest.approx(0, abs=1e-6)  # the encoder starts at the prior
    assert found["used"] == 0

import json
import math

import pytest
import torch
from torch.distributions import Normal

from benchmarks.studies import evidence
from benchmarks.studies.evidence import NOISE, legendre, polynomial
from coursepkg.bayes.regression import ridge
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_posterior_mean_is_ridge_with_the_noise_as_its_only_doubt():
    """Kills: the whole predictive's width beside the posterior mean, points seen twice."""
    generator = seeded(3)
    x, x_new = torch.linspace(-1, 1, 16), 2 * torch.rand(2000, generator=generator) - 1
    noise = torch.randn(16, generator=generator), torch.randn(2000, generator=generator)
    y, y_new = (2.5 * v**3 - 1.2 * v + NOISE * e for v, e in zip((x, x_new), noise, strict=True))
    w = ridge(legendre(x, 15), y, penalty=NOISE**2)
    expected = Normal(legendre(x_new, 15) @ w, NOISE).log_prob(y_new).mean().item()
    assert polynomial(3)["posterior mean"] == pytest.approx(expected)


def test_every_number_has_its_spread_over_all_seeds(tmp_path):
    result = invoke(evidence.main, "--data-sets", 3, "--splits", 2, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "evidence.json").read_text())
    assert written["provenance"]["threads"] == 1
    rows = {row["what"]: row for row in written["rows"]}
    assert len(rows["degree"]["values"]) == 3
    assert len(rows["nats lost"]["values"]) == 2
    for row in rows.values():
        assert row["least"] <= row["mean"] <= row["most"]
        assert row["sd"] > 0 or row["what"] == "degree"
    assert min(rows["nats lost"]["values"]) >= 0
    whole, point = (rows[what]["mean"] for what in ("whole predictive", "posterior mean"))
    assert -math.inf < rows["least squares"]["mean"] < point < whole

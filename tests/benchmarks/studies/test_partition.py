"""What `partition` and `estimators` measure is what they say."""

import json

import pytest
import torch

from benchmarks.studies import estimators, partition
from benchmarks.studies.estimators import Rows, boltzmann, fit, gaussian
from coursepkg.enumeration import Normalised
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke
from tests.statistics import assert_mean


@pytest.fixture
def small(monkeypatch):
    """Few chains, and fits to few examples in few steps."""
    monkeypatch.setattr(partition, "CHAINS", 20)
    for name, value in (("EXAMPLES", 60), ("CHAINS", 20), ("STEPS", 4), ("ITERATIONS", 3)):
        monkeypatch.setattr(estimators, name, value)


def test_cold_is_the_same_energy_times_beta(generator):
    rbm = RBM(5, 3, generator=generator, scale=1.0)
    rbm.b.data.normal_(generator=generator)
    v = torch.bernoulli(torch.full((7, 5), 0.5), generator=generator)
    h = torch.bernoulli(torch.full((7, 3), 0.5), generator=generator)
    torch.testing.assert_close(partition.cold(rbm, 3.0).energy(v, h), 3 * rbm.energy(v, h))


def test_each_method_brackets_or_hits_the_truth(generator):
    """On a machine of 6 units, where all three are as good as exact."""
    rbm = RBM(4, 2, generator=generator, scale=1.0)
    rows = partition.measure("tiny", RBMPath(rbm), largest=100, repeats=3)
    assert [row["method"] for row in rows] == 3 * ["AIS", "reverse AIS", "bridge"]
    assert [row["T"] for row in rows] == [1, 1, 1, 10, 10, 10, 100, 100, 100]
    for row in rows[6:]:
        assert row["exact"] == pytest.approx(rbm.log_z().item())
        assert abs(row["log_Z"] - row["exact"]) < 6 * row["error"] + 1e-9
        assert abs(row["bias"]) < 0.05
        assert 0 < row["error"] < 0.05
        assert 0 < row["spread"] < 0.05


@pytest.mark.parametrize("family", [boltzmann, gaussian])
def test_families_know_their_truth(family):
    """Draws follow it, the distance is zero there and nowhere else."""
    law = family()
    assert law.distance(law.truth) == pytest.approx(0, abs=1e-9)
    assert law.distance(law.start()) > 0.1
    x = law.draw(20_000, generator=seeded(0))
    log_p = Normalised(law.truth).log_prob(x).detach()
    again = law.draw(20_000, generator=seeded(1))
    assert_mean(log_p - Normalised(law.truth).log_prob(again).detach(), 0.0, detects=0.3)
    gap = log_p - Normalised(law.start()).log_prob(x).detach()
    assert_mean(gap, law.distance(law.start()), detects=0.3)


@pytest.mark.parametrize("family", [boltzmann, gaussian])
def test_fit_reaches_the_maximum_of_the_likelihood(family):
    """The gradient there is zero. Kills: an optimiser that stops early."""
    law = family()
    x, model = law.draw(500, generator=seeded(0)), law.start()
    objective = ExactLikelihood(model)
    fit(objective, x, step_size=law.step_size, seed=0)
    slopes = torch.autograd.grad(
        objective.loss(x, generator=seeded(0)).mean(), list(model.parameters())
    )
    assert max(slope.abs().max().item() for slope in slopes) < 1e-3


@pytest.mark.slow
def test_contrastive_divergence_is_slow_on_the_gaussian_and_not_biased(monkeypatch):
    """Its gradient, from 200,000 draws: none at the truth, and a small part of the exact one away.

    Of 14 means at the truth none is farther from 0 than seven standard errors (1e-10).
    """
    monkeypatch.setattr(estimators, "CHAINS", 200_000)
    law = gaussian()
    x = law.draw(200_000, generator=seeded(0))

    def slopes(name, model):
        loss = law.objectives[name](model, x).loss(x, generator=seeded(1)).mean()
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])

    away = law.start()
    cd, exact = slopes("CD-1", away), slopes("maximum likelihood", away)
    assert 0.02 < cd.norm() / exact.norm() < 0.5
    assert torch.cosine_similarity(cd, exact, dim=0) > 0.8
    assert slopes("CD-1", law.truth).abs().max() < 0.03 < cd.abs().max() / 3


@pytest.mark.slow
def test_steps_that_stop_early_are_what_beats_the_maximum():
    """With the exact gradient too: on three data sets the steps are nearer to the truth."""
    law, gained = boltzmann(), []
    for seed in range(3):
        x = law.draw(1000, generator=seeded(100 + seed))
        models = [law.start(), law.start()]
        fit(ExactLikelihood(models[0]), x, step_size=2.0, seed=seed)
        estimators.descend(ExactLikelihood(models[1]), x, step_size=2.0, seed=seed)
        gained.append(law.distance(models[0]) - law.distance(models[1]))
    assert sum(gained) / 3 > 0.0005


def test_rows_are_drawn_from_the_data(generator):
    x = torch.arange(5.0)[:, None]
    drawn = Rows(x).sample(1000, generator=generator)
    assert set(drawn.flatten().tolist()) == set(range(5))
    assert drawn.shape == (1000, 1)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_every_machine_and_method_has_its_rows(tmp_path):
    arguments = ["--largest", 1, "--repeats", 2, "--epochs", 1, "--out", tmp_path]
    ran = invoke(partition.main, *arguments)
    assert ran.exit_code == 0, ran.output
    rows = json.loads((tmp_path / "partition.json").read_text())["rows"]
    assert len(rows) == 9
    assert {row["machine"] for row in rows} == {"10 hidden", "10 hidden, cold", "20 hidden"}
    assert "bridge" in ran.output


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_every_estimator_has_its_row(tmp_path):
    ran = invoke(estimators.main, "--fits", 2, "--out", tmp_path)
    assert ran.exit_code == 0, ran.output
    rows = json.loads((tmp_path / "estimators.json").read_text())["rows"]
    assert {row["family"] for row in rows} == {"Boltzmann machine", "Gaussian"}
    for row in rows:
        assert row["kl"] > 0
        assert (row["estimator"] == "maximum likelihood") <= (row["excess"] == 0)

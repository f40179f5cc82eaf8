"""What the race of samplers measures is what it says; the numbers themselves are not tested."""

import json
import runpy
import sys

import pytest
import torch
from torch.distributions import MultivariateNormal

from benchmarks.speed import chains, peers, samplers
from benchmarks.speed.chains import Plan, Setting, banana, gaussian, half_accepted, normal
from benchmarks.speed.samplers import ours
from coursepkg.data.toy import Banana
from coursepkg.samplers.metropolis import RandomWalk
from tests.benchmarks.invoke import invoke
from tests.statistics import assert_mean


@pytest.fixture
def few(monkeypatch):
    """Few chains and short blocks."""
    monkeypatch.setattr(chains, "BLOCK", 10)
    return normal(3)._replace(chains=64)


def laws():
    target = gaussian(4)
    yield banana(), Banana().log_prob
    yield target, MultivariateNormal(torch.zeros(4), target.covariance).log_prob
    yield normal(3), MultivariateNormal(torch.zeros(3), torch.eye(3)).log_prob


def test_densities_are_those_of_the_laws_that_they_name(generator):
    """Up to one constant. Kills: a covariance for a precision, axes as rows."""
    for target, log_prob in laws():
        x = 3 * torch.randn(50, len(target.axes), generator=generator)
        difference = target.log_density(x) - log_prob(x)
        torch.testing.assert_close(difference, difference[:1].expand(50))


def test_starts_are_exact_draws_with_the_variances_that_are_claimed():
    for target, _ in laws():
        x = target._replace(chains=20_000).start() @ target.axes
        for d, variance in enumerate(target.variances.tolist()):
            assert_mean(x[:, d].square(), variance, detects=variance)
            assert_mean(x[:, d], 0.0, detects=variance**0.5 / 10)


def test_the_gaussian_has_its_condition_number_and_no_axis_is_a_coordinate():
    target = gaussian()
    values = torch.linalg.eigvalsh(target.covariance)
    assert (values[-1] / values[0]).item() == pytest.approx(100)
    assert target.axes.abs().max() < 0.7


def test_bisection_finds_the_step_that_is_accepted_half_of_the_time(few):
    sampler = ours(lambda s: RandomWalk(few.log_density, s.step_size))
    step_size = half_accepted(sampler, few)
    ran = sampler(Setting(step_size), Plan(few.start(), 200, 1, 5))
    assert ran.acceptance == pytest.approx(0.5, abs=0.08)


def test_a_chain_that_only_flips_its_sign_is_worth_its_start(few):
    """Its means are perfect. Kills: effective draws of the bulk alone."""
    x, sign = few.start(), (-1.0) ** torch.arange(100)
    flipping = sign[:, None, None] * x
    assert chains.ess_bulk(flipping).min() > 6400
    assert chains.effective(flipping, few) < 1000


def test_the_best_setting_is_the_fastest_one(few, monkeypatch):
    """A sampler whose worth we know. Kills: the smallest score."""
    monkeypatch.setattr(chains, "effective", lambda draws, target: draws[0, 0, 0].item())

    def sampler(setting, plan):
        worth = -((setting.length - 8) ** 2) - abs(setting.step_size - 0.7)
        draws = torch.full((plan.steps, few.chains, 3), worth)
        return chains.Run(draws, 1.0, 0.5, 1.0)

    setting = chains.tune(sampler, few, half=1.0, lengths=(4, 8, 16), pilot=1.0)
    assert setting == Setting(0.7, 8)


@pytest.mark.slow
def test_the_command_writes_a_row_for_each_of_our_kernels(tmp_path, monkeypatch):
    monkeypatch.setattr(chains, "BLOCK", 10)
    monkeypatch.setattr(samplers, "LENGTHS", (2, 4))
    monkeypatch.setattr(samplers, "banana", lambda: banana()._replace(chains=16))
    monkeypatch.setattr(samplers, "gaussian", lambda: gaussian(3)._replace(chains=16))
    result = invoke(samplers.main, 2, "--budget", 0.01, "--out", tmp_path, "--no-peers")
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "samplers.json").read_text())
    ours_only = ["random walk", "MALA", "HMC"]
    names = [row["sampler"] for row in written["rows"]]
    assert names == [*ours_only, *ours_only, "Gibbs", *ours_only]
    assert written["provenance"]["threads"] == 1
    for row in written["rows"]:
        assert row["ess_per_second"] == pytest.approx(row["ess"] / row["cpu_seconds"])


# peers


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_peers_have_the_same_densities_and_come_back_with_draws(monkeypatch):
    """Kills: a target that is easier for one of the libraries, thinning that drops a block."""
    if peers.MISSING:
        pytest.skip(f"{peers.MISSING} is not installed")
    monkeypatch.setattr(peers, "BLOCK", 10)
    for target, _ in laws():
        x = target.start()
        for numpy in (peers.np, peers.jnp):
            theirs = torch.tensor(peers.density(target, numpy)(numpy.asarray(x.numpy())).tolist())
            torch.testing.assert_close(theirs, target.log_density(x))
    target = normal(2)._replace(chains=32)
    unit, plan = peers.jnp.ones(2), Plan(target.start(), 40, 2, 0)
    hmc = peers.compiled(target, lambda f, e, n: peers.blackjax.hmc(f, e, unit, n))
    for sampler, setting in ((hmc, Setting(0.5, 3)), (peers.stretch(target), Setting())):
        ran = sampler(setting, plan)
        assert ran.draws.shape == (20, 32, 2)
        assert ran.draws.dtype == torch.float64
        assert 0.3 < ran.acceptance <= 1
        assert ran.evaluations == setting.length
        assert (ran.draws[1:] != ran.draws[:-1]).any()


def test_without_the_peers_the_message_says_what_to_do(tmp_path, monkeypatch):
    """Before anything is measured."""
    monkeypatch.setattr(peers, "MISSING", "blackjax")
    monkeypatch.setattr(samplers, "measure_ours", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(SystemExit, match=r"blackjax is not installed.*--no-peers"):
        samplers.main(out=tmp_path)


def test_a_peer_that_is_not_there_is_named(monkeypatch):
    """Kills: a module that cannot be imported without them."""
    monkeypatch.setitem(sys.modules, "blackjax", None)
    monkeypatch.delitem(sys.modules, "benchmarks.speed.peers")
    assert runpy.run_module("benchmarks.speed.peers")["MISSING"] == "blackjax"

import pytest
import torch
from torch.distributions import Normal

from coursepkg.rng import seeded
from coursepkg.samplers.langevin import MALA, UnadjustedLangevin, unadjusted_covariance
from coursepkg.samplers.run import run
from tests.coursepkg.samplers.laws import EXACT, comes_home, gaussian, same_law, stays, targets

TARGETS = dict(targets())


@pytest.mark.equation("mh-ratio")
@pytest.mark.parametrize("name", TARGETS)
def test_mala_keeps_its_target(name, generator):
    """Kills: no correction, a correction for a symmetric proposal, noise of the wrong size."""
    stays(MALA(TARGETS[name].log_prob, 0.3), TARGETS[name], generator=generator)


@pytest.mark.parametrize("name", TARGETS)
def test_mala_comes_home(name, generator):
    """Kills: a kernel that never moves, a drift downhill."""
    law = TARGETS[name]
    comes_home(MALA(law.log_prob, 0.25), law, steps=150, generator=generator)


def test_mala_keeps_its_target_in_single_precision(generator):
    law = TARGETS["two modes"]
    stays(MALA(law.log_prob, 0.3), law, generator=generator, dtype=torch.float32)


@pytest.mark.equation("langevin-step")
@pytest.mark.parametrize("step_size", [0.03, 0.5, 1.7])
def test_a_step_is_the_score_and_noise_of_twice_the_step(step_size):
    """Against its own noise. Kills: √η and 2η for √(2η), half a drift, downhill, noise of MALA."""
    x = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.0, -1.5]]).double()
    variance = torch.tensor([1.0, 4.0, 0.5]).double()

    def log_density(x):
        return -(x.square() / variance).sum(1) / 2

    noise = torch.randn(x.shape, generator=seeded(5), dtype=x.dtype)
    expected = x - step_size * x / variance + (2 * step_size) ** 0.5 * noise
    kernel = UnadjustedLangevin(log_density, step_size)
    state, info = kernel.step(kernel.init(x), generator=seeded(5))
    assert info.moved.all()
    torch.testing.assert_close(state.x, expected)
    adjusted = MALA(log_density, step_size)
    state, info = adjusted.step(adjusted.init(x), generator=seeded(5))
    torch.testing.assert_close(state.x, torch.where(info.moved[:, None], expected, x))
    assert step_size > 0.03 or info.moved.all()


@pytest.mark.equation("mh-ratio")
def test_the_log_ratio_is_that_of_two_normal_proposals(generator):
    """Kills: 2ε for 4ε in the proposal's density, the two directions exchanged."""
    law, step_size = TARGETS["banana"], 0.2
    kernel = MALA(law.log_prob, step_size)
    old = kernel.init(law.sample(1000, generator=generator))
    new, info = kernel.step(old, generator=generator)

    def log_q(after, before):
        q = Normal(before.x + step_size * before.score, (2 * step_size) ** 0.5)
        return q.log_prob(after.x).sum(1)

    expected = law.log_prob(new.x) - law.log_prob(old.x) + log_q(old, new) - log_q(new, old)
    assert info.moved.sum() > 300
    torch.testing.assert_close(info.log_ratio[info.moved], expected[info.moved])


COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 0.8]]).double()
MEAN = torch.tensor([1.0, -2.0]).double()


@pytest.mark.equation("ula-covariance")
@pytest.mark.parametrize("step_size", [0.01, 0.2, 0.5])
def test_the_closed_form_is_the_fixed_point_of_one_step(step_size):
    """S = A S Aᵀ + 2εI, iterated from nothing. Kills: ε for ε/2, Σ for Σ⁻¹, axes on one side."""
    drift = torch.eye(2) - step_size * torch.linalg.inv(COVARIANCE)
    S = torch.zeros(2, 2)
    for _ in range(5000):
        S = drift @ S @ drift.T + 2 * step_size * torch.eye(2)
    torch.testing.assert_close(unadjusted_covariance(COVARIANCE, step_size=step_size), S)


@pytest.mark.equation("ula-covariance")
def test_on_a_line_the_variance_is_too_large_by_a_known_factor():
    result = unadjusted_covariance(torch.tensor([[4.0]]), step_size=2.0)
    torch.testing.assert_close(result, torch.tensor([[4 / (1 - 2 / 8)]]))


@pytest.mark.equation("ula-covariance")
def test_the_unadjusted_chain_keeps_the_law_with_its_bias_and_not_its_target(generator):
    """Kills: noise of √ε, half a drift; and the claim that the bias cannot be seen."""
    step_size = 0.3
    target = gaussian(COVARIANCE, MEAN, far=[8.0, 8.0])
    biased = gaussian(unadjusted_covariance(COVARIANCE, step_size=step_size), MEAN, far=[8.0, 8.0])
    kernel = UnadjustedLangevin(target.log_prob, step_size)
    stays(kernel, biased, generator=generator)
    comes_home(kernel, biased, steps=60, generator=generator)
    x = target.sample(EXACT, generator=generator)
    with pytest.raises(AssertionError, match="KS distance"):
        same_law(run(kernel, x, steps=1, generator=generator).x[0], target, detects=0.0125)


def test_beyond_the_largest_step_there_is_no_law_and_the_chain_runs_away(generator):
    """Kills: a limit of λ instead of 2λ, the largest variance for the smallest."""
    limit = 2 * torch.linalg.eigvalsh(COVARIANCE)[0].item()
    assert unadjusted_covariance(COVARIANCE, step_size=0.99 * limit).isfinite().all()
    with pytest.raises(ValueError, match="twice the smallest variance"):
        unadjusted_covariance(COVARIANCE, step_size=limit)
    target = gaussian(COVARIANCE, MEAN, far=[])
    ends = [
        run(UnadjustedLangevin(target.log_prob, step_size), torch.ones(50, 2), steps=400,
            generator=generator).x[-1].abs().max()
        for step_size in (0.95 * limit, 1.1 * limit)
    ]  # fmt: skip
    assert ends[0] < 30
    assert ends[1] > 1e6


@pytest.mark.parametrize("step_size", [0.0, -1.0])
def test_a_step_size_that_is_none_has_no_covariance(step_size):
    with pytest.raises(ValueError, match="step_size"):
        unadjusted_covariance(COVARIANCE, step_size=step_size)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_bias_of_variances_far_apart(dtype):
    """Two axes, turned: 1 and 1e-6. Kills: eigenvalues in single precision."""
    covariance = torch.tensor([[1.0, 0.5], [0.5, 0.25 + 2.0**-20]], dtype=dtype)
    least = torch.linalg.eigvalsh(covariance.double())[0].item()
    step_size = 1.9 * least  # close to the limit, where the short axis is widened twentyfold
    ours = unadjusted_covariance(covariance, step_size=step_size)
    exact = covariance.double()
    eye = torch.eye(2, dtype=torch.float64)
    expected = torch.linalg.solve(eye - step_size / 2 * torch.linalg.inv(exact), exact)
    torch.testing.assert_close(ours, expected.to(dtype), rtol=3e-7, atol=0)
    with pytest.raises(ValueError, match="twice the smallest variance"):
        unadjusted_covariance(covariance, step_size=2.001 * least)

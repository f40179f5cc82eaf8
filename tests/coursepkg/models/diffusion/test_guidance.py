"""Guidance where both laws are known: a classifier that is right turns one guess into the other."""

import pytest
import torch

from coursepkg.models.diffusion import (
    LinearSchedule,
    MixtureGuess,
    ProbabilityFlow,
    classifier_free,
    classifier_guided,
    signal_at,
)
from coursepkg.models.flows import Continuous
from coursepkg.models.mixtures import GaussianMixture
from coursepkg.rng import seeded
from tests.coursepkg.models.diffusion.mixtures import normal, on_the_line, slope


def two() -> tuple[MixtureGuess, MixtureGuess]:
    """x of both classes, and of the second."""
    law = GaussianMixture(2, dim=2, generator=seeded(0)).double()
    law.log_weights.copy_(torch.tensor([0.4, 0.6]).log())
    law.means.copy_(torch.tensor([[1.0, 0.0], [-0.5, 1.0]]))
    law.scale_tril.mul_(torch.tensor([0.5, 0.8])[:, None, None])
    one = GaussianMixture(1, dim=2, generator=seeded(0)).double()
    one.means.copy_(law.means[1:])
    one.scale_tril.copy_(law.scale_tril[1:])
    return MixtureGuess(law), MixtureGuess(one)


def places() -> tuple[torch.Tensor, torch.Tensor]:
    z = torch.randn(6, 2, generator=seeded(1), dtype=torch.float64)
    return z, torch.tensor([-3.0, -1.0, 0.0, 1.0, 2.0, 4.0], dtype=torch.float64)


@pytest.mark.equation("classifier-guidance")
@pytest.mark.equation("classifier-free-guidance")
def test_a_right_classifier_gives_the_classes_own_guess():
    """By Bayes.   Kills: σ² / α inverted, σ for σ², the sign of the slope, w forgotten."""
    both, one = two()
    z, log_snr = places()

    def log_p(z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        return one.log_prob(z, log_snr) - both.log_prob(z, log_snr)  # + log 0.6

    guided = classifier_guided(both, log_p, weight=1.0)(z, log_snr)
    torch.testing.assert_close(guided, one(z, log_snr))
    twice = classifier_guided(both, log_p, weight=2.0)(z, log_snr)
    torch.testing.assert_close(twice, classifier_free(one, both, weight=2.0)(z, log_snr))


@pytest.mark.equation("classifier-free-guidance")
def test_weights_of_nothing_and_of_one():
    """Kills: 1 + w in place of w, the two guesses exchanged."""
    both, one = two()
    z, log_snr = places()
    torch.testing.assert_close(classifier_free(one, both, weight=0.0)(z, log_snr), both(z, log_snr))
    torch.testing.assert_close(classifier_free(one, both, weight=1.0)(z, log_snr), one(z, log_snr))
    expected = 3 * one(z, log_snr) - 2 * both(z, log_snr)
    torch.testing.assert_close(classifier_free(one, both, weight=3.0)(z, log_snr), expected)


@pytest.mark.equation("classifier-guidance")
def test_the_score_is_that_of_the_tilted_law_at_each_level():
    """∇ log q(z) + w ∇ log p(c | z), by autograd, for any w.   Kills: w², 1 - w."""
    both, one = two()
    z, log_snr = places()

    def log_p(z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        return one.log_prob(z, log_snr) - both.log_prob(z, log_snr)

    def tilted(at: torch.Tensor) -> torch.Tensor:
        return (both.log_prob(at, log_snr) + 2.5 * log_p(at, log_snr)).sum()

    guided = classifier_guided(both, log_p, weight=2.5)(z, log_snr)
    found = signal_at(log_snr).score(z, guided)
    torch.testing.assert_close(found, slope(tilted, z).detach())


@pytest.mark.equation("guided-normal")
@pytest.mark.parametrize(("s", "w", "m"), [(0.5, 3.0, 0.0), (0.7, 2.0, 1.0), (1.3, 1.5, -0.4)])
def test_guided_flow_between_two_normal_laws(s, w, m):
    """p(x) = N(0, 1), p(x | c) = N(m, s²): the flow is linear, and stretches z by s^w.

    Kills: s^(2w), the spread of the tilted law.
    """
    guided = classifier_free(on_the_line(m, s), on_the_line(0.0, 1.0), weight=w)
    flow = Continuous(
        ProbabilityFlow(guided, LinearSchedule(most=16.0, least=-16.0)), dim=1, steps=300
    )
    ends = flow.decode(torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64))[:, 0]
    stretched = s**w
    torch.testing.assert_close((ends[2] - ends[0]).item() / 2, stretched, rtol=1e-3, atol=0)
    torch.testing.assert_close((ends[2] - ends[1]).item(), stretched, rtol=1e-3, atol=0)
    precision = 1 - w + w / s**2  # of p(x) p(c | x)^w
    assert abs(stretched - precision**-0.5) > 0.04


def test_with_equal_spreads_the_guided_law_is_the_tilted_one():
    """N(w m, I), in two dimensions.   Kills: a shift that forgets w."""
    m, unit = torch.tensor([0.5, -1.0], dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    one, both = (MixtureGuess(normal(mean, unit)) for mean in (m, 0 * m))
    guided = classifier_free(one, both, weight=3.0)
    flow = Continuous(
        ProbabilityFlow(guided, LinearSchedule(most=16.0, least=-16.0)), dim=2, steps=300
    )
    z = torch.randn(4, 2, generator=seeded(0), dtype=torch.float64)
    torch.testing.assert_close(flow.decode(z), z + 3 * m, rtol=0, atol=5e-3)


def test_impossible_guidance_is_refused():
    """Kills: a weight of NaN, log-probabilities of all classes summed."""
    both, one = two()
    for weight in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="weight"):
            classifier_free(one, both, weight=weight)
        with pytest.raises(ValueError, match="weight"):
            classifier_guided(both, one.log_prob, weight=weight)
    guided = classifier_guided(both, lambda z, _: z, weight=1.0)
    with pytest.raises(ValueError, match="log_prob"):
        guided(*places())

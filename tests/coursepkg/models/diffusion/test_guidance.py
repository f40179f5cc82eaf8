"""Guidance where both laws are known: a classifier that is right turns one guess into the other."""

import torch

from coursepkg.models.diffusion import MixtureGuess, classifier_free, classifier_guided
from coursepkg.models.mixtures import GaussianMixture
from coursepkg.rng import seeded


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


def test_weights_of_nothing_and_of_one():
    """Kills: 1 + w in place of w, the two guesses exchanged."""
    both, one = two()
    z, log_snr = places()
    torch.testing.assert_close(classifier_free(one, both, weight=0.0)(z, log_snr), both(z, log_snr))
    torch.testing.assert_close(classifier_free(one, both, weight=1.0)(z, log_snr), one(z, log_snr))
    expected = 3 * one(z, log_snr) - 2 * both(z, log_snr)
    torch.testing.assert_close(classifier_free(one, both, weight=3.0)(z, log_snr), expected)

"""E[x | z] of a mixture, against a grid, and the score that it is."""

import pytest
import torch

from coursepkg.models.diffusion import MixtureGuess, signal_at
from coursepkg.rng import seeded
from tests.coursepkg.models.diffusion.mixtures import normal, three


@pytest.mark.equation("mixture-guess")
def test_the_guess_is_bayes_on_a_grid():
    """Kills: α or σ forgotten in the gain, responsibilities of x for those of z, axes turned."""
    law = three()
    side = torch.linspace(-6, 6, 401, dtype=torch.float64)
    x = torch.cartesian_prod(side, side)
    log_p = law.log_prob(x)
    for level in (-2.0, 0.0, 1.5):
        z = torch.tensor([[0.3, -0.8]], dtype=torch.float64)
        log_snr = torch.tensor([level], dtype=torch.float64)
        alpha, sigma = signal_at(log_snr)
        r = (log_p - ((z - alpha * x) / sigma).square().sum(1) / 2).softmax(0)
        torch.testing.assert_close(MixtureGuess(law)(z, log_snr)[0], r @ x, rtol=1e-6, atol=1e-7)


@pytest.mark.equation("noisy-score")
@pytest.mark.parametrize("dim", [2, 3])
def test_tweedie(dim):
    """x̂ = (z + σ² ∇ log q(z)) / α, both ways.   Kills: a lost term of the density, axes turned.

    In the plane the matrix of axes may be a reflection, which is its own transpose.
    """
    guess = MixtureGuess(three(dim))
    z = torch.randn(5, dim, generator=seeded(2), dtype=torch.float64).requires_grad_()
    log_snr = torch.tensor([-3.0, -1.0, 0.0, 1.0, 4.0], dtype=torch.float64)
    (score,) = torch.autograd.grad(guess.log_prob(z, log_snr).sum(), z)
    x = guess(z.detach(), log_snr)
    torch.testing.assert_close(signal_at(log_snr).score(z.detach(), x), score)
    torch.testing.assert_close(signal_at(log_snr).x_from_score(z.detach(), score), x)


@pytest.mark.parametrize("dim", [2, 3])
def test_without_noise_the_density_is_the_mixtures_own(dim):
    """Kills: a constant or a weight forgotten in log q, axes turned."""
    law = three(dim)
    x = torch.randn(4, dim, generator=seeded(3), dtype=torch.float64)
    found = MixtureGuess(law).log_prob(x, torch.full((4,), 40.0, dtype=torch.float64))
    torch.testing.assert_close(found, law.log_prob(x))


def test_later_changes_of_the_mixture_do_not_reach_it():
    """Kills: a guess that shares the mixture's tensors."""
    law = three()
    guess, z, level = MixtureGuess(law), torch.zeros(1, 2).double(), torch.zeros(1).double()
    before = guess(z, level)
    law.means.add_(5)
    law.log_weights.copy_(torch.tensor([0.9, 0.05, 0.05]).log())
    assert torch.equal(guess(z, level), before)
    with pytest.raises(ValueError, match="shape"):
        guess(torch.zeros(1, 3).double(), level)


@pytest.mark.equation("noisy-score-matching")
def test_denoising_is_score_matching():
    """The losses of two functions differ as their distances from the true score, by quadrature.

    Kills: -ε for -ε / σ, the density of x for that of z.
    """
    law = three(1)
    guess, log_snr = MixtureGuess(law), torch.tensor([0.3], dtype=torch.float64)
    alpha, sigma = (v[0, 0] for v in signal_at(log_snr))
    grid = torch.linspace(-9, 9, 1201, dtype=torch.float64)
    x, eps = (v.reshape(-1, 1) for v in torch.meshgrid(grid / 2, grid, indexing="ij"))
    weight = (law.log_prob(x) - eps.square()[:, 0] / 2).softmax(0)
    z = alpha * x + sigma * eps
    true = signal_at(log_snr).score(z, guess(z, log_snr.expand(len(z))))

    def losses(found: torch.Tensor) -> torch.Tensor:
        """E ‖s + ε / σ‖² and E ‖s - ∇ log q‖²."""
        squares = torch.cat([found + eps / sigma, found - true], dim=1).square()
        return weight @ squares

    first, second, best = losses(torch.sin(z)), losses(0.3 * z - 1), losses(true)
    torch.testing.assert_close(first[0] - second[0], first[1] - second[1], rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(first[0] - best[0], first[1], rtol=1e-6, atol=1e-9)
    assert first[1] > 0.1


def test_narrow_laws_in_single_precision():
    """Spreads of 10 and 1e-3.   Kills: Σ decomposed in place of its root, whose digits are half."""
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]]) @ torch.diag(torch.tensor([10.0, 1e-3]))
    upper = torch.linalg.qr(turn.double().T).R
    scale = (upper.T * upper.diagonal().sign()).contiguous()
    law = normal(torch.zeros(2), scale).float()
    expected = torch.tensor([[100.0, 1e-6]], dtype=torch.float32)
    found = MixtureGuess(law).variances.sort(descending=True).values
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)

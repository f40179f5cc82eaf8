"""Losses against probabilities written out, and the best scores against a stationary point."""

import pytest
import torch

from coursepkg import rng
from coursepkg.models.gan import LeastSquares, Minimax, NonSaturating, Relativistic, Wasserstein

ALL = [Minimax(), NonSaturating(), LeastSquares(), Wasserstein(), Relativistic()]
NAMES = [type(loss).__name__ for loss in ALL]


@pytest.fixture
def scores(generator):
    return 2 * torch.randn(2, 40, generator=generator)


def sigmoid(u):
    return 1 / (1 + torch.exp(-u))


@pytest.mark.equation("relativistic-loss")
def test_each_loss_is_its_formula(scores):
    """Probabilities, not softplus. Kills: a sign, real for fake, log d for log(1 - d), a half."""
    r, f = scores
    log_of = {
        "Minimax": (-sigmoid(r).log() - (1 - sigmoid(f)).log(), (1 - sigmoid(f)).log()),
        "NonSaturating": (-sigmoid(r).log() - (1 - sigmoid(f)).log(), -sigmoid(f).log()),
        "LeastSquares": ((r - 1) ** 2 / 2 + (f + 1) ** 2 / 2, (f - 1) ** 2 / 2),
        "Wasserstein": (f - r, -f),
        "Relativistic": (-sigmoid(r - f).log(), -sigmoid(f - r).log()),
    }
    for loss, name in zip(ALL, NAMES, strict=True):
        critic, generator = log_of[name]
        torch.testing.assert_close(loss.critic(r, f), critic)
        torch.testing.assert_close(loss.generator(r, f), generator)


def test_least_squares_is_the_papers_in_other_units(scores):
    """Mao et al. with labels 0 and 1 on (D + 1) / 2. Kills: targets that do not match."""
    r, f = (scores + 1) / 2
    loss = LeastSquares()
    torch.testing.assert_close(loss.critic(*scores), 4 * ((r - 1) ** 2 / 2 + f**2 / 2))
    torch.testing.assert_close(loss.generator(*scores), 4 * (f - 1) ** 2 / 2)


def test_only_minimax_is_a_zero_sum_game(scores):
    """Gradients in the generated scores sum to zero. Kills: two losses that changed places."""
    for loss, name in zip(ALL, NAMES, strict=True):
        f = scores[1].clone().requires_grad_()
        total = loss.critic(scores[0], f) + loss.generator(scores[0], f)
        (slope,) = torch.autograd.grad(total.sum(), f)
        assert (slope.abs().max() < 1e-12) == (name in {"Minimax", "Wasserstein"}), name


def test_a_sure_critic_silences_the_minimax_generator_only():
    """At a score of -30. Kills: the saturating loss under the other's name; overflow at -1000."""
    silent = {}
    for loss, name in zip(ALL, NAMES, strict=True):
        f = torch.tensor([-30.0, -1000.0], requires_grad=True)
        value = loss.generator(torch.zeros(2), f)
        (slope,) = torch.autograd.grad(value.sum(), f)
        assert value.isfinite().all()
        assert loss.critic(torch.tensor([1000.0, -1000.0]), f.detach()).isfinite().all()
        silent[name] = slope[0].abs().item() < 1e-12
    assert [name for name in NAMES if silent[name]] == ["Minimax"]


def laws():
    p, q = torch.rand(2, 6, generator=rng.seeded(3)) + 0.1
    return p / p.sum(), q / q.sum()


@pytest.mark.equation("best-scores")
@pytest.mark.parametrize("target", [1.0, 0.9])
@pytest.mark.parametrize("kind", [Minimax, NonSaturating])
def test_the_best_critic_of_a_smoothed_loss(kind, target):
    """The mean loss is flat at σ(D) = t p / (p + q) and rises beside it.

    Kills: smoothing of both sides, smoothing that is thrown away or counted twice.
    """
    p, q = laws()
    best = target * p / (p + q)

    def mean_loss(score):
        # every pair of a real and a generated example, each with its probability
        pairs = kind(target).critic(score[:, None].expand(6, 6), score.expand(6, 6))
        return (p[:, None] * q * pairs).sum()

    score = torch.logit(best).requires_grad_()
    (slope,) = torch.autograd.grad(mean_loss(score), score)
    torch.testing.assert_close(slope, torch.zeros(6), atol=1e-12, rtol=0)
    for move in torch.eye(6):
        assert mean_loss(score + 0.1 * move) > mean_loss(score) < mean_loss(score - 0.1 * move)


@pytest.mark.equation("best-scores")
def test_the_best_scores_of_the_other_losses():
    """Flat at (p - q) / (p + q); at log(p / q) for pairs. Kills: targets 0 and 1."""
    p, q = laws()
    for loss, best in ((LeastSquares(), (p - q) / (p + q)), (Relativistic(), (p / q).log())):
        score = best.clone().requires_grad_()
        pairs = loss.critic(score[:, None].expand(6, 6), score.expand(6, 6))
        (slope,) = torch.autograd.grad((p[:, None] * q * pairs).sum(), score)
        torch.testing.assert_close(slope, torch.zeros(6), atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", [Minimax, NonSaturating])
@pytest.mark.parametrize("bad", [0.5, 1.1, float("nan")])
def test_impossible_targets_are_refused(kind, bad):
    with pytest.raises(ValueError, match=r"real_target: expected 0.5 < target <= 1, got"):
        kind(bad)

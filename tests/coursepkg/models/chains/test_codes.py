import math

import pytest
import torch
from torch import nn

from coursepkg.models.chains import PPGN, DenoisingAutoencoder, GaussianNoise, PlugAndPlay
from coursepkg.models.chains.codes import slopes
from coursepkg.nets import MLP
from coursepkg.objectives import score as energy_score
from coursepkg.objectives.score import DenoisingScoreMatching
from coursepkg.rng import seeded
from coursepkg.samplers import UnadjustedLangevin, run
from coursepkg.training import fit
from tests.statistics import assert_mean

M = 2


class Best(nn.Module):
    """The best guess for codes of N(mean, s²): E[h | h̃]."""

    def __init__(self, s, sigma, mean=0.0):
        super().__init__()
        self.share, self.mean = s**2 / (s**2 + sigma**2), mean

    def forward(self, h):
        return self.mean + self.share * (h - self.mean)


@pytest.mark.equation("code-score")
@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_the_residual_is_the_score_of_the_blurred_law(sigma):
    """A Gaussian, exactly, by autograd. Kills: σ for σ², the sign, the law without its blur."""
    s, mean = 1.5, 0.7
    h = torch.randn(20, M, generator=seeded(0)).requires_grad_()
    law = torch.distributions.Normal(mean, math.sqrt(s**2 + sigma**2))
    (slope,) = torch.autograd.grad(law.log_prob(h).sum(), h)
    r = DenoisingAutoencoder(Best(s, sigma, mean), dim=M, sigma=sigma)
    torch.testing.assert_close(r.score(h.detach()), slope)


@pytest.mark.equation("code-score")
def test_the_residual_is_the_score_of_two_hills():
    """A law that is no Gaussian: posterior means by hand, the slope by autograd."""
    sigma, places = 0.6, torch.tensor([-1.0, 1.0])

    class Two(nn.Module):
        def forward(self, h):
            w = (-(h - places).square() / (2 * sigma**2)).softmax(1)
            return (w * places).sum(1, keepdim=True)

    h = torch.linspace(-2, 2, 30)[:, None].requires_grad_()
    log_p = (-(h - places).square() / (2 * sigma**2)).logsumexp(1)
    (slope,) = torch.autograd.grad(log_p.sum(), h)
    r = DenoisingAutoencoder(Two(), dim=1, sigma=sigma)
    torch.testing.assert_close(r.score(h.detach()), slope)


@pytest.mark.equation("dae-loss")
def test_the_loss_is_denoising_score_matching():
    """With ψ the residual over σ²: |r - h|² = 2σ⁴ times Vincent's loss, by the same noise.

    Kills: the noise for h as the target, σ² for σ.
    """

    class Bowl(nn.Module):
        def free_energy(self, h):
            return (0.7 * h.square() + h.sin()).sum(1)

    sigma, h = 0.4, torch.randn(50, M, generator=seeded(1))

    class Guess(nn.Module):
        def forward(self, u):
            return u + sigma**2 * energy_score(Bowl(), u).detach()

    found = DenoisingAutoencoder(Guess(), dim=M, sigma=sigma).loss(h, generator=seeded(2))
    matching = DenoisingScoreMatching(Bowl(), sigma=sigma).loss(h, generator=seeded(2))
    torch.testing.assert_close(found, 2 * sigma**4 * matching.detach())


@pytest.mark.slow
def test_a_trained_autoencoder_finds_the_slope():
    """Of N(0, 1.5²): a network against the exact residual where data are."""
    sigma = 0.7
    h = 1.5 * torch.randn(20_000, M, generator=seeded(0))
    made = DenoisingAutoencoder(MLP([M, 32, M], generator=seeded(1)), dim=M, sigma=sigma)
    optimizer = torch.optim.Adam(made.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=2000)
    fit(made, h, epochs=10, batch_size=100, optimizer=optimizer, schedule=schedule,
        generator=seeded(2), progress=False)  # fmt: skip
    points = torch.cartesian_prod(*[torch.linspace(-2, 2, 9)] * 2)
    error = made.score(points) + points / (1.5**2 + sigma**2)
    assert error.norm(dim=1).max() < 0.15


def pull(h):
    """log p(y | h) of y = h + noise seen at 1, up to a constant."""
    return -(h - 1).square().sum(1) / (2 * 0.5)


@pytest.mark.equation("ppgn-step")
def test_equal_sizes_are_langevin():
    """Step for step, with the same noise. Kills: √η for √(2η), a term downhill, one left out."""
    eta, start = 0.05, torch.randn(6, M, generator=seeded(0))
    chain = PlugAndPlay(lambda h: -h / 2, pull, eta, eta, math.sqrt(2 * eta))
    peer = UnadjustedLangevin(lambda h: -h.square().sum(1) / 4 + pull(h), eta)
    mine = run(chain, start, steps=20, generator=seeded(1)).x
    torch.testing.assert_close(mine, run(peer, start, steps=20, generator=seeded(1)).x)


@pytest.mark.equation("ppgn-step")
@pytest.mark.parametrize("sizes", [(0.1, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.0, 0.3)])
def test_each_term_alone(sizes):
    """Written out. Kills: one size for two terms, a term that cannot be switched off."""
    h = torch.randn(6, M, generator=seeded(0))
    chain = PlugAndPlay(lambda h: -h / 2, pull, *sizes)
    state, info = chain.step(chain.init(h), generator=seeded(1))
    eps = torch.randn(h.shape, generator=seeded(1))
    expected = h + sizes[0] * (-h / 2) + sizes[1] * (-(h - 1) / 0.5) + sizes[2] * eps
    torch.testing.assert_close(state.x, expected)
    assert info.moved.all()


def test_a_term_that_is_off_is_not_evaluated():
    def fails(h):
        raise AssertionError("evaluated")

    h = torch.zeros(2, M)
    PlugAndPlay(fails, fails, 0.0, 0.0, 1.0).step(
        PlugAndPlay(fails, fails, 0.0, 0.0, 1.0).init(h), generator=seeded(0)
    )


@pytest.mark.equation("ppgn-law")
@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 1.0, 1.0), (1.0, 4.0, 1.0), (2.0, 1.0, 0.7)])
def test_the_sizes_are_powers_of_the_terms(a, b, c):
    """p(h)^(2η₁/τ²) p(y | h)^(2η₂/τ²) for Gaussians, as the steps shrink.

    The chain is an autoregression, whose mean and variance have a closed form.

    Kills: η₁/τ² for 2η₁/τ², the powers exchanged.
    """
    v, w = 2.0, 0.5  # variances of the prior, at 0, and of what is seen, at 1
    off = []
    for eta in (1e-3, 1e-4):
        sizes = (a * eta, b * eta, c * math.sqrt(2 * eta))
        chain = PlugAndPlay(lambda h: -h / v, pull, *sizes)
        still = PlugAndPlay(lambda h: -h / v, pull, *sizes[:2], 0.0)
        zero, one = torch.zeros(1, M), torch.ones(1, M)
        start = still.step(still.init(zero), generator=seeded(0))[0].x[0, 0].item()
        keeps = still.step(still.init(one), generator=seeded(0))[0].x[0, 0].item() - start
        mean, variance = start / (1 - keeps), chain.noise**2 / (1 - keeps**2)
        powers = 2 * sizes[0] / sizes[2] ** 2, 2 * sizes[1] / sizes[2] ** 2
        precision = powers[0] / v + powers[1] / w
        off.append(max(abs(mean - powers[1] / w / precision), abs(variance * precision - 1)))
    assert off[0] < 0.02
    assert off[1] < off[0] / 5


class Line(nn.Module):
    """Class 0 to the left, class 1 to the right."""

    def forward(self, x):
        return torch.stack([-x[:, 0], x[:, 0]], 1)


def ppgn(*, strength=1.0, steps=400, sigma=0.3):
    denoiser = DenoisingAutoencoder(Best(1.0, sigma), dim=M, sigma=sigma)
    net = MLP([M, M], generator=seeded(0))
    with torch.no_grad():
        net.layers[0].weight.copy_(2 * torch.eye(M))
        net.layers[0].bias.zero_()
    return PPGN(net, denoiser, Line(), step_size=0.02, strength=strength, steps=steps)


def test_a_class_is_drawn_from_prior_times_classifier():
    """Mean of the first number by quadrature.

    Kills: the other class, a strength not used, the last guess left out, codes for examples.
    """
    sigma = 0.3
    grid = torch.linspace(-6, 6, 4001)
    for strength in (0.0, 1.0, 5.0):
        model = ppgn(strength=strength)
        law = torch.distributions.Normal(0, math.sqrt(1 + sigma**2)).log_prob(grid)
        log_p = law + strength * torch.stack([-2 * grid, 2 * grid]).log_softmax(0)[1]
        mean = (log_p.softmax(0) * grid).sum().item()
        x = model.sample(4000, condition=torch.ones(4000).long(), generator=seeded(0))
        assert_mean(x[:, 0], 2 * mean / (1 + sigma**2), detects=0.5)
        assert x.std() > 0.1
    both = model.sample(2000, condition=torch.arange(2).repeat(1000), generator=seeded(1))
    assert both[0::2, 0].mean() < -0.5 < 0.5 < both[1::2, 0].mean()


def test_chains_start_at_standard_normal_codes():
    """One step of next to nothing: x = 2 r(h). Kills: a start at zero, in the wrong dtype."""
    sigma, n = 0.3, 20_000
    model = ppgn(steps=1, sigma=sigma)
    model.step_size = 1e-9
    x = model.sample(n, condition=torch.ones(n).long(), generator=seeded(0))
    assert_mean((x * (1 + sigma**2) / 2).square().flatten(), 1.0, detects=0.1)
    assert x.dtype == next(model.net.parameters()).dtype


def test_as_many_steps_as_asked():
    """One guess a step and one at the end. Kills: half of them, one too few."""
    calls = []

    class Counted(Best):
        def forward(self, h):
            calls.append(len(h))
            return super().forward(h)

    model = ppgn(steps=7)
    model.denoiser.net = Counted(1.0, 0.3)
    model.sample(3, condition=torch.zeros(3).long(), generator=seeded(0))
    assert calls == [3] * 8


def test_slopes_leave_the_codes_as_they_are():
    """Kills: a caller's tensor that asks for gradients afterwards."""
    h = torch.randn(4, M, generator=seeded(0))
    torch.testing.assert_close(slopes(pull, h), -(h - 1) / 0.5)
    assert not h.requires_grad
    chain = PlugAndPlay(lambda h: -h, pull, 0.1, 0.1, 0.1)
    state = chain.init(h)
    assert state.x.data_ptr() != h.data_ptr()
    assert not chain.step(state, generator=seeded(0))[0].x.requires_grad


def test_what_the_classifier_says_of_a_code():
    """Kills: the sum over classes, the label of another row."""
    model, h, y = ppgn(), torch.randn(4, M, generator=seeded(0)), torch.tensor([0, 1, 1, 0])
    expected = torch.nn.functional.logsigmoid(4 * h[:, 0] * (2 * y - 1))
    torch.testing.assert_close(model.log_class(h, y), expected)


def test_training_is_restored_and_dropout_is_off():
    """Kills: a sample that depends on dropout, a model left in eval mode."""
    model = ppgn(steps=3)
    model.classifier = nn.Sequential(nn.Dropout(0.5), Line())
    model.train()
    y = torch.zeros(5).long()
    drawn = [model.sample(5, condition=y, generator=seeded(1)) for _ in range(2)]
    assert torch.equal(*drawn)
    assert model.training
    assert model.classifier[0].training
    assert not drawn[0].requires_grad


def test_bad_input_is_refused():
    r = DenoisingAutoencoder(MLP([M, M], generator=seeded(0)), dim=M, sigma=0.5)
    chain = PlugAndPlay(r.score, pull, 0.1, 0.1, 0.1)
    model, y = ppgn(steps=1), torch.zeros(3).long()
    wide = DenoisingAutoencoder(MLP([M, 3], generator=seeded(0)), dim=M, sigma=0.5)
    for call in (
        lambda: r.loss(torch.zeros(2, 3), generator=seeded(0)),
        lambda: r.loss(torch.zeros(2, M).long(), generator=seeded(0)),
        lambda: r.loss(torch.full((2, M), math.nan), generator=seeded(0)),
        lambda: wide.score(torch.zeros(2, M)),
        lambda: DenoisingAutoencoder(nn.Identity(), dim=0, sigma=0.5),
        lambda: DenoisingAutoencoder(nn.Identity(), dim=M, sigma=-1.0),
        lambda: PlugAndPlay(r.score, pull, -0.1, 0.1, 0.1),
        lambda: PlugAndPlay(r.score, pull, 0.1, math.inf, 0.1),
        lambda: PlugAndPlay(r.score, pull, 0.1, 0.1, math.nan),
        lambda: chain.init(torch.zeros(0, M)),
        lambda: model.sample(2, condition=y, generator=seeded(0)),
        lambda: model.sample(3, condition=y.double(), generator=seeded(0)),
        lambda: ppgn(strength=-1.0),
        lambda: ppgn(steps=0),
    ):
        with pytest.raises((ValueError, TypeError), match=r"expected.*got"):
            call()


@pytest.mark.equation("mean-chain")
@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
def test_a_chain_of_means_is_too_narrow(sigma):
    """N(0, 1): x' = E[x | x̃] is an autoregression, whose fixed point is solved for; and a run.

    Kills: the blurred law's variance, a chain that draws.
    """
    guess, noise = Best(1.0, sigma), GaussianNoise(sigma)
    ends = guess(torch.tensor([[0.0], [1.0]])).flatten()
    keeps = (ends[1] - ends[0]).item()
    fixed = keeps**2 * sigma**2 / (1 - keeps**2)
    assert 1 / (2 + sigma**2) == pytest.approx(fixed)
    x = torch.randn(20_000, 1, generator=seeded(0))
    for step in range(200):
        x = guess(noise.corrupt(x, generator=seeded(step + 1)))
    assert_mean(x.square().flatten(), fixed, detects=0.1)

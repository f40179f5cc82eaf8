"""p(x | z) of levels and of numbers, and what the network predicts."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal

from coursepkg.models.diffusion import (
    Diffusion,
    FromNoise,
    FromVelocity,
    LevelDenoiser,
    MixtureGuess,
    NoiseChain,
    RealDenoiser,
    Unheeding,
    signal_at,
)
from coursepkg.models.diffusion.denoisers import drawn_guess, like_of
from coursepkg.nets import MLP
from coursepkg.rng import seeded
from tests.coursepkg.models.diffusion.mixtures import three
from tests.statistics import assert_mean

LOG_P = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]], dtype=torch.float64).log()


def independent() -> LevelDenoiser:
    return LevelDenoiser(Unheeding(LOG_P.flatten()), dim=2, levels=4).double()


@pytest.mark.equation("level-denoiser")
def test_independent_pixels_by_bayes():
    """p(x | z) ∝ p(x) N(z; α e, σ²), by hand.   Kills: σ for σ², α forgotten, e from 0 to 1."""
    model, g = independent(), seeded(0)
    z = torch.randn(6, 2, generator=g, dtype=torch.float64)
    log_snr = torch.tensor([-4.0, -1.0, 0.0, 1.0, 3.0, 6.0], dtype=torch.float64)
    output = model(z, log_snr)
    e = torch.tensor([-1, -1 / 3, 1 / 3, 1], dtype=torch.float64)
    for b, (alpha, sigma) in enumerate(zip(*signal_at(log_snr), strict=True)):
        for d in range(2):
            joint = LOG_P[d].exp() * Normal(alpha * e, sigma).log_prob(z[b, d]).exp()
            p = joint / joint.sum()
            torch.testing.assert_close(model.mean(output)[b, d], p @ e)
            torch.testing.assert_close(output.view(6, 2, 4).softmax(-1)[b, d], p)
    x = torch.tensor([[0, 3]]).expand(6, 2)
    expected = output.view(6, 2, 4).log_softmax(-1)[:, [0, 1], [0, 3]].sum(1)
    torch.testing.assert_close(model.log_likelihood(x, output), expected)
    torch.testing.assert_close(model.embed(x)[0].double(), e[[0, 3]])
    assert model.draw(output, generator=g).shape == (6, 2)


def test_a_clear_image_is_read_without_a_network():
    """Kills: the exact likelihood forgotten."""
    x = torch.tensor([[2, 1], [3, 0]])
    model = independent()
    z = model.embed(x).double()
    output = model(z, torch.full((2,), 9.0, dtype=torch.float64))
    assert (model.log_likelihood(x, output) > -1e-6).all()
    assert torch.equal(model.draw(output, generator=seeded(0)), x)


class Echo(nn.Module):
    """Predicts what it is told to."""

    def __init__(self, what: torch.Tensor) -> None:
        super().__init__()
        self.what = what

    def forward(self, z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        return self.what


@pytest.mark.equation("noise-prediction")
def test_a_network_may_predict_noise_or_velocity():
    """Kills: FromNoise's and FromVelocity's formulas exchanged."""
    g = seeded(1)
    x, eps = torch.randn(2, 3, 2, generator=g, dtype=torch.float64)
    log_snr = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    alpha, sigma = signal_at(log_snr)
    z = alpha * x + sigma * eps
    for net in (FromNoise(Echo(eps)), FromVelocity(Echo(alpha * eps - sigma * x))):
        model = RealDenoiser(net, dim=2, std=0.1)
        torch.testing.assert_close(model.mean(model(z, log_snr)), x)


def test_shapes_are_checked():
    """Kills: a network of another width broadcast without a word."""
    z, log_snr = torch.zeros(3, 2), torch.zeros(3)
    with pytest.raises(ValueError, match="net"):
        RealDenoiser(Echo(torch.zeros(3, 1)), dim=2, std=1.0)(z, log_snr)
    with pytest.raises(ValueError, match="net"):
        LevelDenoiser(Echo(torch.zeros(3, 2)), dim=2, levels=4)(z, log_snr)
    with pytest.raises(TypeError, match="levels"):
        independent().embed(torch.zeros(3, 2))


@pytest.mark.equation("edm-velocity")
def test_velocity_is_the_preconditioning_of_karras_for_unit_data():
    """c_skip y + c_out F(c_in y) with y = z / α, s = σ / α and σ_data = 1, F = -v.

    And v has the variance of the data at every noise: 1.   Kills: c_out of another power.
    """
    net = MLP([3, 4, 2], generator=seeded(0)).double()

    def v(z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        return net(torch.cat([z, log_snr[:, None]], dim=1))

    z = torch.randn(5, 2, generator=seeded(1), dtype=torch.float64)
    log_snr = torch.tensor([-6.0, -1.0, 0.0, 2.0, 8.0], dtype=torch.float64)
    y, s = z / signal_at(log_snr).alpha, torch.exp(-log_snr / 2)[:, None]
    c_skip, c_out, c_in = 1 / (s**2 + 1), s / (s**2 + 1).sqrt(), 1 / (s**2 + 1).sqrt()
    edm = c_skip * y - c_out * v(c_in * y, log_snr)
    torch.testing.assert_close(FromVelocity(v)(z, log_snr), edm)  # type: ignore[arg-type]

    x, eps = torch.randn(2, 100_000, 1, generator=seeded(2), dtype=torch.float64)
    x = x.sign()  # any law of mean 0 and variance 1
    for level in log_snr.split(1):
        signal = signal_at(level)
        found = signal.velocity(signal.mix(x, eps), x)[:, 0]
        assert_mean(found.square(), 1.0, detects=0.05)


class Dropped(nn.Module):
    """z, less half of it in train mode."""

    def forward(self, z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(z, 0.5, self.training)


def test_the_dropout_of_a_sampler_is_the_generators():
    """In train mode; in eval mode no draw.   Kills: torch's global state moved, or heeded."""
    model = RealDenoiser(Dropped(), dim=2, std=0.1)
    z, log_snr = torch.ones(50, 2), torch.zeros(50)
    before = torch.random.get_rng_state()
    found = [drawn_guess(model, z, log_snr, generator=seeded(k)) for k in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    g = seeded(0)
    drawn_guess(model.eval(), z, log_snr, generator=g)
    assert torch.equal(g.get_state(), seeded(0).get_state())


def test_a_model_without_parameters_has_a_type():
    """Kills: StopIteration, a type that is a buffer's of whole numbers."""
    guess = MixtureGuess(three()).float()
    chain = NoiseChain(torch.tensor([0.3, 0.6]))
    x = Diffusion(RealDenoiser(guess, dim=2, std=0.1), chain).sample(3, generator=seeded(0))
    assert x.dtype == torch.float32
    assert like_of(lambda z: z).shape == ()
    whole = nn.Module()
    whole.register_buffer("states", torch.arange(3))
    assert like_of(whole).is_floating_point()
    assert like_of(Unheeding(torch.zeros(3)).float()).dtype == torch.float32

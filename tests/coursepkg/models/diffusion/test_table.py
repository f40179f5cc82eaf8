"""The best denoiser of a few states, against Bayes' theorem over all of them."""

import pytest
import torch
from torch.distributions import Normal

from coursepkg.models.diffusion import LevelDenoiser, TableNet, Unheeding, signal_at
from coursepkg.rng import seeded

STATES = torch.tensor([[0, 0, 2], [2, 1, 2], [2, 2, 0], [1, 1, 1], [0, 1, 2]])
P = torch.tensor([0.4, 0.1, 0.2, 0.25, 0.05], dtype=torch.float64)


@pytest.mark.equation("level-denoiser")
def test_p_of_x_given_z_by_bayes():
    """p(x_d = k | z) = Σ p(x) N(z; α e, σ²) over the states, at any noise, divided by all.

    Kills: the pixel's own z counted twice or never, p(x) forgotten, σ for σ².
    """
    model = LevelDenoiser(TableNet(STATES, P.log(), levels=3), dim=3, levels=3).double()
    z = torch.randn(5, 3, generator=seeded(0), dtype=torch.float64)
    log_snr = torch.tensor([-9.0, -2.0, 0.0, 2.0, 4.0], dtype=torch.float64)
    output = model(z, log_snr)
    e = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    found = output.view(5, 3, 3).softmax(2)
    for b, (alpha, sigma) in enumerate(zip(*signal_at(log_snr), strict=True)):
        joint = P * Normal(alpha * e[STATES], sigma).log_prob(z[b]).exp().prod(1)
        for d in range(3):
            expected = torch.stack([joint[STATES[:, d] == k].sum() for k in range(3)])
            torch.testing.assert_close(found[b, d], expected / joint.sum())
        torch.testing.assert_close(model.mean(output)[b], joint @ e[STATES] / joint.sum())


def test_one_pixel_hears_of_no_other():
    """Kills: z of the only pixel told to it by the table."""
    table = TableNet(torch.arange(4)[:, None], torch.tensor([0.1, 0.2, 0.3, 0.4]).log(), levels=4)
    z, log_snr = torch.randn(6, 1, generator=seeded(1)), torch.zeros(6)
    plain = Unheeding(torch.tensor([0.1, 0.2, 0.3, 0.4]).log())
    torch.testing.assert_close(table(z, log_snr).softmax(1), plain(z, log_snr).softmax(1))


def test_little_noise_is_no_trouble():
    """Kills: probabilities that all round to zero."""
    model = LevelDenoiser(TableNet(STATES, P.log(), levels=3), dim=3, levels=3)
    x = STATES[:2]
    output = model(model.embed(x), torch.full((2,), 11.0))
    torch.testing.assert_close(model.log_likelihood(x, output), torch.zeros(2), atol=1e-5, rtol=0)


def test_wrong_tables_are_refused():
    """Kills: levels beyond the last, a probability for no state, NaN."""
    with pytest.raises(ValueError, match="log_p"):
        TableNet(STATES, P.log() + torch.nan, levels=3)
    with pytest.raises(ValueError, match="levels"):
        TableNet(STATES, P.log(), levels=2)
    with pytest.raises(ValueError, match="log_p"):
        TableNet(STATES, P[:2].log(), levels=3)


def test_far_states_are_told_apart():
    """Twins at λ = 7: the second pixel says what the first is.   Kills: one maximum for all levels.

    States that are 88 nats worse on the other pixels are no states of probability zero.
    """
    net = TableNet(torch.tensor([[0, 0], [1, 1]]), torch.zeros(2).double(), levels=2)
    model = LevelDenoiser(net, dim=2, levels=2).double()
    z = torch.tensor([[-3.0, 1.0]], dtype=torch.float64)
    for dtype in (torch.float64, torch.float32):
        model, z = model.to(dtype), z.to(dtype)
        output = model(z, torch.tensor([7.0], dtype=dtype))
        torch.testing.assert_close(model.mean(output), torch.tensor([[-1.0, -1.0]], dtype=dtype))


def test_the_logits_are_logarithms():
    """Kills: the maximum of each level not given back."""
    net, z = TableNet(STATES, P.log(), levels=3), torch.zeros(1, 3).double()
    level = torch.tensor([-40.0], dtype=torch.float64)
    found = net(z, level).view(1, 3, 3).softmax(2)[0]
    expected = torch.stack([
        torch.stack([P[STATES[:, d] == k].sum() for k in range(3)]) for d in range(3)
    ])  # fmt: skip
    torch.testing.assert_close(found, expected)


def test_states_may_be_bytes():
    """Kills: 2 · 200 that wraps to 144."""
    states = torch.tensor([[0], [200]], dtype=torch.uint8)
    values = TableNet(states, torch.zeros(2), levels=201).values
    torch.testing.assert_close(values, torch.tensor([[-1.0], [1.0]]))

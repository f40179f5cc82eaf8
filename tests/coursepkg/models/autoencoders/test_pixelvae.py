"""A decoder that is autoregressive: a law that sums to one, told z at every pixel."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.autoencoders.pixelvae import CausalPixels
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.given import D, K, conditional, truth
from tests.oracles import states
from tests.statistics import assert_probs


def pixels(levels: int = K) -> CausalPixels:
    """Two numbers tell it what to draw."""
    net = GatedPixelCNN((2, 2), levels=levels, embedding=3, channels=4, window=3, layers=1,
                        conditions=2, generator=seeded(0))  # fmt: skip
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.4 * torch.randn(p.shape, generator=seeded(1)))
    return CausalPixels(ConditionalARM(net, dim=D, levels=levels, conditions=2)).eval()


def test_it_sums_to_one_whatever_it_is_told():
    """By enumeration; each row with its own. Kills: a condition for all, a leak of the future."""
    law, space = pixels(), states(K, D)
    told = torch.tensor([[0.0, 0.0], [2.0, -1.0]])
    log_p = [law.log_likelihood(space, c.expand(len(space), -1)).detach() for c in told]
    for each in log_p:
        assert_close(each.exp().sum(), torch.tensor(1.0))
    assert (log_p[0] - log_p[1]).abs().max() > 0.1, "vacuous: it does not listen"
    both = law.log_likelihood(space[:2], told).detach()
    assert_close(both, torch.stack([log_p[0][0], log_p[1][1]]))


def test_draws_follow_it():
    law, space, n = pixels(), states(K, D), 60_000
    told = torch.tensor([[2.0, -1.0]])
    x = law.draw(told.expand(n, -1), generator=seeded(2))
    log_p = law.log_likelihood(space, told.expand(len(space), -1)).detach()
    place = (x * K ** torch.arange(D - 1, -1, -1)).sum(1)
    assert_probs(place, log_p.exp(), detects=0.1)


def test_an_encoder_gets_numbers_from_minus_one_to_one():
    """Kills: levels cut to whole numbers; 2 · 255 in eight bits."""
    assert pixels(256).inputs(torch.tensor([[0, 255, 0, 255]], dtype=torch.uint8)).sum() == 0
    assert pixels().inputs(torch.tensor([[0, 1, 2, 0]])).tolist() == [[-1.0, 0.0, 1.0, -1.0]]
    with pytest.raises(ValueError, match=r"x: expected levels 0..2, got values from 0 to 3"):
        pixels().inputs(torch.tensor([[0, 1, 3, 0]]))


def test_as_the_decoder_of_a_vae_it_gives_a_law_and_a_bound():
    """Quadrature over z. Kills: pixels that are independent after all."""
    model = conditional(likelihood=pixels(), output=2)
    space, c = states(K, D), torch.tensor([1.0, 0.0, 0.0])
    log_p = truth(model, space, c.expand(len(space), -1))
    assert_close(log_p.exp().sum(), torch.tensor(1.0), rtol=1e-6, atol=0)
    given = {"condition": c.expand(len(space), -1), "generator": seeded(0)}
    elbo = torch.stack([model.elbo(space, **given).detach() for _ in range(300)]).mean(0)
    assert (elbo < log_p + 0.2).all()
    assert (elbo - log_p).mean() < 0

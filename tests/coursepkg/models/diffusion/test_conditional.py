"""One network with a condition and without."""

import pytest
import torch
from torch import Tensor, nn

from coursepkg.models.diffusion import (
    ConditionalDiffusion,
    Diffusion,
    LevelDenoiser,
    NoiseChain,
    RealDenoiser,
    ToldNet,
)
from coursepkg.rng import seeded

CHAIN = NoiseChain(torch.tensor([0.3, 0.6]))


class Sum(nn.Module):
    """Guesses the sum of its condition, whatever z; keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.told: list[Tensor] = []

    def forward(self, z: Tensor, log_snr: Tensor, condition: Tensor) -> Tensor:
        self.told.append(condition)
        return self.weight * condition.sum(1, keepdim=True).expand_as(z)


def around(net: nn.Module) -> Diffusion:
    return Diffusion(RealDenoiser(net, dim=2, std=0.1), CHAIN)


def model(forget: float = 0.0) -> ConditionalDiffusion:
    return ConditionalDiffusion(Sum(), around, conditions=3, forget=forget)


def test_it_is_the_diffusion_of_that_condition():
    """Kills: the condition forgotten, or one for all."""
    x = torch.randn(5, 2, generator=seeded(0))
    c = torch.randn(5, 3, generator=seeded(1))
    both = model()
    alone = around(ToldNet(both.net, c))
    for name in ("loss", "elbo"):
        found = getattr(both, name)(x, condition=c, generator=seeded(2))
        torch.testing.assert_close(found, getattr(alone, name)(x, generator=seeded(2)))
    drawn = both.sample(5, condition=c, generator=seeded(3))
    torch.testing.assert_close(drawn, alone.sample(5, generator=seeded(3)))
    assert ((drawn - c.sum(1, keepdim=True)).abs() < 1).all()


def test_a_share_is_forgotten_in_training_only():
    """Kills: conditions forgotten in every row or in none, in eval mode, or a coordinate at a time.

    4,000 rows at 0.25: between 850 and 1,150 but for a chance below 1e-7.
    """
    both, n = model(0.25), 4000
    x, c = torch.zeros(n, 2), torch.rand(n, 3, generator=seeded(0)) + 1
    both.loss(x, condition=c, generator=seeded(1))
    told = both.net.told[-1]
    gone = (told == 0).all(1)
    assert 850 < gone.sum() < 1150
    assert torch.equal(told[~gone], c[~gone])
    both.eval().loss(x, condition=c, generator=seeded(1))
    assert torch.equal(both.net.told[-1], c)


def test_one_condition_serves_all():
    """Kills: (E,) refused, or spread over the wrong axis."""
    c = torch.tensor([0.5, 1.0, -0.2])
    one = model().given(c).sample(4, generator=seeded(0))
    many = model().sample(4, condition=c.expand(4, 3), generator=seeded(0))
    torch.testing.assert_close(one, many)


def test_it_is_in_the_mode_and_type_of_the_network():
    """Kills: dropout in eval mode, double precision inside a single model."""
    both = model().double().eval()
    assert not both.given(torch.zeros(3)).training
    levels = ConditionalDiffusion(
        Sum(), lambda net: LevelDenoiser(net, dim=2, levels=2), conditions=3
    ).float()  # fmt: skip
    assert levels.given(torch.zeros(3)).values.dtype == torch.float32


def test_wrong_conditions_are_named():
    """Kills: a column too few broadcast, NaN taken, labels given as they are."""
    both, x = model(), torch.zeros(2, 2)
    for c in (
        torch.zeros(2, 2),
        torch.zeros(2),
        torch.zeros(1, 2, 3),
        torch.full((2, 3), torch.nan),
    ):
        with pytest.raises(ValueError, match="condition"):
            both.loss(x, condition=c, generator=seeded(0))
        with pytest.raises(ValueError, match="condition"):
            both.given(c)
    with pytest.raises(TypeError, match="condition"):
        both.given(torch.tensor([0, 1, 0]))
    with pytest.raises(ValueError, match="2 rows"):
        both.loss(x, condition=torch.zeros(1, 3), generator=seeded(0))
    with pytest.raises(ValueError, match="2 rows"):
        both.loss(x, condition=torch.zeros(3, 3), generator=seeded(0))
    with pytest.raises(ValueError, match="4 rows"):
        both.sample(4, condition=torch.zeros(3, 3), generator=seeded(0))
    for forget in (-0.1, 1.0):
        with pytest.raises(ValueError, match="forget"):
            model(forget)


def test_one_condition_is_forgotten_by_row():
    """Kills: (E,) told to all or to none, or a coordinate at a time.   Chance below 1e-7."""
    both, c, n = model(0.25), torch.tensor([0.5, 1.0, -0.2]), 4000
    both.loss(torch.zeros(n, 2), condition=c, generator=seeded(1))
    told = both.net.told[-1]
    gone = (told == 0).all(1)
    assert 850 < gone.sum() < 1150
    assert torch.equal(told[~gone], c.expand(n, 3)[~gone])


def test_the_network_keeps_its_mode():
    """Kills: a network in eval mode that is switched to train mode."""
    net = Sum().eval()
    both = ConditionalDiffusion(net, around, conditions=3, forget=0.5)
    assert not both.training
    both.given(torch.zeros(3))
    assert not net.training
    both.train()
    net.eval()
    both.given(torch.zeros(3))
    assert not net.training


def test_conditions_come_in_the_networks_type():
    """Kills: a condition in another type than the network's."""
    both, x = model().double(), torch.zeros(2, 2).double()
    for c in (torch.ones(2, 3).float(), torch.ones(3).float()):
        both.loss(x, condition=c, generator=seeded(0))
        assert both.net.told[-1].dtype == torch.float64
    both.given(torch.ones(3).float()).loss(x, generator=seeded(0))
    assert both.net.told[-1].dtype == torch.float64

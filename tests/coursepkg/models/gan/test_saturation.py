"""What a look sees of a critic that is known, and of one that training made too sure."""

import pytest
import torch
from torch import Tensor, nn

from coursepkg import rng
from coursepkg.models.gan import GAN, ConditionalGAN, Minimax, NonSaturating, Watch, saturated
from coursepkg.training import fit_adversarial


class Shifted(nn.Module):
    """Examples are z + 3 (+ the label); with a weight, so that there is something to train."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(3.0))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return z + self.shift if c is None else z + self.shift + c[:, None]


class Slope(nn.Module):
    """D(x) = -a · x: what is smaller is more real."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return -self.a * x[:, 0]


def model(a: float, objective) -> GAN:
    return GAN(Shifted(), Slope(a), latent=1, event=(1,), objective=objective)


@pytest.mark.parametrize("a", [0.5, 20.0])
def test_a_look_is_two_numbers_of_a_critic_that_is_known(a):
    """By hand. Kills: real for fake, the slope of the critic's loss, a sum."""
    x = torch.linspace(-1, 4, 500)[:, None]
    fake = torch.randn(500, 1, generator=rng.seeded(1)) + 3
    right = (x < fake).double().mean().item()
    for objective, odds in ((Minimax(), -a * fake), (NonSaturating(), a * fake)):
        with torch.no_grad():
            look = Watch(x, generator=rng.seeded(1))(model(a, objective))
        heard = torch.sigmoid(odds).mean().item()
        assert look == pytest.approx({"right": right, "heard": heard})
    assert 0.5 < right < 1


def test_a_look_knows_the_label():
    """Kills: a conditional net that is asked without one."""
    gan = ConditionalGAN(Shifted(), Slope(1.0), classes=9, latent=1, event=(1,),
                         objective=Minimax())  # fmt: skip
    x, c = torch.linspace(-1, 12, 300)[:, None], torch.arange(300) % 9
    fake = torch.randn(300, 1, generator=rng.seeded(1)) + 3 + c[:, None]
    look = Watch(x, condition=c, generator=rng.seeded(1))(gan)
    assert look["right"] == pytest.approx((x < fake).double().mean().item())


def test_the_history_reports_a_critic_that_has_become_sure():
    """Data at -5, samples at 3, a net that stands still: minimax falls silent, the other does not.

    Kills: a report of the right share alone.
    """
    reported = {}
    for objective in (Minimax(), NonSaturating()):
        gan = model(0.1, objective)
        data = torch.randn(200, 1, generator=rng.seeded(2)) - 5
        history = fit_adversarial(
            gan, data, epochs=12, batch_size=50, generator=rng.seeded(3), progress=False,
            monitor=Watch(data, generator=rng.seeded(4)),
            critic_optimizer=torch.optim.SGD(gan.critic.parameters(), 2.0),
            generator_optimizer=torch.optim.SGD(gan.net.parameters(), 1e-9),
        )  # fmt: skip
        assert len(history.monitored) == 12
        reported[type(objective).__name__] = saturated(history.monitored)
    assert reported["NonSaturating"] == []
    assert reported["Minimax"][-1] == 12
    assert len(reported["Minimax"]) > 6


def test_both_signs_are_needed():
    """Kills: an `or`; epochs from 0; a bound that is not strict."""
    looks = [(0.6, 1.0), (0.995, 0.5), (0.995, 0.009), (0.6, 0.001), (1.0, 0.01), (0.99, 0.0)]
    looks = [{"right": right, "heard": heard} for right, heard in looks]
    assert saturated(looks) == [3, 6]
    assert saturated(looks, heard=0.6) == [2, 3, 5, 6]
    assert saturated(looks, right=0.5) == [3, 4, 6]
    assert saturated(looks[:1]) == saturated([]) == []

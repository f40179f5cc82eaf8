"""A model without any likelihood keeps the promises too: a GAN of a few lines on the line."""

from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from coursepkg import protocols, rng
from coursepkg.evaluation import nats
from coursepkg.training import AdversarialHistory, fit_adversarial

MEAN, SCALE = 2.0, 0.5


class ToyGAN(nn.Module):
    """Samples a + b·z, z ~ N(0, 1); the critic's log-odds are a quadratic, as of two normals."""

    def __init__(self, *, generator: Generator) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.zeros(())), nn.Parameter(torch.ones(()))
        with rng.global_state_from(generator):
            self.critic = nn.Linear(2, 1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        return self.a + self.b * torch.randn(n, generator=generator)

    def logit(self, x: Tensor) -> Tensor:
        return self.critic(torch.stack([x, x.square()], 1)).squeeze(1)

    def critic_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        fake = self.sample(len(x), generator=generator).detach()
        return softplus(-self.logit(x)) + softplus(self.logit(fake))

    def generator_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        return softplus(-self.logit(self.sample(len(x), generator=generator)))


@pytest.fixture(scope="module")
def data() -> Tensor:
    return MEAN + SCALE * torch.randn(1000, generator=rng.seeded(1))


def train(model: ToyGAN, data: Tensor, *, epochs: int, **options) -> AdversarialHistory:
    return fit_adversarial(
        model, data, epochs=epochs, batch_size=50, critic_steps=5, generator=rng.seeded(2),
        critic_optimizer=torch.optim.Adam(model.critic.parameters(), 0.1, betas=(0.5, 0.99)),
        generator_optimizer=torch.optim.Adam([model.a, model.b], 0.02, betas=(0.5, 0.99)),
        progress=False, **options,
    )  # fmt: skip


def gap(data: Tensor):
    """Distance of samples from the data in mean and scale, with the same noise every time."""

    def select(model: ToyGAN) -> float:
        x = model.sample(2000, generator=rng.seeded(9))
        return ((x.mean() - data.mean()).abs() + (x.std() - data.std()).abs()).item()

    return select


def test_it_claims_what_it_can_do_and_nothing_else():
    """Two losses and samples, and no word about p(x)."""
    model = ToyGAN(generator=rng.seeded(0))
    promises = {name: promise for name, promise in vars(protocols).items()
                if getattr(promise, "_is_runtime_protocol", False)}  # fmt: skip
    assert {"Exact", "Weighted", "Energy"} <= set(promises), "vacuous: nothing could be claimed"
    can = {name for name, promise in promises.items() if isinstance(model, promise)}
    assert can == {"Adversarial", "Sampler"}


def test_it_has_no_likelihood(data):
    """The sign is a dash. Kills: a number in its place."""
    with pytest.raises(TypeError, match=r"ToyGAN says nothing about p.*—"):
        nats(ToyGAN(generator=rng.seeded(0)), data, generator=rng.seeded(0))


def test_samples_come_near_the_data(data):
    """From mean 0 to near 2. Kills: a generator that climbs its loss or stands still.

    The average of the weights was 0.047 off (root mean square, eight seeds), so that a sound run is
    off by 0.3 in fewer than one of 10^6 cases if errors are normal; one that stands still is off by
    2. The standard error of the 10,000 draws is 0.005.
    """
    model = ToyGAN(generator=rng.seeded(0))
    train(model, data, epochs=60, ema=0.98)
    x = model.sample(10_000, generator=rng.seeded(3)).detach()
    assert abs(x.mean().item() - MEAN) < 0.3


def test_select_keeps_the_epoch_whose_samples_are_nearest(data):
    """Kills: the last epoch kept."""
    model = ToyGAN(generator=rng.seeded(0))
    select = gap(data)
    history = train(model, data, epochs=30, select=select)
    assert history.best_epoch == 1 + history.selected.index(min(history.selected))
    with torch.no_grad():
        assert select(model) == min(history.selected) < history.selected[-1]


def test_resume_is_bit_for_bit(data, tmp_path: Path):
    """Kills: one optimizer's momenta lost."""
    options = {"ema": 0.9, "select": gap(data)}
    whole = ToyGAN(generator=rng.seeded(0))
    history = train(whole, data, epochs=6, **options)
    for epochs in (3, 6):
        part = ToyGAN(generator=rng.seeded(0))
        again = train(part, data, epochs=epochs, checkpoint=tmp_path / "gan.pt", **options)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, part.state_dict()[name]), name
    assert history.critic == again.critic
    assert history.generator == again.generator
    assert history.selected == again.selected
    assert len(again.selected) == 6

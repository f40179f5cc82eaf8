"""Small models whose training can be written out, and recipes for them."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout, softplus

from coursepkg import rng


class Line(nn.Module):
    """Squared error of y = w·x + b with a little noise from the generator."""

    def __init__(self, noise: float = 0.1, p_drop: float = 0.0) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(()))
        self.noise, self.p_drop, self.rows = noise, p_drop, 0

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        self.rows += len(x)
        eps = torch.randn(len(x), generator=generator)
        with rng.global_state_from(generator):
            features = dropout(x[:, :3], self.p_drop, self.training)
        return (x[:, 3] - features @ self.w - self.b + self.noise * eps).square()


class ConditionalLine(Line):
    """The same with y for the data and the features for the condition."""

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        return super().loss(torch.cat([condition, x[:, None]], 1), generator=generator)


class Shift(nn.Module):
    """A GAN on the line: samples are noise plus `shift`, the critic says slope·x + bias.

    The critic's loss is not detached from the samples: the trainer has to keep the players apart.
    """

    def __init__(self, noise: float = 0.5) -> None:
        super().__init__()
        self.noise, self.calls = noise, []
        self.shift = nn.Parameter(torch.tensor(-1.0))
        self.slope, self.bias = nn.Parameter(torch.tensor(0.3)), nn.Parameter(torch.tensor(0.1))

    @property
    def critic(self) -> list[nn.Parameter]:
        return [self.slope, self.bias]

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        return self.shift + self.noise * torch.randn(n, generator=generator)

    def logit(self, x: Tensor) -> Tensor:
        return self.slope * x + self.bias

    def critic_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        self.calls.append(("critic", x, weights(self)))
        fake = self.sample(len(x), generator=generator)
        return softplus(-self.logit(x)) + softplus(self.logit(fake))

    def generator_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        self.calls.append(("generator", x, weights(self)))
        return softplus(-self.logit(self.sample(len(x), generator=generator)))


def line_data() -> Tensor:
    generator = rng.seeded(1)
    x = torch.randn(60, 3, generator=generator)
    return torch.cat([x, (x @ torch.tensor([1.0, -2.0, 0.5]) + 0.3)[:, None]], 1)


def recipe(model: nn.Module, **changes) -> dict:
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    # it counts its own steps, unlike one that multiplies the rate that the optimizer remembers
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.99**step)
    common = {"epochs": 6, "batch_size": 16, "optimizer": optimizer, "schedule": schedule,
              "generator": rng.seeded(7), "progress": False}  # fmt: skip
    return common | changes


def two_recipes(model: Shift, **changes) -> dict:
    common = {"critic_optimizer": torch.optim.SGD(model.critic, 0.1, momentum=0.5),
              "generator_optimizer": torch.optim.Adam([model.shift], 0.05),
              "epochs": 4, "batch_size": 16, "critic_steps": 2,
              "generator": rng.seeded(7), "progress": False}  # fmt: skip
    return common | changes


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])

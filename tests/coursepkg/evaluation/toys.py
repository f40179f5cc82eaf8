"""Small laws whose every promise has a closed form."""

import math

import torch
from torch import Generator, Tensor, nn


class Latent(nn.Module):
    """h is a fair coin and x in {0, 1}; P(x = 1 | h) = (0.2, 0.7)[h]. A weight draws h from q.

    The chances in q, (0.9, 0.1), are wrong on purpose.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rates = nn.Parameter(torch.tensor([0.2, 0.7]))

    def p(self) -> Tensor:
        """P(x = 0) and P(x = 1)."""
        one = self.rates.mean()
        return torch.stack([1 - one, one])

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        h = (torch.rand(len(x), generator=generator) < 0.1).long()
        rate = self.rates[h]
        given = torch.where(x == 1, rate, 1 - rate)
        return (0.5 * given / torch.where(h == 1, 0.1, 0.9)).log()


class Unnormalised(nn.Module):
    """The same with Z = e²: another name."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = Latent()

    def unnormalised_log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        return self.latent.log_weight(x, generator=generator) + 2


class Shifted(nn.Module):
    """N(c, e^2s) on the line, with every promise that a conditional law can make."""

    def __init__(self, log_scale: float = 0.3) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(log_scale))

    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        z = (x - condition) / self.log_scale.exp()
        return -z.square() / 2 - self.log_scale - math.log(2 * math.pi) / 2

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        return condition + self.log_scale.exp() * torch.randn(n, generator=generator)


class ShiftedBound(nn.Module):
    """A bound and a weight of N(c, 1), lower by a draw; nothing can be drawn from it."""

    def elbo(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        return -(x - condition).square() / 2 - torch.rand(len(x), generator=generator) - 1

    def log_weight(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        return -(x - condition).square() / 2 + torch.rand(len(x), generator=generator).log()


class ShiftedEstimate(nn.Module):
    def log_prob_estimate(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        return -(x - condition).square() / 2 + torch.randn(len(x), generator=generator)

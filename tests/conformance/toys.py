"""Models of a few lines that make promises which no model of the package makes yet."""

import math

import torch
from torch import Generator, Tensor, nn

from coursepkg.validate import check_levels, check_real


class AffineFlow(nn.Module):
    """x = shift_c + scale_c · z with z from N(0, I), and c a class, one-hot: conditional, exact."""

    def __init__(self, *, classes: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.shift = nn.Parameter(torch.zeros(classes, dim))
        self.log_scale = nn.Parameter(torch.zeros(classes, dim))

    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        check_real(x, event=(self.dim,))
        log_scale = condition @ self.log_scale
        z = (x - condition @ self.shift) / log_scale.exp()
        return -(z.square() / 2 + log_scale + math.log(2 * math.pi) / 2).sum(1)

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        return -self.log_prob(x, condition=condition)

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        z = torch.empty(n, self.dim).to(self.shift).normal_(generator=generator)
        return (condition @ self.shift + (condition @ self.log_scale).exp() * z).detach()


class NoisyTable(nn.Module):
    """A law of one variable of K levels whose log p is heard through noise of mean zero."""

    def __init__(self, generator: Generator, *, levels: int) -> None:
        super().__init__()
        self.levels = levels
        self.logits = nn.Parameter(torch.randn(levels, generator=generator))

    def log_prob_estimate(self, x: Tensor, *, generator: Generator) -> Tensor:
        check_levels(x, event=(1,), levels=self.levels)
        noise = torch.randn(len(x), generator=generator).to(self.logits)
        return self.logits.log_softmax(0)[x[:, 0]] + noise

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        return torch.multinomial(self.logits.exp(), n, True, generator=generator)[:, None]

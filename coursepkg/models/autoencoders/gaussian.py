"""Normal laws with independent coordinates: what an encoder says about z."""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.validate import check_positive


class DiagonalGaussian(NamedTuple):
    """N(mean, diag(std²)) for each example of a batch: mean and std, (B, M), std > 0."""

    mean: Tensor
    std: Tensor

    def draw(self, *, generator: Generator) -> Tensor:
        """z = mean + std · ε, (B, M): gradients pass to both.   Source: :eq:`reparametrisation`."""
        eps = torch.randn(
            self.mean.shape, generator=generator, device=self.mean.device, dtype=torch.float64
        )
        return self.mean + self.std * eps.to(self.mean)

    def log_density(self, z: Tensor) -> Tensor:
        """log q(z), (B, M) -> (B,), nats."""
        u = (z - self.mean) / self.std
        return -(u.square() / 2 + self.std.log() + math.log(2 * math.pi) / 2).sum(-1)

    def kl(self, other: "DiagonalGaussian") -> Tensor:
        """KL(self ‖ other) of each coordinate, (B, M), nats.   Source: :eq:`gaussian-kl`."""
        ratio, shift = self.std / other.std, (self.mean - other.mean) / other.std
        return (ratio.square() + shift.square() - 1) / 2 - ratio.log()


def standard_like(z: Tensor) -> DiagonalGaussian:
    """N(0, I), with the shape of z."""
    return DiagonalGaussian(torch.zeros_like(z), torch.ones_like(z))


def from_network(output: Tensor) -> DiagonalGaussian:
    """Reads what a network says, (B, 2 M): M means, then M logarithms of standard deviations."""
    mean, log_std = output.chunk(2, dim=-1)
    return DiagonalGaussian(mean, log_std.exp())


def check_width(output: Tensor, *, latent: int) -> Tensor:
    """Passes on what an encoder says, if that is two numbers a latent variable.

    Raises:
        ValueError: if it is not.
    """
    check_positive(latent=latent)
    if output.ndim != 2 or output.shape[1] != 2 * latent:
        raise ValueError(
            f"encoder: expected shape (B, {2 * latent}), a mean and a log-deviation for each of "
            f"{latent} latent variables, got {tuple(output.shape)}"
        )
    return output

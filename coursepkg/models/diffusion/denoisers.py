"""What a noisy z says of x: laws p(x | z), whose mean is the guess that diffusion needs.

A denoiser joins a network to a kind of data. The network is told the noise by its log-SNR λ, so
that one network serves every chain and schedule.
"""

from contextlib import nullcontext
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_integers
from coursepkg.models.autoencoders.likelihoods import Categories, Normals
from coursepkg.models.diffusion.signal import signal_at
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_tensor


class GaussianDenoiser(Protocol):
    """p(x | z) with independent coordinates, at any noise."""

    dim: int
    training: bool

    def embed(self, x: Tensor) -> Tensor:
        """x as real numbers, (B, D), to which noise can be added; refuses what is no x."""

    def __call__(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """What the law reads, (B, ·), of z (B, D) and log-SNRs λ (B,)."""

    def mean(self, output: Tensor) -> Tensor:
        """E[embed(x) | z], (B, D)."""

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z), (B,), nats."""

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """x ~ p(x | z), (B, D)."""


def like_of(model: object) -> Tensor:
    """A tensor whose type and device are a model's: a parameter, else a real buffer, else a 0."""
    held = [*model.parameters(), *model.buffers()] if isinstance(model, nn.Module) else []
    return next((each for each in held if each.is_floating_point()), torch.zeros(()))


def drawn_guess(
    denoiser: GaussianDenoiser, z: Tensor, log_snr: Tensor, *, generator: Generator
) -> Tensor:
    """The denoiser's output inside a sampler: the dropout of train mode draws from `generator`."""
    with global_state_from(generator) if denoiser.training else nullcontext():
        return denoiser(z, log_snr)


class LevelDenoiser(nn.Module):
    r"""Pixels with K levels: p(x_d = k | z) ∝ exp(network's logit_dk) N(z_d; α e_k, σ²).

    Source: :eq:`level-denoiser`. The network says what the *other* pixels tell; what z_d itself
    tells of x_d is known exactly, and is added. Logits log p(x_d = k) that heed no z make it exact
    for independent pixels.

    Args:
        net: maps z (B, D) and log-SNRs (B,) to logits, (B, D K), pixel by pixel.
        dim: number of pixels D.
        levels: number of levels K, which become e_k = -1, ..., 1 in equal steps.
    """

    def __init__(self, net: nn.Module, *, dim: int, levels: int) -> None:
        check_methods(net, "__call__", name="net")
        check_integers(dim=dim, levels=levels)
        super().__init__()
        self.net, self.dim, self.law = net, dim, Categories(dim, levels)
        self.values: Tensor
        self.register_buffer("values", torch.linspace(-1, 1, levels), persistent=False)

    def embed(self, x: Tensor) -> Tensor:
        """Levels (B, D) as numbers from -1 to 1."""
        return self.law.inputs(x).to(self.values)

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """Logits of p(x | z), (B, D K)."""
        alpha, sigma = signal_at(log_snr.to(z))
        away = (z[..., None] - alpha[..., None] * self.values) / sigma[..., None]  # (B, D, K)
        logits: Tensor = self.net(z, log_snr)
        if logits.shape != (len(z), away[0].numel()):
            expected = (len(z), away[0].numel())
            raise ValueError(f"net: expected shape {expected}, got {tuple(logits.shape)}")
        return logits - away.square().flatten(1) / 2

    def mean(self, output: Tensor) -> Tensor:
        """E[e | z] of each pixel, (B, D)."""
        p = output.view(len(output), self.dim, -1).softmax(-1)
        return p @ self.values

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z) of levels x, (B,), nats."""
        return self.law.log_likelihood(x, output)

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """Levels, (B, D)."""
        return self.law.draw(output, generator=generator)


class RealDenoiser(nn.Module):
    """Real vectors: the network's output is E[x | z], and p(x | z) = N(E[x | z], σ_x² I).

    Args:
        net: maps z (B, D) and log-SNRs (B,) to guesses of x, (B, D); see `FromNoise`.
        dim: number of variables D.
        std: σ_x > 0, of what the last step leaves.
    """

    def __init__(self, net: nn.Module, *, dim: int, std: float) -> None:
        check_methods(net, "__call__", name="net")
        check_counts(dim=dim)
        super().__init__()
        self.net, self.dim, self.law = net, dim, Normals(dim, std)

    def embed(self, x: Tensor) -> Tensor:
        """x itself, (B, D), in the network's type."""
        return self.law.inputs(x).to(next(self.parameters(), x))

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """E[x | z], (B, D)."""
        guess: Tensor = self.net(z, log_snr)
        if guess.shape != z.shape:
            raise ValueError(f"net: expected shape {tuple(z.shape)}, got {tuple(guess.shape)}")
        return guess

    def mean(self, output: Tensor) -> Tensor:
        """The output, (B, D)."""
        return self.law.mean(output)

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z), (B,), nats: a density."""
        return self.law.log_likelihood(x, output)

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """Real numbers, (B, D)."""
        return self.law.draw(output, generator=generator)


class FromNoise(nn.Module):
    """The guess of x of a network that predicts ε.

    Args:
        net: maps z (B, D) and log-SNRs (B,) to guesses of ε, (B, D).
    """

    def __init__(self, net: nn.Module) -> None:
        check_methods(net, "__call__", name="net")
        super().__init__()
        self.net = net

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """x = (z - σ ε) / α, (B, D)."""
        return signal_at(log_snr.to(z)).x_from_noise(z, self.net(z, log_snr))


class FromVelocity(nn.Module):
    """The guess of x of a network that predicts v = α ε - σ x.

    Args:
        net: maps z (B, D) and log-SNRs (B,) to guesses of v, (B, D).
    """

    def __init__(self, net: nn.Module) -> None:
        check_methods(net, "__call__", name="net")
        super().__init__()
        self.net = net

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """x = α z - σ v, (B, D)."""
        return signal_at(log_snr.to(z)).x_from_velocity(z, self.net(z, log_snr))


class Unheeding(nn.Module):
    """A network that says the same of every z: with log-frequencies, the law of independent pixels.

    Args:
        logits: what it says, (D K,).
    """

    def __init__(self, logits: Tensor) -> None:
        check_tensor(logits, "logits")
        super().__init__()
        self.logits = nn.Parameter(logits.clone())

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """The logits, (B, D K)."""
        return self.logits.expand(len(z), -1)

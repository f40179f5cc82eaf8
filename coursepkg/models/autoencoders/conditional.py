"""Variational autoencoders of x given something else: a label, or how a picture was distorted."""

from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.models.autoencoders.gaussian import DiagonalGaussian, from_network, standard_like
from coursepkg.models.autoencoders.vae import Terms
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_rows


class PixelLaw(Protocol):
    """p(x | z) by the numbers that a decoder puts out; any `Likelihood`, or `CausalPixels`."""

    def inputs(self, x: Tensor) -> Tensor:
        """x as an encoder wants it, real numbers, (B, D); refuses what is no x."""

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z) of x (B, D), given the decoder's output (B, ·) -> (B,), nats."""

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """x ~ p(x | z), (B, D)."""


class ConditionalVAE(nn.Module):
    r"""p(x | c) = ∫ p(z) p(x | z, c) dz with z ~ N(0, I), and a normal q(z | x, c) beside it.

    Says: `elbo` and `log_weight`, bounds on log p(x | c) (≤), if the networks are in eval mode.
    Source: Sohn, Lee and Yan, "Learning structured output representation using deep conditional
    generative models" (2015), with a prior that does not know c.

    Args:
        encoder: maps x, as the law's `inputs` make it real, and c, side by side, (B, D + C), to M
            means and M logarithms of standard deviations, (B, 2 M).
        decoder: maps z and c, side by side, (B, M + C), to what the law reads, (B, ·).
        likelihood: the law p(x | z, c).
        latent: number M of latent variables.
        conditions: size C of a condition, a real vector: one-hot for a label.
        free: the rate, nats an image, up to which the KL costs nothing in `loss`, and only there:
            an encoder that says nothing is then no place to rest. Source: Kingma et al., "Improved
            variational inference with inverse autoregressive flow" (2016).

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, likelihood: PixelLaw, latent: int,
        conditions: int, free: float = 0.0,
    ) -> None:  # fmt: skip
        check_methods(encoder, "__call__", name="encoder")
        check_methods(decoder, "__call__", name="decoder")
        super().__init__()
        check_counts(latent=latent, conditions=conditions)
        if not free >= 0:
            raise ValueError(f"free: expected a rate >= 0, got {free}")
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.latent, self.conditions, self.free = latent, conditions, free

    def posterior(self, x: Tensor, *, condition: Tensor) -> DiagonalGaussian:
        """q(z | x, c), with mean and std (B, M) of x (B, D) and c (B, C)."""
        inputs = self.likelihood.inputs(x)
        self._check(condition, len(x))
        output = self.encoder(torch.cat([inputs.to(condition), condition], dim=1))
        return from_network(output, latent=self.latent)

    def elbo(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """log p(x | z, c) - KL(q(z | x, c) ‖ p(z)) with one z, -> (B,), nats.

        Its mean over `generator` is at most log p(x | c).
        """
        log_likelihood, kl = self.terms(x, condition=condition, generator=generator)
        return log_likelihood - kl.sum(-1)

    def log_weight(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """log p(x | z, c) + log p(z) - log q(z | x, c) with one z, -> (B,), nats.

        The mean of its exponential is p(x | c).
        """
        with global_state_from(generator):
            q, z, log_likelihood = self._drawn(x, condition, generator)
        return log_likelihood + standard_like(z).log_density(z) - q.log_density(z)

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """-elbo, with a KL of `free` at least: an upper bound on -log p(x | c), (B,), nats."""
        log_likelihood, kl = self.terms(x, condition=condition, generator=generator)
        return kl.sum(-1).clamp(min=self.free) - log_likelihood

    def terms(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Terms:
        """log p(x | z, c) with z ~ q, (B,), and the KL of each latent variable, (B, M)."""
        with global_state_from(generator):  # the networks' dropout
            q, z, log_likelihood = self._drawn(x, condition, generator)
        return Terms(log_likelihood, q.kl(standard_like(z)))

    @torch.no_grad()
    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """Draws (n, D), each given its row of the conditions (n, C); without dropout."""
        check_draws(n, generator)
        self._check(condition, n)
        z = standard_like(condition.new_empty(n, self.latent)).draw(generator=generator)
        with eval_mode(self):
            output = self.decoder(torch.cat([z, condition], dim=1))
            return self.likelihood.draw(output, generator=generator)

    def _drawn(
        self, x: Tensor, condition: Tensor, generator: Generator
    ) -> tuple[DiagonalGaussian, Tensor, Tensor]:
        """q, one z from it, and log p(x | z, c)."""
        q = self.posterior(x, condition=condition)
        z = q.draw(generator=generator)
        output = self.decoder(torch.cat([z, condition], dim=1))
        return q, z, self.likelihood.log_likelihood(x, output)

    def _check(self, condition: Tensor, n: int) -> None:
        check_rows(condition, n, event=(self.conditions,), like=self)

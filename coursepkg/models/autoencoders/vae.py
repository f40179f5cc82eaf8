"""The variational autoencoder: a latent variable, a decoder, and an encoder that guesses back."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.models.autoencoders.gaussian import DiagonalGaussian, from_network, standard_like
from coursepkg.models.autoencoders.likelihoods import Likelihood
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_real


class Terms(NamedTuple):
    """The two parts of the bound, whose difference it is: log p(x | z), (B,), and KL, (B, M)."""

    log_likelihood: Tensor
    kl: Tensor


class VAE(nn.Module):
    r"""p(x) = ∫ p(z) p(x | z) dz with z ~ N(0, I), and q(z | x) = N(μ(x), diag σ(x)²) beside it.

    Says: `elbo` and `log_weight`, bounds (≤), if the networks are in eval mode: dropout makes
    another model of every pass. `ImportanceBound` averages weights.
    Kingma and Welling, *Auto-encoding variational Bayes* (2014).

    Args:
        encoder: maps x, as the likelihood's `inputs` make it real, (B, D), to M means and M
            logarithms of standard deviations, (B, 2 M).
        decoder: maps z (B, M) to what the likelihood reads, (B, ·).
        likelihood: the law p(x | z).
        latent: number M of latent variables.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, likelihood: Likelihood, latent: int
    ) -> None:
        check_methods(encoder, "__call__", name="encoder")
        check_methods(decoder, "__call__", name="decoder")
        check_methods(likelihood, "inputs", "log_likelihood", "draw", name="likelihood")
        super().__init__()
        check_counts(latent=latent)
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.latent = likelihood, latent

    def posterior(self, x: Tensor) -> DiagonalGaussian:
        """q(z | x), with mean and std (B, M) of x (B, D)."""
        inputs = self.likelihood.inputs(x).to(self._like())
        return from_network(self.encoder(inputs), latent=self.latent)

    def decode(self, z: Tensor) -> Tensor:
        """What the likelihood reads, (B, ·), of z (B, M)."""
        check_real(z, event=(self.latent,), name="z", like=self)
        output: Tensor = self.decoder(z)
        return output

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log p(x | z) - KL(q(z | x) ‖ p(z)) with one z, (B, D) -> (B,), nats.

        Source: :eq:`vae-elbo`. Its mean over `generator` is at most log p(x).
        """
        log_likelihood, kl = self.terms(x, generator=generator)
        return log_likelihood - kl.sum(-1)

    def terms(self, x: Tensor, *, generator: Generator) -> Terms:
        """log p(x | z) with z ~ q(z | x), and the KL of each latent variable; (B, D) -> both."""
        with global_state_from(generator):  # the networks' dropout
            return self.terms_under(self.posterior(x), x, generator=generator)

    def terms_under(self, q: DiagonalGaussian, x: Tensor, *, generator: Generator) -> Terms:
        """The same with any q(z), one for each example, in place of the encoder's."""
        self._check(q, x)
        z = q.draw(generator=generator)
        log_likelihood = self.likelihood.log_likelihood(x, self.decoder(z))
        return Terms(log_likelihood, q.kl(standard_like(z)))

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log p(x | z) + log p(z) - log q(z | x), (B, D) -> (B,), nats; E exp of it is p(x).

        Source: :eq:`vae-weight`.
        """
        with global_state_from(generator):
            return self.log_weight_under(self.posterior(x), x, generator=generator)

    def log_weight_under(self, q: DiagonalGaussian, x: Tensor, *, generator: Generator) -> Tensor:
        """The same with any q(z), one for each example, in place of the encoder's."""
        self._check(q, x)
        z = q.draw(generator=generator)
        log_likelihood = self.likelihood.log_likelihood(x, self.decoder(z))
        return log_likelihood + standard_like(z).log_density(z) - q.log_density(z)

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-elbo, (B, D) -> (B,), nats."""
        return -self.elbo(x, generator=generator)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D): z from the prior, x from p(x | z); without dropout."""
        check_draws(n, generator)
        z = standard_like(self._like().new_empty(n, self.latent)).draw(generator=generator)
        with eval_mode(self):
            return self.likelihood.draw(self.decoder(z), generator=generator)

    def reconstruct(self, x: Tensor) -> Tensor:
        """E[x | z] at z = the mean of q(z | x), (B, D) -> (B, D), real; without dropout."""
        with eval_mode(self):
            return self.likelihood.mean(self.decode(self.posterior(x).mean))

    def _check(self, q: DiagonalGaussian, x: Tensor) -> None:
        """One law for many examples, or many for one, would be broadcast without a word."""
        expected = (len(x), self.latent)
        for name, numbers in q._asdict().items():
            if numbers.shape != expected:
                raise ValueError(f"{name} of q: expected {expected}, got {tuple(numbers.shape)}")

    def _like(self) -> Tensor:
        """A tensor whose type and device are the networks'."""
        return next(self.decoder.parameters())

"""A chain of latent variables, whose encoder runs down the same chain."""

from collections.abc import Iterator, Sequence

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws, check_integer_lists
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.models.autoencoders.gaussian import DiagonalGaussian, from_network, standard_like
from coursepkg.models.autoencoders.likelihoods import Likelihood
from coursepkg.models.autoencoders.vae import Terms
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods


class HierarchicalVAE(nn.Module):
    r"""z_1 ~ N(0, I), each z_l given the one before normal, and x given the last.

    q(z | x) = ∏ q(z_l | z_{l-1}, x) runs in the same direction, from the top down, so that each of
    its laws is compared with the prior's at the same z_{l-1}.   Source: :eq:`hierarchical-elbo`.
    Sønderby et al., *Ladder variational autoencoders* (2016).

    Says: `elbo` and `log_weight`, bounds (≤), if the networks are in eval mode.

    Args:
        posteriors: L networks, from the top: x as the likelihood's `inputs` make it, and behind it
            z_{l-1}, side by side, (B, D + M_{l-1}), to means and log-deviations of z_l, (B, 2 M_l).
        priors: L - 1 networks: z_{l-1} to means and log-deviations of z_l.
        decoder: maps z_L to what the likelihood reads.
        likelihood: the law p(x | z_L).
        latents: sizes M_1, ..., M_L, from the top.

    Raises:
        ValueError: if the numbers of networks and of sizes do not agree.
    """

    def __init__(
        self, posteriors: Sequence[nn.Module], priors: Sequence[nn.Module], decoder: nn.Module, *,
        likelihood: Likelihood, latents: Sequence[int],
    ) -> None:  # fmt: skip
        check_methods(decoder, "__call__", name="decoder")
        check_methods(likelihood, "inputs", "log_likelihood", "draw", name="likelihood")
        check_integer_lists(latents=latents)
        super().__init__()
        if not len(posteriors) == len(priors) + 1 == len(latents):
            raise ValueError(
                "expected L posteriors, L - 1 priors and L sizes, got "
                f"{len(posteriors)}, {len(priors)} and {len(latents)}"
            )
        for size in latents:
            check_counts(latents=size)
        self.posteriors, self.priors = nn.ModuleList(posteriors), nn.ModuleList(priors)
        self.decoder, self.likelihood, self.latents = decoder, likelihood, tuple(latents)

    def descend(
        self, x: Tensor, *, generator: Generator
    ) -> Iterator[tuple[DiagonalGaussian, DiagonalGaussian, Tensor]]:
        """From the top: q(z_l | z_{l-1}, x), p(z_l | z_{l-1}), and the z_l drawn from q."""
        seen = self.likelihood.inputs(x).to(next(self.parameters()))
        z = seen.new_empty(len(x), 0)
        for posterior, prior, size in zip(
            self.posteriors, [None, *self.priors], self.latents, strict=True
        ):
            q = from_network(posterior(torch.cat([seen, z], dim=1)), latent=size)
            p = standard_like(q.mean) if prior is None else _law(prior, z, size)
            z = q.draw(generator=generator)
            yield q, p, z

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log p(x | z) less the KL of each level, with one z, (B, D) -> (B,), nats."""
        log_likelihood, kl = self.terms(x, generator=generator)
        return log_likelihood - kl.sum(-1)

    def terms(self, x: Tensor, *, generator: Generator) -> Terms:
        """log p(x | z), and the KL of each latent variable, top level first, (B, M_1 + ... + M_L).

        That of a lower level is a draw too, since it depends on the level above.
        """
        with global_state_from(generator):
            levels = list(self.descend(x, generator=generator))
            log_likelihood = self.likelihood.log_likelihood(x, self.decoder(levels[-1][2]))
        return Terms(log_likelihood, torch.cat([q.kl(p) for q, p, _ in levels], dim=1))

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log p(x, z) - log q(z | x), (B, D) -> (B,), nats; E exp of it is p(x)."""
        with global_state_from(generator):
            levels = list(self.descend(x, generator=generator))
            log_likelihood = self.likelihood.log_likelihood(x, self.decoder(levels[-1][2]))
        return log_likelihood + sum(p.log_density(z) - q.log_density(z) for q, p, z in levels)

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-elbo, (B, D) -> (B,), nats."""
        return -self.elbo(x, generator=generator)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D): down the chain of priors, then x; without dropout."""
        check_draws(n, generator)
        top = next(self.parameters()).new_empty(n, self.latents[0])
        z = standard_like(top).draw(generator=generator)
        with eval_mode(self):
            for prior, size in zip(self.priors, self.latents[1:], strict=True):
                z = _law(prior, z, size).draw(generator=generator)
            return self.likelihood.draw(self.decoder(z), generator=generator)


def _law(prior: nn.Module, z: Tensor, latent: int) -> DiagonalGaussian:
    """p(z_l | z_{l-1})."""
    return from_network(prior(z), latent=latent, name="prior")

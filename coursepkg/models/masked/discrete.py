r"""Diffusion of symbols in T steps: the bound of Gaussian diffusion with sums for integrals.

.. math:: -\log p(x) \le \operatorname{KL}(q(z_T | x) \| \pi) + \sum_{t=1}^T
   \operatorname{E} \operatorname{KL}(q(z_{t-1} | z_t, x) \| p(z_{t-1} | z_t)) ,

where p(z_{t-1} | z_t) = Σ_k q(z_{t-1} | z_t, x = k) p(x = k | z_t), symbol by symbol, and z_0 = x.
"""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws
from coursepkg.divergences import divergence_terms
from coursepkg.models.diffusion.discrete_time import stratified
from coursepkg.models.masked.noise import SymbolNoise, kept_odds
from coursepkg.models.masked.order import check_symbols
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods


class DiscreteDiffusion(nn.Module):
    """Levels found back from noise that scrambles or hides, in T steps.

    p(x_d = k | z) ∝ exp(network's logit_dk) q(z_d | x_d = k): the network says what the *other*
    symbols tell; what z_d itself tells is known exactly, and is added.

    Says: `elbo`, a bound (≤), if the network is in eval mode.

    Args:
        net: maps symbols z (B, D) and the log-odds of being kept (B,) to logits of x, (B, D K) or
            (B, D, K).
        noise: the chain; its symbols are the K levels, and behind them a mask if it hides.
        dim: number of variables D.
        levels: number of levels K.

    Raises:
        ValueError: if the noise has fewer symbols than there are levels.
    """

    def __init__(self, net: nn.Module, noise: SymbolNoise, *, dim: int, levels: int) -> None:
        check_methods(net, "__call__", name="net")
        check_methods(noise, "posterior", name="noise")
        super().__init__()
        check_counts(dim=dim, levels=levels)
        if not levels <= len(noise.rest) <= levels + 1:
            raise ValueError(
                f"noise: expected {levels} symbols, or {levels + 1} with a mask, got "
                f"{len(noise.rest)}"
            )
        self.net, self.noise, self.dim, self.levels = net, noise, dim, levels

    def log_conditionals(self, z: Tensor, t: Tensor) -> Tensor:
        """log p(x_d = k | z_t), (B, D) and steps (B,) -> (B, D, K), nats."""
        logits: Tensor = self.net(z, kept_odds(self.noise.alpha_bar[t]))
        if logits.numel() != z.numel() * self.levels:
            expected = (len(z), self.dim * self.levels)
            raise ValueError(f"net: expected shape {expected}, got {tuple(logits.shape)}")
        each = torch.arange(len(z), device=z.device)[:, None]
        own = self.noise.since_start(t).mT[each, z, : self.levels]  # q(z_d | k), (B, D, K)
        return (logits.view_as(own) + own.log()).log_softmax(-1)

    def back(self, z: Tensor, t: Tensor) -> Tensor:
        """p(z_{t-1} = s | z_t), (B, D) and steps (B,) -> (B, D, S).

        Source: :eq:`symbol-back`.
        """
        posterior = self.noise.posterior(z, t)[:, :, : self.levels]  # (B, D, K, S)
        return torch.einsum("bdk,bdks->bds", self.log_conditionals(z, t).exp(), posterior)

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Every step with a z of its own, (B, D) -> (B,), nats.   Source: :eq:`symbol-elbo`."""
        check_symbols(x, dim=self.dim, levels=self.levels)
        total = self.prior_kl(x)
        for t in range(1, self.noise.T + 1):
            steps = torch.full((len(x),), t, device=x.device)
            total = total + self.term(x, steps, generator=generator)
        return -total

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One step of each x: an estimate of -elbo without bias, (B, D) -> (B,), nats."""
        check_symbols(x, dim=self.dim, levels=self.levels)
        u, T = stratified(len(x), generator=generator, device=x.device), self.noise.T
        return self.prior_kl(x) + T * self.term(x, u.mul(T).long() + 1, generator=generator)

    def prior_kl(self, x: Tensor) -> Tensor:
        """KL(q(z_T | x) ‖ π), (B, D) -> (B,), nats; 0 if nothing of x is left."""
        last = self.noise.since_start(torch.full((1,), self.noise.T, device=x.device))[0]
        each = divergence_terms(last, self.noise.rest).sum(1)  # (S,)
        return each[x].sum(1)

    def term(self, x: Tensor, t: Tensor, *, generator: Generator) -> Tensor:
        """KL(q(z_{t-1} | z_t, x) ‖ p(z_{t-1} | z_t)) with one z_t, (B, D), (B,) -> (B,), nats."""
        z = self.noise(x, t, generator=generator)
        right = self.noise.posterior(z, t).gather(
            2, x[..., None, None].expand(-1, -1, 1, len(self.noise.rest))
        )[:, :, 0]
        with global_state_from(generator):  # the network's dropout
            guess = self.back(z, t)
        return divergence_terms(right, guess).sum((1, 2))

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), by T steps from rest."""
        *_, z = self.path(n, generator=generator)
        return z

    @torch.no_grad()
    def path(self, n: int, *, generator: Generator) -> list[Tensor]:
        """z_T, ..., z_0 of n draws, (n, D) each."""
        check_draws(n, generator)
        rest = self.noise.rest.expand(n, -1)
        path = [torch.multinomial(rest, self.dim, replacement=True, generator=generator)]
        for t in range(self.noise.T, 0, -1):
            p = self.back(path[-1], torch.full((n,), t, device=rest.device))
            z = torch.multinomial(p.flatten(0, 1), 1, generator=generator)
            path.append(z.view(n, self.dim))
        return path

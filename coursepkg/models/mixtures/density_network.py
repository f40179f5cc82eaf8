"""Several right answers: a network that says a mixture of normal laws, not one number."""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from coursepkg.counts import check_counts, check_draws
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_positive, check_real, check_rows


class MixtureDensityNetwork(nn.Module):
    r"""p(y | c) = Σ_m π_m(c) Π_d N(y_d; μ_md(c), σ_md(c)²): weights, means, widths of a network.

    With one component it is a regression that also says how unsure it is. Bishop, *Mixture density
    networks* (1994). Source: :eq:`mixture-density-network`.

    Says: `log_prob`, exact (=).

    Args:
        net: maps conditions (B, C) to numbers (B, M (1 + 2 D)).
        components: number of components M.
        dim: D, size of an answer y.
        conditions: C, size of a condition c, a real vector.
        floor: least standard deviation, > 0, in units of y; without one the likelihood of a network
            that meets one answer exactly has no maximum.
    """

    def __init__(
        self, net: nn.Module, *, components: int, dim: int, conditions: int, floor: float = 1e-3
    ) -> None:
        check_methods(net, "__call__", name="net")
        super().__init__()
        check_counts(components=components, dim=dim, conditions=conditions)
        check_positive(floor=floor)
        self.net, self.components, self.dim = net, components, dim
        self.conditions, self.floor = conditions, floor

    def mixture(self, condition: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log π (B, M), μ and σ (B, M, D) at each condition, (B, C)."""
        check_real(condition, event=(self.conditions,), name="condition", like=self)
        M, D = self.components, self.dim
        logits, means, widths = self.net(condition).split([M, M * D, M * D], dim=1)
        sigma = self.floor + softplus(widths)
        return logits.log_softmax(1), means.view(-1, M, D), sigma.view(-1, M, D)

    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        """log p(y | c), answers (B, D) and conditions (B, C) -> (B,), nats; a density."""
        check_real(x, event=(self.dim,), like=self)
        check_rows(condition, len(x), like=self)
        log_pi, mu, sigma = self.mixture(condition)
        squares = ((x[:, None] - mu) / sigma).square()
        log_normal = -(squares + math.log(2 * math.pi)) / 2 - sigma.log()
        return (log_pi + log_normal.sum(2)).logsumexp(1)

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """-log p(y | c), (B,), nats; only a network's dropout is drawn."""
        with global_state_from(generator):
            return -self.log_prob(x, condition=condition)

    @torch.no_grad()
    def mean(self, condition: Tensor) -> Tensor:
        """E[y | c], (B, C) -> (B, D): what least squares looks for, and perhaps no answer at all.

        Source: :eq:`least-squares-mean`.
        """
        log_pi, mu, _ = self.mixture(condition)
        return (log_pi.exp()[..., None] * mu).sum(1)

    @torch.no_grad()
    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """Draws (n, D), one answer for each row of the conditions, (n, C)."""
        check_draws(n, generator)
        log_pi, mu, sigma = self.mixture(condition)
        if len(condition) != n:
            raise ValueError(f"condition: expected {n} rows, got {len(condition)}")
        m = torch.multinomial(log_pi.exp(), 1, generator=generator)[:, 0]
        row = torch.arange(n, device=m.device)
        noise = torch.empty_like(mu[:, 0]).normal_(generator=generator)
        return mu[row, m] + sigma[row, m] * noise

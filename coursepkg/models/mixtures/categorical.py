"""Mixtures of independent categoricals, for pixels with few grey levels, fitted by EM."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from coursepkg.counts import check_generator, check_integers, check_numbers
from coursepkg.models.mixtures.em import Mixture, check_enough
from coursepkg.validate import check_levels, check_real


class CategoricalMixture(Mixture):
    r"""p(x) = Σ_z p(z) Π_d p(x_d | z) on vectors of D levels.   Source: :eq:`categorical-mixture`.

    A thousand images cannot fill hundreds of tables of D × K shares. Two remedies, off by default:

    - `width` spreads each observed level over its neighbours. Level x counts as level l by the
      share :math:`s_d(l \mid x) \propto \hat p_d(l) \exp(-|l - x| / \text{width})`, where
      :math:`\hat p_d` is the pixel's histogram, so that no count leaks to levels never seen there.
    - `shrinkage` adds so many imaginary examples to each component, with levels as in
      :math:`\hat p_d`. It is a Dirichlet prior, and EM climbs the posterior.

    Says: `log_prob`, exact (=). Before `fit` every component is uniform.

    Args:
        components: number of components M.
        dim: number of variables D.
        levels: number of levels K.
        width: how far counts are spread, >= 0, in levels; 0 spreads none.
        shrinkage: imaginary examples in each component, >= 0.
        smoothing: pseudo-count of each level in the pixel's histogram, >= 0.
        steps: how many steps of EM `fit` makes at most.
        tolerance: `fit` stops when a step gains less than this, nats per example.
        restarts: how many starts `fit` makes; it keeps the one of highest objective.
        generator: decides from which examples `fit` starts.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self,
        components: int,
        *,
        dim: int,
        levels: int,
        width: float = 0.0,
        shrinkage: float = 0.0,
        smoothing: float = 0.0,
        steps: int = 200,
        tolerance: float = 1e-4,
        restarts: int = 1,
        generator: Generator,
    ) -> None:
        check_integers(
            components=components, dim=dim, levels=levels, steps=steps, restarts=restarts
        )
        super().__init__(
            components, steps=steps, tolerance=tolerance, restarts=restarts, generator=generator
        )
        if dim < 1 or levels < 2:
            raise ValueError(f"expected dim >= 1 and levels >= 2, got dim={dim}, levels={levels}")
        check_numbers(width=width, shrinkage=shrinkage, smoothing=smoothing)
        if not all(0 <= s < float("inf") for s in (width, shrinkage, smoothing)):
            raise ValueError(
                "expected finite width, shrinkage and smoothing >= 0, got "
                f"{width=}, {shrinkage=}, {smoothing=}"
            )
        self.dim, self.levels = dim, levels
        self.width, self.shrinkage, self.smoothing = width, shrinkage, smoothing
        self.log_levels: Tensor  # log p(x_d = l | z), (M, D, K)
        self.histogram: Tensor  # p̂_d(l), the centre of the prior, (D, K)
        uniform = torch.full((dim, levels), 1 / levels)
        self.register_buffer("log_levels", uniform.log().repeat(components, 1, 1))
        self.register_buffer("histogram", uniform)

    def fit(self, x: Tensor) -> "CategoricalMixture":
        """EM on the spread levels of x, (N, D); the climb is in `trace`.

        What climbs is F + log p(θ) of spread copies of x that share one q: with `width` > 0 it
        bounds the mean log p of copies whose levels are drawn from s_d, not that of x.
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        check_enough(x, self.components)
        count = one_hot(x, self.levels).sum(0) + self.smoothing
        self.histogram.copy_(count / count.sum(1, keepdim=True))
        self._ascend_from_data(self.spread(x))
        return self

    def spread(self, x: Tensor) -> Tensor:
        """Shares of the levels as which each level of x counts: (B, D) -> (B, D, K), sum 1.

        Source: :eq:`spread-counts`.
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        if self.width == 0:
            return one_hot(x, self.levels).to(self.log_levels)
        level = torch.arange(self.levels, device=x.device)
        decay = (-(level - level[:, None]).abs() / self.width).to(self.log_levels).exp()
        share = decay[:, None] * self.histogram  # (K, D, K): level x, pixel, level l
        share = share / share.sum(2, keepdim=True)
        return share[x, torch.arange(self.dim, device=x.device)]

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, z): levels (B, D), or shares of levels (B, D, K), -> (B, M), nats.

        Linear in the shares: Σ_d Σ_l s_d(l) log p(l | z), the mean over spread copies.
        """
        share = self._shares(x).flatten(1)
        log_p = self.log_levels.flatten(1)
        never = log_p == -torch.inf  # 0 · -inf must be 0
        joint = share @ log_p.masked_fill(never, 0).T
        joint = joint.masked_fill((share > 0).to(share) @ never.to(share).T > 0, -torch.inf)
        return self.log_weights + joint

    def m_step(self, x: Tensor, r: Tensor) -> None:
        """Weighted counts, of levels (N, D) or shares (N, D, K), plus those of the prior.

        Source: :eq:`categorical-m-step`.
        """
        share = self._shares(x)
        _, alive = self._weigh(r)
        count = (r.T @ share.flatten(1)).view_as(self.log_levels) + self.shrinkage * self.histogram
        self.log_levels[alive] = (count / count.sum(2, keepdim=True)).log()[alive]

    def log_prior(self) -> Tensor:
        """-shrinkage · Σ_z Σ_d KL(p̂_d ‖ p(x_d | z)), (), nats."""
        if self.shrinkage == 0:
            return torch.zeros_like(self.log_weights[0])
        p, log_q = self.histogram, self.log_levels
        terms = torch.where(p > 0, p * (p.log() - log_q), 0)  # 0 log 0 = 0
        return -self.shrinkage * terms.sum()

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats; -inf for levels that no component has."""
        check_levels(x, event=(self.dim,), levels=self.levels)  # no shares of levels
        return super().log_prob(x)

    def sample_given(self, z: Tensor, *, generator: Generator) -> Tensor:
        """Draws each level from the table of its component, (n,) -> (n, D)."""
        check_generator(generator)
        p = self.log_levels[z].exp().flatten(0, 1)
        return torch.multinomial(p, 1, generator=generator).view(len(z), self.dim)

    def _shares(self, x: Tensor) -> Tensor:
        if not x.is_floating_point():
            check_levels(x, event=(self.dim,), levels=self.levels)
            return one_hot(x, self.levels).to(self.log_levels)
        check_real(x, event=(self.dim, self.levels), like=self)
        return x

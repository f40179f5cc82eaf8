"""Autoregressive models of zeros and ones: a classifier for each pixel, and exact likelihoods.

The honest competitors of a Boltzmann machine: nothing latent, and no constant to estimate.
"""

import torch
from sklearn.ensemble import ExtraTreesClassifier
from torch import Generator, Tensor, nn
from torch.nn.functional import logsigmoid

from coursepkg.counts import check_draws, check_integers, check_numbers
from coursepkg.rng import draw_seed
from coursepkg.validate import check_binary


class LogisticAutoregression(nn.Module):
    r"""Fully visible sigmoid belief network (FVSBN).

    Each unit is a logistic regression on those before it,
    :math:`p(x) = \prod_d p(x_d \mid x_{<d})` with
    :math:`p(x_d = 1 \mid x_{<d}) = \sigma(b_d + \sum_{e<d} W_{ed} x_e)` (Frey, Hinton and Dayan,
    1996). Source: :eq:`fvbn-logistic`.

    Says: `log_prob`, exact (=), O(D²) an example. Starts at fair coins.

    Args:
        dim: number of variables D.
        strength: λ of the penalty λ/2 |W|² beside the summed log-likelihood; > 0, or a unit that
            can be predicted without fault has no best weights.
    """

    def __init__(self, *, dim: int, strength: float = 1.0) -> None:
        check_integers(dim=dim)
        super().__init__()
        check_numbers(strength=strength)
        if dim < 1 or not strength > 0:
            raise ValueError(f"expected dim >= 1 and strength > 0, got {dim} and {strength}")
        self.dim, self.strength = dim, strength
        self.W = nn.Parameter(torch.zeros(dim, dim))
        self.b = nn.Parameter(torch.zeros(dim))

    @property
    def learned(self) -> int:
        """How many numbers were learned: b, and what is not 0 in W above its diagonal."""
        return self.dim + int(self.W.triu(1).count_nonzero())

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        check_binary(x, event=(self.dim,), like=self)
        return self._log_prob(x)

    def fit(self, x: Tensor) -> "LogisticAutoregression":
        """Finds the best weights for x, (N, D), by L-BFGS: the problem is convex."""
        check_binary(x, event=(self.dim,), like=self)
        with torch.no_grad():
            self.W.zero_()
            self.b.zero_()
        optimizer = torch.optim.LBFGS(
            self.parameters(), max_iter=500, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            optimizer.zero_grad()
            penalty = self.strength / 2 * self.W.triu(1).square().sum()
            value = (penalty - self._log_prob(x).sum()) / len(x)
            value.backward()
            return value

        optimizer.step(loss)
        return self

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), one unit after the other."""
        check_draws(n, generator)
        x = self.b.new_zeros(n, self.dim)
        for d in range(self.dim):
            field = self.b[d] + x[:, :d] @ self.W[:d, d]
            x[:, d] = torch.bernoulli(torch.sigmoid(field), generator=generator)
        return x

    def _log_prob(self, x: Tensor) -> Tensor:
        logits = self.b + x @ self.W.triu(1)
        return logsigmoid((2 * x - 1) * logits).sum(-1)


class TreeAutoregression:
    """Each unit is predicted from those before it by extremely randomised trees.

    The share of ones that the trees see is mixed with a fair coin, so that nothing is impossible
    (Geurts, Ernst and Wehenkel, 2006, for the trees).

    Says: `log_prob`, exact (=). D forests.

    Args:
        dim: number of variables D.
        trees: trees of a forest.
        leaf: examples in a leaf, at least.
        coin: share ε of the fair coin, 0 < ε < 1.
        generator: seeds the forests.
    """

    def __init__(
        self, *, dim: int, trees: int = 200, leaf: int = 1, coin: float = 0.01, generator: Generator
    ) -> None:
        check_integers(dim=dim, trees=trees, leaf=leaf)
        check_numbers(coin=coin)
        if dim < 1 or trees < 1 or leaf < 1 or not 0 < coin < 1:
            raise ValueError(
                "expected dim >= 1, trees >= 1, leaf >= 1 and 0 < coin < 1, got "
                f"{dim}, {trees}, {leaf} and {coin}"
            )
        self.dim, self.trees, self.leaf, self.coin = dim, trees, leaf, coin
        self.seed = draw_seed(generator)
        self.forests: list[ExtraTreesClassifier] = []

    @property
    def learned(self) -> int:
        """How many numbers were learned: one share for each leaf."""
        return sum(int(tree.get_n_leaves()) for f in self.forests for tree in f.estimators_)

    def fit(self, x: Tensor) -> "TreeAutoregression":
        """Grows one forest for each unit on x, (N, D)."""
        check_binary(x, event=(self.dim,))
        self.forests = [
            ExtraTreesClassifier(
                self.trees, min_samples_leaf=self.leaf, random_state=self.seed + d
            ).fit(_before(x, d), x[:, d].cpu().numpy())
            for d in range(self.dim)
        ]
        return self

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        check_binary(x, event=(self.dim,))
        probs = torch.stack([self._probs(x, d) for d in range(self.dim)], dim=1)
        return torch.where(x == 1, probs, 1 - probs).log().sum(-1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), one unit after the other."""
        check_draws(n, generator)
        x = torch.zeros(n, self.dim, device=generator.device)
        for d in range(self.dim):
            x[:, d] = torch.bernoulli(self._probs(x, d), generator=generator)
        return x

    def _probs(self, x: Tensor, d: int) -> Tensor:
        """P(x_d = 1 | x_{<d}), (B, D) -> (B,)."""
        forest = self.forests[d] if self.forests else None
        if forest is None:
            return torch.full_like(x[:, 0], 0.5)
        share = forest.predict_proba(_before(x, d)) @ (forest.classes_ == 1)
        return (1 - self.coin) * torch.as_tensor(share).to(x) + self.coin / 2


def _before(x: Tensor, d: int) -> object:
    """The units before d, and a constant one: the first has nothing before it."""
    return torch.cat([torch.ones_like(x[:, :1]), x[:, :d]], dim=1).cpu().numpy()

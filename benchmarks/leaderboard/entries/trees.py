"""Trees for the digits: each pixel predicted from those before it, by no network at all."""

import torch
from sklearn.ensemble import ExtraTreesClassifier
from torch import Generator, Tensor

from benchmarks.leaderboard.board import DIGITS, Entry
from benchmarks.leaderboard.entries.arm import best_chain
from coursepkg.data.digits import LEVELS, Split
from coursepkg.rng import draw_seed

D = 64
SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)


class LevelTrees:
    """p(x_d | x_{<d}): shares of levels among extremely randomised trees, and the pixel's own law.

    The law of independent pixels keeps a share ε of each: nothing is impossible.

    Args:
        log_p: log of the law of independent pixels, (D, K).
        trees: of a forest; a forest for each pixel.
        leaf: examples in a leaf, at least.
        generator: seeds the forests.
    """

    def __init__(self, log_p: Tensor, *, trees: int, leaf: int, generator: Generator) -> None:
        self.alone, self.trees, self.leaf, self.share = log_p.exp(), trees, leaf, SHARES[0]
        self.seed, self.forests = draw_seed(generator), list[ExtraTreesClassifier]()

    @property
    def learned(self) -> int:
        """How many numbers were learned: a law of levels for each leaf, and one for each pixel."""
        leaves = sum(int(tree.get_n_leaves()) for f in self.forests for tree in f.estimators_)
        return leaves * (LEVELS - 1) + self.alone[:, 1:].numel()

    def fit(self, x: Tensor, valid: Tensor) -> "LevelTrees":
        """Grows the forests on x, (N, D); the share ε has the lowest score of validation."""
        self.forests = [
            ExtraTreesClassifier(self.trees, min_samples_leaf=self.leaf, random_state=self.seed + d)
            .fit(_before(x, d), x[:, d].numpy())
            for d in range(x.shape[1])
        ]  # fmt: skip
        guesses = self._guesses(valid)
        self.share = max(SHARES, key=lambda share: self._score(guesses, valid, share).sum().item())
        return self

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        return self._score(self._guesses(x), x, self.share)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), one pixel after the other."""
        x = torch.zeros(n, len(self.alone), dtype=torch.int64)
        for d in range(len(self.alone)):
            p = (1 - self.share) * self._guess(x, d) + self.share * self.alone[d]
            x[:, d] = torch.multinomial(p, 1, generator=generator)[:, 0]
        return x

    def _score(self, guesses: Tensor, x: Tensor, share: float) -> Tensor:
        p = (1 - share) * guesses + share * self.alone
        return p.gather(2, x.long()[..., None])[..., 0].log().sum(1)

    def _guesses(self, x: Tensor) -> Tensor:
        return torch.stack([self._guess(x, d) for d in range(x.shape[1])], dim=1)  # (B, D, K)

    def _guess(self, x: Tensor, d: int) -> Tensor:
        """What the trees say of pixel d, (B, D) -> (B, K)."""
        forest, found = self.forests[d], self.alone.new_zeros(len(x), self.alone.shape[1])
        said = torch.as_tensor(forest.predict_proba(_before(x, d))).to(found)
        found[:, torch.as_tensor(forest.classes_).long()] = said
        return found


def trees(split: Split, generator: Generator, quick: bool) -> LevelTrees:
    """Trees and leaves are those of the binarised digits; only the share ε was chosen here."""
    log_p = best_chain(split, 0, tied=False).table[:, 0]
    model = LevelTrees(log_p, trees=2 if quick else 150, leaf=2, generator=generator)
    return model.fit(split.train, split.valid)


def _before(x: Tensor, d: int) -> object:
    """The pixels before d, and a constant: the first has nothing before it."""
    return torch.cat([torch.ones_like(x[:, :1]), x[:, :d]], dim=1).numpy()


BOARD = DIGITS
ENTRIES = (Entry("extra-trees autoregressive, 17 levels", trees, seeds=3),)

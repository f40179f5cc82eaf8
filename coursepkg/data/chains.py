"""Markov chains that nobody has seen before: each sequence has a transition matrix of its own."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws, check_integers
from coursepkg.validate import check_levels, check_positive


def word_streams(
    n: int, *, dim: int, levels: int, words: int, longest: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Sequences of words that were made up for them: (n, D), and where the symbol is certain.

    Each sequence has words of its own, of 2 to `longest` symbols, no symbol twice, and strings them
    together at random. Behind the first symbol of a word that has been read before, the next one
    is certain, though no sequence before this one had the word.

    Args:
        n: number of sequences.
        dim: symbols of a sequence, D.
        levels: number of symbols K.
        words: words of a sequence.
        longest: symbols of a word, at most; K is enough for all words.
        generator: draws lengths, words and their order, all uniform.

    Raises:
        ValueError: if a number is not above 0, there are too few symbols, or words of one.
    """
    check_draws(n, generator)
    check_counts(dim=dim, words=words)
    check_integers(levels=levels, longest=longest)
    if not 2 <= longest <= levels // words:
        raise ValueError(
            f"expected 2 <= longest <= {levels} / words, got {longest} with {words} words"
        )
    x = torch.empty(n, dim, dtype=torch.int64)
    certain = torch.zeros(n, dim, dtype=torch.bool)
    letters = torch.rand(n, levels, generator=generator, device=generator.device).argsort(1)
    sizes = torch.randint(2, longest + 1, (n, words), generator=generator, device=generator.device)
    order = torch.randint(words, (n, dim), generator=generator, device=generator.device)
    for row in range(n):
        made = _cut(letters[row].tolist(), sizes[row].tolist())
        stream, known, seen = [], [], set[int]()
        for which in order[row].tolist():
            word = made[which]
            stream += word
            known += [False] + [which in seen] * (len(word) - 1)
            seen.add(which)
            if len(stream) >= dim:
                break
        x[row], certain[row] = torch.tensor(stream[:dim]), torch.tensor(known[:dim])
    return x.to(generator.device), certain.to(generator.device)


def _cut(symbols: list[int], sizes: list[int]) -> list[list[int]]:
    """The first symbols as a word of each size."""
    start, words = 0, []
    for size in sizes:
        words.append(symbols[start : start + size])
        start += size
    return words


class RandomChains(nn.Module):
    r"""Sequences x of D symbols, each from a Markov chain whose rows are drawn for it alone.

    The first symbol is uniform; the rows of the matrix are independent, uniform on the simplex up
    to the concentration: Dirichlet(a, ..., a). Seen as one law, with the matrix integrated out,
    the next symbol has probability :math:`(n_{ij} + a) / (n_i + K a)` where n counts the moves so
    far: no predictor does better on average. Source: :eq:`in-context-bayes`.

    Says: `log_prob`, exact (=). A module that learns nothing.

    Args:
        dim: symbols of a sequence, D >= 2.
        levels: number of symbols K.
        concentration: a > 0; small for matrices whose rows are nearly certain.
    """

    def __init__(self, *, dim: int, levels: int, concentration: float) -> None:
        check_integers(dim=dim, levels=levels)
        super().__init__()
        check_positive(concentration=concentration)
        if dim < 2 or levels < 2:
            raise ValueError(f"expected dim >= 2 and levels >= 2, got {dim} and {levels}")
        self.dim, self.levels = dim, levels
        self.a: Tensor  # the concentration, ()
        self.register_buffer("a", torch.tensor(float(concentration)))
        check_positive(concentration=self.a.item())  # in single precision, too

    def log_conditionals(self, x: Tensor) -> Tensor:
        """log p(x_d = k | x_{<d}), the best prediction there is: (B, D) -> (B, D, K), nats."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        K, a, rows = self.levels, self.a, torch.arange(len(x), device=x.device)
        moves = a.new_zeros(len(x), K, K)  # how often j followed i
        found = [a.new_full((len(x), K), 1 / K)]
        for d in range(1, self.dim):
            if d > 1:
                moves[rows, x[:, d - 2], x[:, d - 1]] += 1
            seen = moves[rows, x[:, d - 1]]
            found.append((seen + a) / (seen.sum(1, keepdim=True) + K * a))
        return torch.stack(found, dim=1).log()

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        return self.log_conditionals(x).gather(2, x[..., None]).squeeze(2).sum(1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D): a matrix for each sequence, then its walk.

        A row of the Dirichlet law is a row of gammas over its sum, and G(a) has the law of
        G(a + 1) U^(1/a): in logarithms, since for small a the gammas are too small for a float.
        """
        check_draws(n, generator)
        K, device = self.levels, generator.device
        # torch's gamma sampler takes a generator, its Dirichlet does not
        gammas = torch._standard_gamma(self.a.expand(n, K, K) + 1, generator=generator)
        u = 1 - torch.rand(n, K, K, generator=generator, device=device)
        P = (gammas.log() + u.log() / self.a).softmax(2)
        x = torch.empty(n, self.dim, dtype=torch.int64, device=device)
        x[:, 0] = torch.randint(K, (n,), generator=generator, device=device)
        for d in range(1, self.dim):
            row = P[torch.arange(n, device=device), x[:, d - 1]]
            x[:, d] = torch.multinomial(row, 1, generator=generator).squeeze(1)
        return x

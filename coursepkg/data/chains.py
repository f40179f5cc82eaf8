"""Markov chains that nobody has seen before: each sequence has a transition matrix of its own."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.validate import check_levels, check_positive


def repeating(
    n: int, *, dim: int, levels: int, least: int, most: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Sequences that repeat a block of different symbols: (n, D), and the period of each, (n,).

    Args:
        n: number of sequences.
        dim: symbols of a sequence, D.
        levels: number of symbols K.
        least: shortest period.
        most: longest period, at most K.
        generator: draws the periods, uniform, and the blocks, uniform too.

    Raises:
        ValueError: if a block of different symbols cannot have such a length.
    """
    if not 1 <= least <= most <= levels:
        raise ValueError(f"expected 1 <= least <= most <= {levels}, got {least} and {most}")
    device = generator.device
    period = torch.randint(least, most + 1, (n,), generator=generator, device=device)
    block = torch.rand(n, levels, generator=generator, device=device).argsort(1)
    place = torch.arange(dim, device=device) % period[:, None]
    return block.gather(1, place), period


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
        super().__init__()
        check_positive(concentration=concentration)
        if dim < 2 or levels < 2:
            raise ValueError(f"expected dim >= 2 and levels >= 2, got {dim} and {levels}")
        self.dim, self.levels = dim, levels
        self.a: Tensor  # the concentration, ()
        self.register_buffer("a", torch.tensor(float(concentration)))

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
        """Draws (n, D): a matrix for each sequence, then its walk."""
        K, device = self.levels, generator.device
        # torch's gamma sampler takes a generator, its Dirichlet does not
        gammas = torch._standard_gamma(self.a.expand(n, K, K), generator=generator)
        P = gammas / gammas.sum(2, keepdim=True)
        x = torch.empty(n, self.dim, dtype=torch.int64, device=device)
        x[:, 0] = torch.randint(K, (n,), generator=generator, device=device)
        for d in range(1, self.dim):
            row = P[torch.arange(n, device=device), x[:, d - 1]]
            x[:, d] = torch.multinomial(row, 1, generator=generator).squeeze(1)
        return x

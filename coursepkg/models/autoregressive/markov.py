"""Markov chains of any order, estimated by counting."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from coursepkg.counts import check_draws, check_integers, check_numbers
from coursepkg.validate import check_levels

MAX_ENTRIES = 10**8  # of the table, 0.8 GB in double precision


class MarkovChain(nn.Module):
    r"""Markov chain of order L over D levels; as an autoregressive model, a table of conditionals.

    :math:`p(x) = \prod_d p(x_d \mid x_{d-1}, \dots, x_{d-L})`. Source: :eq:`markov-order`. Where
    the window reaches past the start it holds the symbol K, "no pixel", so that the start terms
    :math:`p(x_1), p(x_2 \mid x_1), \dots` are rows of the same table and are estimated separately.

    Says: `log_prob`, exact (=). Order 0 is the histogram: of all pixels together where the table is
    tied, of each pixel by itself (independent categoricals) where it is not. Before `fit` every
    conditional is uniform.

    Args:
        order: window length L >= 0.
        dim: number of variables D.
        levels: number of levels K; the table has (K + 1)^L K entries, D times that if not tied.
        tied: whether all positions share one table (a homogeneous chain).
        smoothing: pseudo-count added to every entry, >= 0; 0 is maximum likelihood.

    Raises:
        ValueError: if a size is impossible or the table would be too large.
    """

    def __init__(
        self, order: int, *, dim: int, levels: int, tied: bool = True, smoothing: float
    ) -> None:
        check_integers(order=order, dim=dim, levels=levels)
        super().__init__()
        check_numbers(smoothing=smoothing)
        if order < 0 or dim < 1 or levels < 2 or not 0 <= smoothing < float("inf"):
            raise ValueError(
                "expected order >= 0, dim >= 1, levels >= 2 and a finite smoothing >= 0, got "
                f"order={order}, dim={dim}, levels={levels}, smoothing={smoothing}"
            )
        shape = (1 if tied else dim, (levels + 1) ** order, levels)
        if shape[0] * shape[1] * shape[2] > MAX_ENTRIES:
            raise ValueError(f"expected a table of at most {MAX_ENTRIES:.0e} entries, got {shape}")
        self.order, self.dim, self.levels, self.smoothing = order, dim, levels, smoothing
        self.table: Tensor  # log p(level | context) of each position, (D or 1, contexts, K)
        self.register_buffer("table", torch.zeros(shape).log_softmax(-1))

    def fit(self, x: Tensor) -> "MarkovChain":
        """Counts the transitions in x, (N, D) levels, and normalises each row of the table.

        Source: :eq:`markov-counts`. A context that never occurs keeps the uniform distribution.
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        cell = self._rows(x) * self.levels + x
        count = torch.bincount(cell.flatten(), minlength=self.table.numel())
        count = count.view_as(self.table).double() + self.smoothing
        total = count.sum(-1, keepdim=True)
        p = torch.where(total > 0, count / total, 1 / self.levels)
        self.table.copy_(p.log())
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of each pixel given its window: (B, D) -> (B, D, K), nats."""
        return self.table.flatten(0, 1)[self._rows(x)]

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats; -inf where smoothing is 0 and a transition is new."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        chosen: Tensor = self(x).gather(-1, x[..., None]).squeeze(-1)
        return chosen.sum(-1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D) pixel by pixel."""
        check_draws(n, generator)
        x = torch.zeros(n, self.dim, dtype=torch.int64, device=self.table.device)
        for d in range(self.dim):
            p = self(x)[:, d].exp()
            x[:, d] = torch.multinomial(p, 1, generator=generator).squeeze(-1)
        return x

    def _rows(self, x: Tensor) -> Tensor:
        """Row of the flattened table that each pixel's context selects, (B, D) -> (B, D)."""
        past = pad(x, (self.order, 0), value=self.levels)
        row = torch.arange(self.dim, device=x.device) * (len(self.table) > 1)
        for lag in range(1, self.order + 1):
            start = self.order - lag
            row = row * (self.levels + 1) + past[:, start : start + self.dim]
        return row.expand_as(x)

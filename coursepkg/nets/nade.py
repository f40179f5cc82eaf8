"""NADE: hidden units for each conditional, which share their weights and most of their work."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_integers, check_share, check_sizes
from coursepkg.rng import global_state_from


class NADE(nn.Module):
    r"""Neural autoregressive distribution estimator: D small networks with shared weights.

    .. math::

       p(x_d = k \mid x_{<d}) = \operatorname{softmax}_k(b_{dk} + V_{dk} \cdot h_d), \quad
       h_d = \sigma(a_d), \quad a_d = c + \sum_{e<d} W_{e,x_e}.

    The activations share a recursion, :math:`a_{d+1} = a_d + W_{d,x_d}`, so that all D
    conditionals cost O(D H K) and not O(D² H). With two levels, W_{e0} = 0 and V_{d0} = 0 it is
    the binary NADE of Larochelle and Murray (2011), equations 2 and 3. Sources:
    :eq:`nade-conditional`, :eq:`nade-recursion`.

    Args:
        dim: number of variables D.
        levels: number of levels K.
        hidden: number of hidden units H.
        conditions: size of a condition, which shifts a_1 by a linear map; 0 for none.
        dropout: probability that a hidden unit is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, *, dim: int, levels: int, hidden: int, conditions: int = 0, dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_sizes(conditions=conditions)
        check_integers(dim=dim, levels=levels, hidden=hidden)
        check_share(dropout=dropout)
        super().__init__()
        if min(dim, hidden) < 1 or levels < 2:
            raise ValueError(
                f"expected dim >= 1, levels >= 2 and hidden >= 1, got {dim}, {levels}, {hidden}"
            )
        self.dim, self.levels = dim, levels
        with global_state_from(generator):
            self.W = nn.Parameter(torch.randn(dim, levels, hidden) / dim**0.5)
            self.V = nn.Parameter(torch.randn(dim, levels, hidden) / hidden)
            self.given = nn.Linear(conditions, hidden, bias=False) if conditions else None
        self.b = nn.Parameter(torch.zeros(dim, levels))
        self.c = nn.Parameter(torch.zeros(hidden))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps levels (B, D), or soft ones (B, D, K), to logits (B, D, K)."""
        (first,), steps = self.start(len(x), condition), self._steps(x)
        a = torch.stack([first, *steps[:, :-1].unbind(1)], dim=1).cumsum(1)  # (B, D, H)
        h = self.dropout(torch.sigmoid(a))
        return torch.einsum("bdh,dkh->bdk", h, self.V) + self.b

    def start(self, n: int, condition: Tensor | None = None) -> list[Tensor]:
        """The memory before the first variable: a_1 for n examples, (n, H)."""
        a = self.c.expand(n, -1)
        return [a if self.given is None else a + self.given(condition)]

    def step(self, memory: list[Tensor], x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (B, K), from x_{<d}; moves the running activation on, in `memory`."""
        if d > 0:
            memory[0] = memory[0] + self.W[d - 1, x[:, d - 1]]
        return torch.sigmoid(memory[0]) @ self.V[d].T + self.b[d]

    @torch.no_grad()
    def start_from(self, log_p: Tensor) -> None:
        """Makes the untrained network say log_p, (D, K), whatever the past."""
        self.b.copy_(log_p)
        nn.init.zeros_(self.V)

    def _steps(self, x: Tensor) -> Tensor:
        """W_{d, x_d}, what each variable adds to the activation: (B, D) -> (B, D, H)."""
        if x.is_floating_point():
            return torch.einsum("bdk,dkh->bdh", x, self.W)
        return self.W[torch.arange(self.dim, device=x.device), x]

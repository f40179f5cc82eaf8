"""The restricted Boltzmann machine of zeros and ones, 1986's harmonium."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from coursepkg.enumeration import binary_states, check_states, log_sum_exp
from coursepkg.validate import check_binary


class RBM(nn.Module):
    r"""D visible and M hidden units, all 0 or 1, linked across the layers only.

    :math:`p(v, h) = e^{-E(v, h)} / Z` with
    :math:`E(v, h) = -b^\top v - c^\top h - v^\top W h`. Source: :eq:`rbm-energy`.

    Says: `free_energy`, so log p(v) up to log Z (≈). If one layer has 20 units or so, `log_z` sums
    over its states, and then `Normalised(rbm)` says `log_prob` (=).

    Args:
        visible: number of visible units D.
        hidden: number of hidden units M.
        generator: draws the weights, normal with standard deviation `scale`; biases start at 0.
        scale: standard deviation of the first weights.
    """

    def __init__(
        self, visible: int, hidden: int, *, generator: Generator, scale: float = 0.01
    ) -> None:
        super().__init__()
        if visible < 1 or hidden < 1 or not scale >= 0:
            raise ValueError(
                "expected visible >= 1, hidden >= 1 and scale >= 0, got "
                f"{visible}, {hidden}, {scale}"
            )
        device = generator.device
        self.W = nn.Parameter(
            scale * torch.randn(visible, hidden, generator=generator, device=device)
        )
        self.b = nn.Parameter(torch.zeros(visible, device=device))
        self.c = nn.Parameter(torch.zeros(hidden, device=device))

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h), (B, D) and (B, M) -> (B,). Source: :eq:`rbm-energy`."""
        check_binary(v, event=self.b.shape)
        check_binary(h, event=self.c.shape, name="h")
        return -(v @ self.b) - h @ self.c - ((v @ self.W) * h).sum(-1)

    def free_energy(self, x: Tensor) -> Tensor:
        """F(v) = -log Σ_h exp(-E(v, h)), (B, D) -> (B,), nats. Source: :eq:`rbm-free-energy`."""
        check_binary(x, event=self.b.shape)
        return self._free_energy(x)

    def hidden_probs(self, v: Tensor) -> Tensor:
        """P(h_j = 1 | v), (B, D) -> (B, M). Source: :eq:`rbm-hidden-given-visible`."""
        return torch.sigmoid(self.c + v @ self.W)

    def visible_probs(self, h: Tensor) -> Tensor:
        """P(v_i = 1 | h), (B, M) -> (B, D). Source: :eq:`rbm-visible-given-hidden`."""
        return torch.sigmoid(self.b + h @ self.W.T)

    def sample_hidden(self, v: Tensor, *, generator: Generator) -> Tensor:
        """Draws h from p(h | v), (B, D) -> (B, M)."""
        return torch.bernoulli(self.hidden_probs(v), generator=generator)

    def sample_visible(self, h: Tensor, *, generator: Generator) -> Tensor:
        """Draws v from p(v | h), (B, M) -> (B, D)."""
        return torch.bernoulli(self.visible_probs(h), generator=generator)

    def log_z(self) -> Tensor:
        """Log Z, (), nats, exactly: one layer is summed out by formula, the smaller by enumeration.

        O(2^min(D, M) D M). Source: :eq:`rbm-log-z`.

        Raises:
            ValueError: if the smaller layer has more than 22 units, or a weight is not finite.
        """
        self._check_weights()
        D, M = self.W.shape
        if M <= D:
            return log_sum_exp(lambda h: -self._hidden_free_energy(h), M, like=self.W)
        return log_sum_exp(lambda v: -self._free_energy(v), D, like=self.W)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws n independent v, (n, D), exactly: h from its enumerated law, then v given h.

        A chain (`BlockGibbs`) does this approximately for machines of any size.

        Raises:
            ValueError: if there are more than 22 hidden units, or a weight is not finite.
        """
        self._check_weights()
        check_states(2 ** len(self.c), what="an exact draw of the hidden units")
        h = binary_states(len(self.c), like=self.W)
        p = torch.softmax(-self._hidden_free_energy(h), dim=0)
        cumulated = p.double().cumsum(0)
        u = torch.rand(n, generator=generator, dtype=torch.float64, device=p.device)
        row = torch.searchsorted(cumulated, u * cumulated[-1], right=True)
        return self.sample_visible(h[row], generator=generator)

    def _free_energy(self, v: Tensor) -> Tensor:
        return -(v @ self.b) - softplus(self.c + v @ self.W).sum(-1)

    def _hidden_free_energy(self, h: Tensor) -> Tensor:
        """-log Σ_v exp(-E(v, h)): the same with the layers exchanged."""
        return -(h @ self.c) - softplus(self.b + h @ self.W.T).sum(-1)

    def _check_weights(self) -> None:
        for name, weights in self.named_parameters():
            if not weights.isfinite().all():
                bad = int((~weights.isfinite()).sum())
                raise ValueError(f"{name}: expected finite weights, got {bad} NaN or inf")

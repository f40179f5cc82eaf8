"""The restricted Boltzmann machine of zeros and ones, 1986's harmonium."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import softplus

from coursepkg.enumeration import log_sum_exp
from coursepkg.models.rbm.harmonium import Harmonium, draw_bits
from coursepkg.validate import check_binary, check_real, check_weights


def marginal_rates(x: Tensor) -> Tensor:
    """How often each unit is on, (N, D) -> (D,), after half an example more of either kind.

    So no rate is 0 or 1, whose log odds are infinite.

    Args:
        x: zeros and ones, or probabilities of ones, (N, D).

    Raises:
        ValueError: if x holds anything else.
    """
    check_real(x)
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError(f"x: expected values from 0 to 1, got {x.min():.4g} to {x.max():.4g}")
    return (x.sum(0) + 0.5) / (len(x) + 1)


class RBM(Harmonium):
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
        mask: links that exist, (D, M) of zeros and ones; default all.
    """

    @torch.no_grad()
    def start_from(self, x: Tensor) -> None:
        """Sets b to the log odds of x, (N, D): with W = 0 the visible units have its rates.

        So that learning starts at independent pixels, and W need not learn them first. See
        `marginal_rates`; W and c stay.
        """
        self.check_visible(x)
        self.b.copy_(marginal_rates(x).logit())

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h), (B, D) and (B, M) -> (B,). Source: :eq:`rbm-energy`."""
        self.check_visible(v, name="v")
        check_binary(h, event=self.c.shape, name="h", like=self)
        return -(v @ self.b) - h @ self.c - ((v @ self.W) * h).sum(-1)

    def free_energy(self, x: Tensor) -> Tensor:
        """F(v) = -log Σ_h exp(-E(v, h)), (B, D) -> (B,), nats. Source: :eq:`rbm-free-energy`."""
        self.check_visible(x)
        return -(x @ self.b) - softplus(self.c + x @ self.W).sum(-1)

    def hidden_free_energy(self, h: Tensor) -> Tensor:
        """-log Σ_v exp(-E(v, h)), (B, M) -> (B,), nats: the same with the layers exchanged."""
        return -(h @ self.c) - softplus(self.b + h @ self.W.T).sum(-1)

    def hidden_probs(self, v: Tensor) -> Tensor:
        """P(h_j = 1 | v), (B, D) -> (B, M). Source: :eq:`rbm-hidden-given-visible`."""
        self.check_layer(v, self.b, "v")
        return torch.sigmoid(self.c + v @ self.W)

    def visible_probs(self, h: Tensor) -> Tensor:
        """P(v_i = 1 | h), (B, M) -> (B, D). Source: :eq:`rbm-visible-given-hidden`."""
        self.check_layer(h, self.c, "h")
        return torch.sigmoid(self.b + h @ self.W.T)

    def hidden_mean(self, v: Tensor) -> Tensor:
        """E[h | v], which is P(h_j = 1 | v) for zeros and ones, (B, D) -> (B, M)."""
        return self.hidden_probs(v)

    def visible_mean(self, h: Tensor) -> Tensor:
        """E[v | h], which is P(v_i = 1 | h) for zeros and ones, (B, M) -> (B, D)."""
        return self.visible_probs(h)

    @torch.no_grad()
    def sample_hidden(self, v: Tensor, *, generator: Generator) -> Tensor:
        """Draws h from p(h | v), (B, D) -> (B, M)."""
        return draw_bits(self.hidden_probs(v), generator=generator)

    @torch.no_grad()
    def sample_visible(self, h: Tensor, *, generator: Generator) -> Tensor:
        """Draws v from p(v | h), (B, M) -> (B, D)."""
        return draw_bits(self.visible_probs(h), generator=generator)

    def log_z(self) -> Tensor:
        """Log Z, (), nats, exactly: one layer is summed out by formula, the smaller by enumeration.

        O(2^min(D, M) D M). Source: :eq:`rbm-log-z`.

        Raises:
            ValueError: if the smaller layer has more than 22 units, or a weight is not finite.
        """
        check_weights(self)
        D, M = self.W.shape
        if M <= D:
            return log_sum_exp(lambda h: -self.hidden_free_energy(h), M, like=self.W)
        return log_sum_exp(lambda v: -self.free_energy(v), D, like=self.W)

    def check_visible(self, v: Tensor, *, name: str = "x") -> None:
        """Checks that v is a batch (B, D) of zeros and ones."""
        check_binary(v, event=self.b.shape, name=name, like=self)

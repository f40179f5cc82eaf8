"""The Boltzmann machine: every unit may be linked to every other."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import (
    check_draws,
    check_generator,
    check_integers,
    check_numbers,
    check_sizes,
)
from coursepkg.enumeration import Unnormalised, binary_states, log_sum_exp
from coursepkg.validate import check_binary, check_weights


class BoltzmannMachine(Unnormalised):
    r"""Units s = (v, h) of 0 or 1, all coupled, the visible ones first.

    :math:`p(s) = e^{-E(s)} / Z` with
    :math:`E(s) = -\sum_{i<j} R_{ij} s_i s_j - b^\top s`: each pair counts once, and R has a zero
    diagonal. Source: :eq:`boltzmann-energy`.

    Says: `free_energy` of the visible units, by enumeration of the hidden ones. `log_z` enumerates
    all units, and then `Normalised` says `log_prob` (=). `coursepkg.objectives.ExactLikelihood`
    trains it: a coupling grows by how much oftener its two units are on together in the data, with
    the hidden units drawn given v, than in the machine. Source: :eq:`boltzmann-gradient`.

    Args:
        visible: number of visible units D.
        hidden: number of hidden units M; 0 for a machine of visible units only.
        generator: draws the couplings, normal with standard deviation `scale`; biases start at 0.
        scale: standard deviation of the first couplings.
    """

    def __init__(
        self, visible: int, hidden: int = 0, *, generator: Generator, scale: float = 0.01
    ) -> None:
        check_sizes(hidden=hidden)
        check_integers(visible=visible)
        check_generator(generator)
        super().__init__()
        check_numbers(scale=scale)
        if visible < 1 or hidden < 0 or not scale >= 0:
            raise ValueError(
                "expected visible >= 1, hidden >= 0 and scale >= 0, got "
                f"{visible}, {hidden}, {scale}"
            )
        self.visible, self.hidden = visible, hidden
        units, device = visible + hidden, generator.device
        U = scale * torch.randn(units, units, generator=generator, device=device)
        self.U = nn.Parameter(U.triu(1))
        self.b = nn.Parameter(torch.zeros(units, device=device))

    @property
    def R(self) -> Tensor:
        """The couplings, (D + M, D + M): symmetric, zero diagonal. U above the diagonal counts."""
        upper = self.U.triu(1)
        return upper + upper.T

    def energy(self, s: Tensor) -> Tensor:
        """E(s) of all units, (B, D + M) -> (B,). Source: :eq:`boltzmann-energy`."""
        check_binary(s, event=self.b.shape, name="s", like=self)
        return self._energy(s)

    def free_energy(self, x: Tensor) -> Tensor:
        """-log Σ_h exp(-E(v, h)), (B, D) -> (B,), nats, by enumeration, O(2^M).

        Raises:
            ValueError: if there are more than 22 hidden units, or x is not (B, D) of 0 and 1.
        """
        check_binary(x, event=(self.visible,), like=self)
        return -torch.logsumexp(-self._energy(self._completions(x)), dim=1)

    def conditional_probs(self, s: Tensor) -> Tensor:
        """P(s_i = 1 | all others) for every i, (B, D + M) -> (B, D + M).

        Source: :eq:`boltzmann-conditional`.
        """
        return torch.sigmoid(self.b + s @ self.R)

    @torch.no_grad()
    def draw_conditional(self, d: int, x: Tensor, *, generator: Generator) -> Tensor:
        """Draws unit d given all others, (C, D + M) -> (C,), for `SystematicGibbs`."""
        check_generator(generator)
        return torch.bernoulli(torch.sigmoid(self.b[d] + x @ self.R[:, d]), generator=generator)

    def log_z(self) -> Tensor:
        """Log Z, (), nats, exactly, by enumeration of all units: O(2^(D + M)).

        Raises:
            ValueError: if there are more than 22 units, or a weight is not finite.
        """
        check_weights(self)
        return log_sum_exp(lambda s: -self._energy(s), len(self.b), like=self.b)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws n independent v, (n, D), exactly, by enumeration of all units.

        Raises:
            ValueError: if there are more than 22 units.
        """
        check_draws(n, generator)
        s = binary_states(len(self.b), like=self.b)
        p = torch.softmax(-self._energy(s).double(), dim=0)
        row = torch.multinomial(p, n, replacement=True, generator=generator)
        return s[row, : self.visible]

    def _energy(self, s: Tensor) -> Tensor:
        return -(s @ self.b) - ((s @ self.R) * s).sum(-1) / 2  # s R s meets each pair twice

    def _completions(self, v: Tensor) -> Tensor:
        """All states of the hidden units beside each v, (B, D) -> (B, 2^M, D + M)."""
        h = binary_states(self.hidden, like=v)
        beside = v[:, None].expand(-1, len(h), -1)
        return torch.cat([beside, h.expand(len(v), -1, -1)], dim=-1)

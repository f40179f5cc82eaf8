"""What each player of an adversarial pair wants: one object for a pair of losses.

The critic gives an example x a *score* D(x), a real number; for the two logarithmic losses it is
the log-odds that x is real, so that the probability is σ(D(x)). A loss sees the scores of B real
and of B generated examples and returns one number for each pair; a batch's loss is their mean.
softplus(u) = log(1 + eᵘ) is -log σ(-u).
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import softplus

from coursepkg.counts import check_numbers


class AdversarialLoss(Protocol):
    """Two losses, both lowered, each by its own player."""

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """The critic's, of scores (B,) and (B,) -> (B,)."""

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's, of scores (B,) and (B,) -> (B,)."""


@dataclass(frozen=True)
class _Logarithmic:
    """The critic's part: minus log σ(D) of real ones, minus log(1 - σ(D)) of generated ones."""

    real_target: float = 1.0

    def __post_init__(self) -> None:
        check_numbers(real_target=self.real_target)
        if not 0.5 < self.real_target <= 1:
            raise ValueError(f"real_target: expected 0.5 < target <= 1, got {self.real_target}")

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """Cross-entropy of the labels, in nats."""
        t = self.real_target
        return t * softplus(-real) + (1 - t) * softplus(real) + softplus(fake)


class Minimax(_Logarithmic):
    """The zero-sum game: the generator lowers log(1 - σ(D)), which the critic raises.

    Its gradient dies with σ(D) where the critic is sure.  Source: Goodfellow et al. 2014.

    Args:
        real_target: the label of real examples, 1 or a little less: one-sided label smoothing
            (Salimans et al. 2016). Generated ones keep 0.
    """

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """log(1 - σ(D)) of generated examples, nats."""
        return -softplus(fake)


class NonSaturating(_Logarithmic):
    """The generator lowers -log σ(D) instead: large gradients where the critic is sure.

    Same critic, other field: no zero-sum game.  Source: Goodfellow et al. 2014, section 3.

    Args:
        real_target: as in `Minimax`.
    """

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log σ(D) of generated examples, nats."""
        return softplus(-fake)


@dataclass(frozen=True)
class LeastSquares:
    """Targets 1 for real and -1 for generated examples, and 1 for the generator.

    Source: Mao et al. 2017, whose labels 1, 0, 1 are those of (D + 1) / 2. The best score is
    (p - q) / (p + q), twice the best probability less one.
    """

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """Half the squared distances from the targets."""
        return ((real - 1).square() + (fake + 1).square()) / 2

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Half the squared distance from the target of real examples."""
        return (fake - 1).square() / 2


@dataclass(frozen=True)
class Wasserstein:
    """Plain differences of scores, for a critic whose slope is held down.

    If it is at most 1 everywhere, minus the mean of the critic's loss is at most the Wasserstein-1
    distance of data and samples; `UnitSlope` holds it near 1.  Source: Arjovsky, Chintala and
    Bottou 2017.
    """

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """D(fake) - D(real)."""
        return fake - real

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """-D(fake)."""
        return -fake


@dataclass(frozen=True)
class Relativistic:
    """Scores of pairs: the critic wants D(real) > D(fake), the generator the reverse.

    Adding a number to D changes nothing. Source: Jolicoeur-Martineau 2019; with `R1Penalty` and
    `R2Penalty` beside it training converges near the equilibrium (Huang et al. 2024).
    """

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log σ(D(real) - D(fake)), nats."""
        return softplus(fake - real)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log σ(D(fake) - D(real)), nats."""
        return softplus(real - fake)

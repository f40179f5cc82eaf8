"""What a model can do, and what it can say about x: every promise that a class can make.

Each promise is a small protocol of one method, and a class that has the method keeps it.
`coursepkg.evaluation.nats` reads what is said about x: `log_prob` is printed with =, `elbo` and
`log_weight` with ≤, `log_prob_estimate` with ≈, `free_energy` and `unnormalised_log_weight`, with
an estimate of log Z, with ≈, and a model that says nothing with —. A class says one thing: one of
these, or a bound and the weight that it is made of.

A *conditional* model takes ``condition=``, a tensor with one row for each example, as a required
keyword in `loss`, `log_prob`, `elbo`, `log_weight` and `sample`; an unconditional one does not know
the word. `coursepkg.evaluation.Given` closes over one condition, and is an ordinary law.
"""

from typing import Protocol, runtime_checkable

from torch import Generator, Tensor


@runtime_checkable
class Trainable(Protocol):
    """Has one objective that gradients can lower."""

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps (B, *event) to (B,); the trainer averages."""


@runtime_checkable
class Fittable(Protocol):
    """Is estimated by counting, in closed form or by iteration."""

    def fit(self, x: Tensor) -> object:
        """Estimates the parameters from x, (N, *event), in place."""


@runtime_checkable
class Sampler(Protocol):
    """Can be sampled."""

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, *event)."""


@runtime_checkable
class Exact(Protocol):
    """Reports log p(x) itself, normalised."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Maps (B, *event) to (B,), nats."""


@runtime_checkable
class Bound(Protocol):
    """Reports a lower bound on log p(x)."""

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps (B, *event) to (B,), nats; the mean over `generator` is at most log p(x)."""


@runtime_checkable
class Energy(Protocol):
    """Reports log p(x) up to a constant."""

    def free_energy(self, x: Tensor) -> Tensor:
        """Maps (B, *event) to (B,), nats; log p(x) = -free_energy(x) - log Z."""


@runtime_checkable
class Weighted(Protocol):
    """Draws importance weights: unbiased estimates of p(x)."""

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps (B, *event) to (B,), nats; E exp(log_weight) = p(x), so E log_weight <= log p(x)."""


@runtime_checkable
class UnnormalisedWeighted(Protocol):
    """Draws importance weights up to a constant: unbiased estimates of Z p(x)."""

    def unnormalised_log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps (B, *event) to (B,), nats; E exp(unnormalised_log_weight) = Z p(x)."""


@runtime_checkable
class Estimated(Protocol):
    """Estimates log p(x), normalised, without bias."""

    def log_prob_estimate(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps (B, *event) to (B,), nats; E log_prob_estimate = log p(x)."""


@runtime_checkable
class Completer(Protocol):
    """Draws what is missing of x, given what is known."""

    def complete(self, x: Tensor, known: Tensor, *, generator: Generator) -> Tensor:
        """Keeps x, (B, D), where `known`, bool (D,) or (B, D), is True; draws the rest given it."""


@runtime_checkable
class Transform(Protocol):
    """An invertible map between x and z, of real vectors of one size."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and log |det ∂z/∂x| of each example, (B,)."""

    def decode(self, z: Tensor) -> Tensor:
        """The inverse, (B, D) -> (B, D)."""


class Noise(Protocol):
    """A law q(u | x) on [0, 1)^D that fills the cells of integers x."""

    def sample(self, x: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """One u for each x, (B, *event), and log q(u | x), (B,), nats."""


class Density(Fittable, Exact, Sampler, Protocol):
    """Can be fitted, scored exactly and sampled, like a mixture."""


class Proposal(Sampler, Exact, Protocol):
    """A law q that can be drawn from, and says its exact log-density."""


class Countable(Protocol):
    """Knows its normaliser: a sum over all states that is short enough."""

    def log_z(self) -> Tensor:
        """The exact log Z, (), nats."""


class Enumerable(Energy, Countable, Protocol):
    """An energy model with an exact log Z."""


class EnumerableBound(UnnormalisedWeighted, Countable, Protocol):
    """A model that only draws weights of its p̃(x), but has an exact log Z."""


@runtime_checkable
class Adversarial(Protocol):
    """Has two objectives, one for each player: the critic's parameters and the generator's."""

    def critic_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps data (B, *event) to (B,), low if the critic tells them from samples."""

    def generator_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps data (B, *event) to (B,), low if the critic takes samples for them."""

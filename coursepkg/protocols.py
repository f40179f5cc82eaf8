"""What a model can do, and what it can say about x.

Each capability is a small protocol of one method, and a class that has the method keeps its
promise. `coursepkg.evaluation.nats` reads them: `log_prob` is printed with =, `elbo` with ≤,
`free_energy` or `free_energy_bound` with an estimated log Z with ≈, and a model with none of them
with —.
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
class EnergyBound(Protocol):
    """Reports a bound on log p(x) up to a constant."""

    def free_energy_bound(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps (B, *event) to (B,), nats; on average log p(x) >= -free_energy_bound(x) - log Z."""


class Density(Fittable, Exact, Sampler, Protocol):
    """Can be fitted, scored exactly and sampled, like a mixture."""


@runtime_checkable
class Adversarial(Protocol):
    """Has two objectives, one for each player: the critic's parameters and the generator's."""

    def critic_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps data (B, *event) to (B,), low if the critic tells them from samples."""

    def generator_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps data (B, *event) to (B,), low if the critic takes samples for them."""

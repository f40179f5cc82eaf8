"""Who has seen which film: a small synthetic table whose law and whose hidden tastes are known."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_draws
from coursepkg.enumeration import binary_states
from coursepkg.rng import seeded
from coursepkg.validate import check_binary, check_floating, check_tensor

TASTES = ("space", "romance", "crime", "family")
FILMS = {
    "Orbit Nine": "space",
    "The Long Dark": "space",
    "Red Dust": "space",
    "Signal Lost": "space",
    "The Last Airlock": "space crime",
    "Letters from Porto": "romance",
    "A Summer Apart": "romance",
    "The Second Waltz": "romance",
    "Rain on Sunday": "romance",
    "Hearts in Orbit": "romance space",
    "The Ninth Witness": "crime",
    "Cold Harbour": "crime",
    "Two Keys": "crime",
    "The Forger": "crime",
    "Alibi for Two": "crime romance",
    "The Brave Little Tram": "family",
    "Otter and Owl": "family",
    "Pip Goes North": "family",
    "The Star Gardeners": "family space",
    "Grandmother's Map": "family crime",
}  # invented titles, and whom they draw


class Ratings(NamedTuple):
    """A row a viewer."""

    seen: Tensor  # (N, D), 1 for a film that the viewer has seen, default floating-point dtype
    tastes: Tensor  # (N, K), zeros and ones: what a recommender is not told


class NoisyOr:
    r"""K independent hidden tastes, each of which may send a viewer to each of D films.

    A viewer with tastes t stays away from film i only if chance and every taste leave the film out:
    :math:`p(x_i = 0 \mid t) = (1 - \lambda_{0i}) \prod_k (1 - \lambda_{ki})^{t_k}`. Given t the
    films are independent; p(x) is the sum over all 2^K tastes.

    Args:
        shares: probability of each taste, (K,), between 0 and 1.
        chance: λ_0, probability of each film for a viewer without tastes, (D,), between 0 and 1.
        appeal: λ, probability that a taste sends its owner to a film, (K, D), >= 0 and < 1.

    Raises:
        ValueError: if shapes differ or a probability is impossible, or K is too large to sum over.
    """

    def __init__(self, shares: Tensor, chance: Tensor, appeal: Tensor) -> None:
        check_floating(shares, "shares")
        check_floating(chance, "chance")
        check_floating(appeal, "appeal")
        if appeal.shape != shares.shape + chance.shape or appeal.ndim != 2:
            raise ValueError(
                "shares, chance, appeal: expected shapes (K,), (D,) and (K, D), got "
                f"{tuple(shares.shape)}, {tuple(chance.shape)} and {tuple(appeal.shape)}"
            )
        for name, p, low in (("shares", shares, 0), ("chance", chance, 0), ("appeal", appeal, -1)):
            if not ((p > low) & (p < 1) & (p >= 0)).all():
                raise ValueError(f"{name}: expected probabilities below 1, got {p.tolist()}")
        self.shares, self.chance, self.appeal = shares, chance, appeal
        tastes = binary_states(len(shares), like=shares)  # (2^K, K), all that one can have
        self._tastes = tastes
        self._log_prior = tastes @ shares.log() + (1 - tastes) @ (-shares).log1p()
        self._p = self._seen_given(tastes)  # (2^K, D)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log p(x), (B, D) -> (B,), nats, exactly; O(2^K D)."""
        check_binary(x, event=self.chance.shape)
        return self._log_joint(x, torch.ones_like(x)).logsumexp(1)

    def predict(self, x: Tensor, known: Tensor) -> Tensor:
        """P(x_i = 1 | the known films), (B, D): the best that any recommender can know.

        Args:
            x: zeros and ones, (B, D); what is not known is not read.
            known: which entries are known, (B, D) bool.

        Returns:
            (B, D). A known film is predicted too, as if it were to be watched again.
        """
        return self._posterior(x, known) @ self._p.to(x)

    def taste_probs(self, x: Tensor, known: Tensor) -> Tensor:
        """P(taste k | the known films), (B, D) and (B, D) bool -> (B, K)."""
        return self._posterior(x, known) @ self._tastes.to(x)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws n viewers, (n, D)."""
        return self.sample_ratings(n, generator=generator).seen

    def sample_ratings(self, n: int, *, generator: Generator) -> Ratings:
        """Draws n viewers together with their tastes."""
        check_draws(n, generator)
        tastes = torch.bernoulli(self.shares.expand(n, -1), generator=generator)
        return Ratings(torch.bernoulli(self._seen_given(tastes), generator=generator), tastes)

    def _seen_given(self, tastes: Tensor) -> Tensor:
        return -self._log_unseen_given(tastes).expm1()

    def _log_unseen_given(self, tastes: Tensor) -> Tensor:
        return (-self.chance).log1p() + tastes @ (-self.appeal).log1p()

    def _posterior(self, x: Tensor, known: Tensor) -> Tensor:
        check_binary(x, event=self.chance.shape)
        check_tensor(known, "known")
        if known.shape != x.shape or known.dtype != torch.bool:
            raise ValueError(
                f"known: expected bool of shape {tuple(x.shape)}, got {known.dtype} of "
                f"{tuple(known.shape)}"
            )
        return self._log_joint(x, known.to(x)).softmax(1)

    def _log_joint(self, x: Tensor, known: Tensor) -> Tensor:
        """Log p(known part of x, t) for all tastes t, (B, 2^K)."""
        seen, unseen = self._p.log().to(x), self._log_unseen_given(self._tastes).to(x)
        log_p = (known * x) @ seen.T + (known * (1 - x)) @ unseen.T
        return log_p + self._log_prior.to(x)


def film_club() -> NoisyOr:
    """The law of `load_ratings`: four tastes, each shared by a third of the viewers, 20 films.

    A film is seen by chance with probability 0.05 to 0.15, and a taste sends its owner to each of
    its films with probability 0.5 to 0.9; the numbers differ from film to film and are fixed.
    """
    order = torch.arange(len(FILMS), dtype=torch.get_default_dtype())
    chance = 0.05 + 0.1 * (order * 7 % 20) / 19
    strength = 0.5 + 0.4 * (order * 11 % 20) / 19
    draws = torch.tensor([[taste in whom.split() for whom in FILMS.values()] for taste in TASTES])
    return NoisyOr(torch.full((len(TASTES),), 1 / 3), chance, draws * strength)


def load_ratings() -> Ratings:
    """2,000 viewers of the film club, drawn from one fixed seed so that numbers compare.

    Made by us: nothing is read, `film_club` is the truth, and any rows may be held out.
    """
    return film_club().sample_ratings(2000, generator=seeded(2000))

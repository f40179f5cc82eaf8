"""Generative adversarial networks: a net that makes examples, and a critic that scores them.

The net carries noise z ~ N(0, I) to examples, and so defines a law of x that can be drawn from.
Where z has fewer dimensions than x this law has no density, and elsewhere the net, which need not
be invertible, gives none that could be evaluated: a GAN has neither `log_prob` nor a bound, and
`coursepkg.evaluation.nats` refuses it. Judge its samples, with `coursepkg.evaluation.samples`.

Both players are trained by `coursepkg.training.fit_adversarial`, with an optimizer over
``model.net.parameters()`` and one over ``model.critic.parameters()``.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws, check_integer_lists, check_integers
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.models.gan.losses import AdversarialLoss
from coursepkg.models.gan.penalties import Penalty, squared_slopes
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_real, count_rows


class _Players(nn.Module):
    """Both players; `given` is () or a tuple of one condition, handed on to both."""

    def __init__(
        self, net: nn.Module, critic: nn.Module, *, latent: int, event: tuple[int, ...],
        objective: AdversarialLoss, penalties: Sequence[Penalty] = (),
    ) -> None:  # fmt: skip
        check_methods(net, "__call__", name="net")
        check_methods(critic, "__call__", name="critic")
        check_integers(latent=latent)
        check_integer_lists(event=event)
        check_methods(objective, "critic", "generator", name="objective")
        for penalty in penalties:
            check_methods(penalty, "points", "price", name="penalties")
        super().__init__()
        if latent < 1:
            raise ValueError(f"latent: expected at least 1 dimension, got {latent}")
        self.net, self.critic = net, critic
        self.latent, self.event = latent, tuple(event)
        self.objective, self.penalties = objective, tuple(penalties)

    def _score(self, x: Tensor, *given: Tensor) -> Tensor:
        """D(x), (B, *event) -> (B,)."""
        score: Tensor = self.critic(x, *given)
        if score.shape not in {(len(x),), (len(x), 1)}:
            raise ValueError(f"critic: expected one score an example, got {tuple(score.shape)}")
        return score.view(len(x))

    def _make(self, n: int, *given: Tensor, generator: Generator) -> Tensor:
        """Examples of fresh noise, (n, *event), with a graph to the net's parameters."""
        check_draws(n, generator)
        z = torch.randn(n, self.latent, generator=generator, device=generator.device)
        x: Tensor = self.net(z.to(next(self.net.parameters())), *given)
        if x.shape != (n, *self.event):
            raise ValueError(f"net: expected shape {(n, *self.event)}, got {tuple(x.shape)}")
        return x

    def _critic_loss(self, x: Tensor, *given: Tensor, generator: Generator) -> Tensor:
        check_real(x, event=self.event, like=self)
        with global_state_from(generator):  # the networks' dropout
            with torch.no_grad():
                fake = self._make(len(x), *given, generator=generator)
            loss = self.objective.critic(self._score(x, *given), self._score(fake, *given))
            for penalty in self.penalties:
                points = penalty.points(x, fake, generator=generator)
                loss = loss + penalty.price(
                    squared_slopes(lambda u: self._score(u, *given), points)
                )
        return loss

    def _generator_loss(self, x: Tensor, *given: Tensor, generator: Generator) -> Tensor:
        check_real(x, event=self.event, like=self)
        with global_state_from(generator):
            fake = self._make(len(x), *given, generator=generator)
            with torch.no_grad():
                real = self._score(x, *given)
            return self.objective.generator(real, self._score(fake, *given))

    @torch.no_grad()
    def _sample(self, n: int, *given: Tensor, generator: Generator) -> Tensor:
        with eval_mode(self):
            return self._make(n, *given, generator=generator)


class GAN(_Players):
    """x = net(z) with z ~ N(0, I), trained against a critic. Says nothing about p(x) (—).

    Args:
        net: maps noise (B, latent) to examples (B, *event).
        critic: maps examples (B, *event) to scores, (B,) or (B, 1).
        latent: number of dimensions of z.
        event: shape of one example.
        objective: what the two players want.
        penalties: what the critic pays for its slope, in addition.

    Raises:
        ValueError: if z has no dimension.
    """

    def critic_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The critic's loss of each pair of a real and a generated example, (B, *event) -> (B,).

        No gradient reaches the net's parameters.

        Raises:
            TypeError: if x is not a floating-point tensor.
            ValueError: if x, or what a player returns, has the wrong shape; if x is not finite.
        """
        return self._critic_loss(x, generator=generator)

    def generator_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The net's loss of each pair, (B, *event) -> (B,).

        Gradients reach the critic's parameters too; its optimizer must not use them.

        Raises:
            TypeError: if x is not a floating-point tensor.
            ValueError: if x, or what a player returns, has the wrong shape; if x is not finite.
        """
        return self._generator_loss(x, generator=generator)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, *event), in eval mode: no example depends on the others of its batch."""
        return self._sample(n, generator=generator)


class ConditionalGAN(_Players):
    """x = net(z, c) for a class c, scored by critic(x, c).  Source: Mirza and Osindero 2014.

    Says nothing about p(x | c) (—).

    Args:
        net: maps noise (B, latent) and labels (B,) to examples (B, *event).
        critic: maps examples (B, *event) and labels (B,) to scores, (B,) or (B, 1).
        classes: number of classes; labels are 0..classes-1.
        latent: number of dimensions of z.
        event: shape of one example.
        objective: what the two players want.
        penalties: what the critic pays for its slope, in addition.

    Raises:
        ValueError: if z has no dimension or there is no class.
    """

    def __init__(
        self, net: nn.Module, critic: nn.Module, *, classes: int, latent: int,
        event: tuple[int, ...], objective: AdversarialLoss, penalties: Sequence[Penalty] = (),
    ) -> None:  # fmt: skip
        check_integers(classes=classes)
        super().__init__(
            net, critic, latent=latent, event=event, objective=objective, penalties=penalties
        )
        if classes < 1:
            raise ValueError(f"classes: expected at least 1, got {classes}")
        self.classes = classes

    def critic_loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """The critic's loss of each pair, both of the class of its row, (B, *event) -> (B,).

        Args:
            x: data, (B, *event).
            condition: their labels, (B,) int64.
            generator: draws the noise.

        Raises:
            TypeError: if x is not floating-point, or the labels not int64.
            ValueError: if a shape is wrong, a label out of range, or x not finite.
        """
        self._check_labels(condition, count_rows(x))
        return self._critic_loss(x, condition, generator=generator)

    def generator_loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """The net's loss of each pair, both of the class of its row, (B, *event) -> (B,).

        Args:
            x: data, (B, *event).
            condition: their labels, (B,) int64.
            generator: draws the noise.

        Raises:
            TypeError: if x is not floating-point, or the labels not int64.
            ValueError: if a shape is wrong, a label out of range, or x not finite.
        """
        self._check_labels(condition, count_rows(x))
        return self._generator_loss(x, condition, generator=generator)

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """Draws one example of each label, (n, *event), in eval mode.

        Args:
            n: how many.
            condition: labels, (n,) int64.
            generator: draws the noise.

        Raises:
            TypeError: if the labels are not int64.
            ValueError: if there are not n of them, or one is out of range.
        """
        self._check_labels(condition, n)
        return self._sample(n, condition, generator=generator)

    def _check_labels(self, condition: Tensor, n: int) -> None:
        got = getattr(condition, "dtype", type(condition).__name__)
        if got != torch.int64:
            raise TypeError(f"condition: expected an int64 tensor of labels, got {got}")
        if condition.shape != (n,):
            raise ValueError(f"condition: expected shape ({n},), got {tuple(condition.shape)}")
        if n and not 0 <= int(condition.min()) <= int(condition.max()) < self.classes:
            raise ValueError(
                f"condition: expected labels 0..{self.classes - 1}, got values from "
                f"{int(condition.min())} to {int(condition.max())}"
            )

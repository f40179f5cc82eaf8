"""What a training's history should say beside two losses: whether the critic is heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator
from coursepkg.models.gan.adversarial import GAN, ConditionalGAN
from coursepkg.validate import count_rows


@dataclass(frozen=True)
class Watch:
    """Looks at a GAN after each epoch: ``fit_adversarial(..., monitor=Watch(x, generator=g))``.

    Each look is a dictionary in ``history.monitored``:

    * "right", the share of pairs whose real example scores more than the generated one: 1/2 if the
      critic guesses, 1 if it is never fooled;
    * "heard", the mean size of the slope of the generator's loss in the score D of a generated
      example: the share of the critic's gradient that reaches the net. For `Minimax` it is the mean
      of σ(D), which dies as the critic becomes sure.

    Args:
        x: real examples to show, (B, *event).
        condition: their labels, (B,), for a `ConditionalGAN`.
        generator: draws the samples beside them; not that of the training.
    """

    x: Tensor
    generator: Generator
    condition: Tensor | None = None

    def __post_init__(self) -> None:
        count_rows(self.x)
        check_generator(self.generator)

    def __call__(self, model: GAN | ConditionalGAN) -> dict[str, float]:
        """One look, in the mode that the model is in."""
        given = () if self.condition is None else (self.condition,)
        with torch.no_grad():
            real = model._score(self.x, *given)
            fake = model._score(
                model._make(len(self.x), *given, generator=self.generator), *given
            ).requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(model.objective.generator(real, fake).sum(), fake)
        right = (real > fake).double().mean().item()
        return {"right": right, "heard": slope.abs().mean().item()}


def saturated(
    looks: Sequence[dict[str, float]], *, right: float = 0.99, heard: float = 0.01
) -> list[int]:
    """The epochs, from 1, after which the critic was sure and the net did not hear it.

    Args:
        looks: ``history.monitored`` of a training with a `Watch`.
        right: from which share of pairs on the critic counts as sure.
        heard: below which mean slope the net counts as deaf.
    """
    return [
        epoch for epoch, look in enumerate(looks, start=1)
        if look["right"] >= right and look["heard"] < heard
    ]  # fmt: skip

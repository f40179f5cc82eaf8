"""What draws with a trained network where no model of the course has a `sample` of its own."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws
from coursepkg.data.text import Vocabulary
from coursepkg.models.diffusion.conditional import ToldNet
from coursepkg.models.diffusion.denoisers import FromVelocity
from coursepkg.models.diffusion.guidance import classifier_free
from coursepkg.models.diffusion.interpolants import FieldOfGuess
from coursepkg.models.diffusion.solvers import multistep
from coursepkg.models.few_steps.jumps import EndAverage, Restarts
from coursepkg.models.language.writing import Remembering, write
from coursepkg.nets.transformer import Transformer
from coursepkg.validate import check_real

Draw = Callable[[nn.Module, Tensor, Generator], Tensor]  # of a network and conditions (n, E)
Parts = tuple[nn.Module, nn.Module]  # a whole model, and the part of it that is trained


class Drawer(nn.Module):
    """Draws x given a condition; says nothing about p(x | c) (—).

    Args:
        net: the trained network.
        draw: makes n examples of the network, n conditions and a generator.
        conditions: size E of a condition, such as a one-hot label.
    """

    def __init__(self, net: nn.Module, draw: Draw, *, conditions: int) -> None:
        super().__init__()
        self.net, self.draw, self.conditions = net, draw, conditions

    @torch.no_grad()
    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """Draws x given each condition, (n, E) -> (n, D), in the network's own mode.

        Raises:
            TypeError: if the conditions are no real numbers: labels want `one_hot` first.
            ValueError: if there are not n of them, or of another size.
        """
        check_draws(n, generator)
        check_real(condition, event=(self.conditions,), name="condition")
        if len(condition) != n:
            raise ValueError(f"condition: expected {n} rows, got {len(condition)}")
        return self.draw(self.net, condition.to(next(self.net.parameters())), generator)


class Writer(nn.Module):
    """A network that writes text, character by character.

    Args:
        net: maps symbols (B, T) to scores (B, T, K), and has the code points of the K characters
            in its buffer `characters`.
    """

    def __init__(self, net: Transformer) -> None:
        super().__init__()
        self.net = net

    @property
    def code(self) -> Vocabulary:
        """The characters and their numbers."""
        return Vocabulary("".join(map(chr, self.net.get_buffer("characters").tolist())))

    def write(self, prompt: str, length: int, *, generator: Generator) -> str:
        """The prompt and `length` characters more.

        Raises:
            ValueError: if a character of the prompt is unknown, or it is empty.
        """
        y = self.code.encode(prompt)[None].to(self.net.get_buffer("characters").device)
        return self.code.decode(write(Remembering(self.net), y, length, generator=generator)[0])


def guided(*, dim: int, weight: float) -> Draw:
    """By 15 steps of second order and a last guess, of a network of v, which leans on what is told.

    Source: :eq:`classifier-free-guidance`. Numbers from -1 to 1.

    Args:
        dim: number of variables D.
        weight: of what is told.
    """

    def draw(net: nn.Module, told: Tensor, generator: Generator) -> Tensor:
        heeds, forgets = (FromVelocity(ToldNet(net, c)) for c in (told, torch.zeros_like(told)))
        guess = classifier_free(heeds, forgets, weight=weight)
        levels = torch.linspace(-8, 6, 16, dtype=torch.float64, device=told.device)
        z = _noise(told, dim, generator)
        z = multistep(guess, z, levels=levels)
        return guess(z, levels[-1].expand(len(z))).clamp(-1, 1)

    return draw


def in_calls(*, dim: int, calls: int) -> Draw:
    """By so many calls of a network that has learnt where a path ends. Numbers from -1 to 1."""

    def draw(net: nn.Module, told: Tensor, generator: Generator) -> Tensor:
        end = EndAverage(FieldOfGuess(FromVelocity(ToldNet(net, told)), limit=9.0))
        restarts = Restarts(end, dim=dim, steps=calls).to(told)
        return restarts.sample(len(told), generator=generator).clamp(-1, 1)

    return draw


def of_noise(*, latent: int) -> Draw:
    """By a generator of classes (one-hot) and as many normal numbers as `latent`."""

    def draw(net: nn.Module, told: Tensor, generator: Generator) -> Tensor:
        x: Tensor = net(_noise(told, latent, generator), told.argmax(1))
        return x

    return draw


def _noise(told: Tensor, dim: int, generator: Generator) -> Tensor:
    return torch.randn(
        len(told), dim, generator=generator, dtype=told.dtype, device=told.device
    )  # fmt: skip

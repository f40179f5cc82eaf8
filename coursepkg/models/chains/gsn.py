"""Generative stochastic networks: a chain that spoils an example and draws what it may have been.

Bengio, Yao, Alain and Vincent, *Generalized denoising auto-encoders as generative models* (2013);
Bengio, Laufer, Alain and Yosinski, *Deep generative stochastic networks* (2014).
"""

from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.models.chains.corruption import Corruption
from coursepkg.rng import global_state_from
from coursepkg.samplers.gibbs import GibbsInfo, GibbsState
from coursepkg.validate import check_levels, check_methods


class Denoiser(Protocol):
    """A law p(x | x̃) of levels."""

    dim: int
    levels: int

    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        """log p(x | x̃), (B, D) twice -> (B,), nats."""

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """One x for each x̃, (n, D) -> (n, D)."""


class GSN(nn.Module):
    """The chain x̃ ~ C(· | x), x' ~ p(· | x̃), trained to draw back what was corrupted.

    A kernel for `coursepkg.samplers.run`. If p(x | x̃) is the true posterior, the law of the data is
    stationary, and the only one if all states can be reached.   Source: :eq:`gsn-chain`,
    :eq:`gsn-stationary`. Says nothing about p(x) (—).

    Args:
        denoiser: the law p(x | x̃), a module.
        corruption: the law C(x̃ | x).
        steps: of the chain, for `sample`.

    Raises:
        ValueError: if there is no step.
    """

    def __init__(self, denoiser: nn.Module, corruption: Corruption, *, steps: int) -> None:
        check_methods(denoiser, "__call__", name="denoiser")
        super().__init__()
        check_counts(steps=steps)
        self.denoiser, self.corruption, self.steps = denoiser, corruption, steps

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log p(x | x̃) with one x̃ ~ C(· | x), (B, D) -> (B,), nats.   Source: :eq:`gsn-loss`."""
        noisy = self.corruption.corrupt(x, generator=generator)
        with global_state_from(generator):  # the networks' dropout
            return -self.law.log_prob(x, condition=noisy)

    def init(self, x: Tensor) -> GibbsState:
        """Starts chains at levels x, (C, D)."""
        check_levels(x, event=(self.law.dim,), levels=self.law.levels)
        return GibbsState(x.clone())

    @torch.no_grad()
    def step(self, state: GibbsState, *, generator: Generator) -> tuple[GibbsState, GibbsInfo]:
        """Corrupts and denoises every chain once, without dropout."""
        noisy = self.corruption.corrupt(state.x, generator=generator)
        with eval_mode(self.denoiser):
            x = self.law.sample(len(noisy), condition=noisy, generator=generator)
        return GibbsState(x), GibbsInfo((x != state.x).any(1))

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Where n chains stand after `steps` steps from uniform levels, (n, D).

        This is the stationary law only as far as the chain has forgotten its start.
        """
        check_draws(n, generator)
        shape = (n, self.law.dim)
        x = torch.randint(self.law.levels, shape, generator=generator, device=generator.device)
        state = GibbsState(x)
        for _ in range(self.steps if n else 0):
            state, _ = self.step(state, generator=generator)
        return state.x

    @property
    def law(self) -> Denoiser:
        """The denoiser as the law that it is."""
        return self.denoiser  # type: ignore[return-value]


class WalkBack(nn.Module):
    """Trains a chain to come back from where it wanders: the loss after 1, ..., k steps, averaged.

    Source: :eq:`walk-back-loss`. The chain starts at an example and walks with its own denoiser, as
    it stands; from each x̃ on the way the denoiser should draw the example. No gradient runs through
    the walk.

    Args:
        gsn: the chain, whose denoiser is trained.
        steps: corruptions k >= 1; with 1 this is the chain's own loss.

    Raises:
        ValueError: if there is no step.
    """

    def __init__(self, gsn: GSN, *, steps: int) -> None:
        super().__init__()
        check_counts(steps=steps)
        self.gsn, self.steps = gsn, steps

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The mean of -log p(x | x̃_j) over j = 1..k, (B, D) -> (B,), nats."""
        state, losses = self.gsn.init(x), []
        for _ in range(self.steps):
            noisy = self.gsn.corruption.corrupt(state.x, generator=generator)
            with global_state_from(generator):
                losses.append(-self.gsn.law.log_prob(x, condition=noisy))
                there = self.gsn.law.sample(len(x), condition=noisy, generator=generator)
            state = GibbsState(there)
        return torch.stack(losses).mean(0)

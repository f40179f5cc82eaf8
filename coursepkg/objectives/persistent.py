"""Stochastic maximum likelihood: half of the gradient comes from chains that never restart."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_generator, check_integers, check_numbers
from coursepkg.protocols import Energy, Sampler
from coursepkg.samplers.run import Kernel
from coursepkg.validate import check_methods


class StochasticMaximumLikelihood(nn.Module):
    r"""F(x) - mean F(chains): its gradient estimates that of -log p(x).

    :math:`-\nabla \log p(x) = \nabla F(x) - \mathbb{E}_p[\nabla F]`, with the mean taken over
    chains that go on from where the last call left them (Younes 1989; Tieleman 2008).   Source:
    :eq:`sml-update`. If the weights move slowly the chains stay near p; if not, the estimate is
    biased, and nothing in the loss shows it. The loss is *not* -log p(x): its level means nothing.

    A buffer with more rows than chains that move at a time is a replay buffer; `fresh` sends some
    of the chosen rows back to the start (Du & Mordatch 2019), after which the chains' law is no
    longer quite p. The buffer is part of `state_dict`.
    In eval mode nothing moves.

    Args:
        model: has `free_energy`.
        kernel: makes a kernel of `coursepkg.samplers` for a log-density, which here is -F of the
            present weights: ``lambda f: MALA(f, step_size=0.1)``, or
            ``lambda f: SystematicGibbs(BinaryConditional(f))`` for zeros and ones.
        start: draws the first positions, and those of rows that are sent back.
        buffer: rows that are kept.
        chains: rows that move, and are averaged, in one call; all of them when left out.
        steps: moves a call.
        fresh: probability with which a chosen row starts again.
        generator: draws the first positions.
    """

    x: Tensor  # (buffer, D)

    def __init__(
        self,
        model: Energy,
        kernel: Callable[[Callable[[Tensor], Tensor]], Kernel[Any, Any]],
        start: Sampler,
        *,
        buffer: int,
        chains: int | None = None,
        steps: int = 1,
        fresh: float = 0.0,
        generator: Generator,
    ) -> None:
        check_integers(buffer=buffer, steps=steps)
        check_methods(model, "free_energy")
        check_methods(start, "sample", name="start")
        super().__init__()
        chains = buffer if chains is None else chains
        check_integers(chains=chains)
        check_numbers(fresh=fresh)
        if not 1 <= chains <= buffer or steps < 1 or not 0 <= fresh <= 1:
            raise ValueError(
                "expected 1 <= chains <= buffer, steps >= 1 and fresh in [0, 1], got "
                f"chains={chains}, buffer={buffer}, steps={steps}, fresh={fresh}"
            )
        self.model, self.kernel, self.start = model, kernel, start
        self.chains, self.steps, self.fresh = chains, steps, fresh
        self.register_buffer("x", start.sample(buffer, generator=generator))

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """(B, D) -> (B,), nats; moves the chains first when in training mode."""
        chains = self.move(generator=generator) if self.training else self.x
        return self.model.free_energy(x) - self.model.free_energy(chains).mean()

    def move(self, *, generator: Generator) -> Tensor:
        """Moves some rows of the buffer and returns where they are now, (chains, D)."""
        check_generator(generator)
        rows = torch.randperm(len(self.x), generator=generator, device=self.x.device)[: self.chains]
        x = self.x[rows]
        again = torch.rand(len(x), generator=generator, device=x.device) < self.fresh
        if again.any():
            x[again] = self.start.sample(int(again.sum()), generator=generator).to(x)
        kernel = self.kernel(lambda x: -self.model.free_energy(x))
        state = kernel.init(x)
        for _ in range(self.steps):
            state, _ = kernel.step(state, generator=generator)
        self.x[rows] = state.x
        moved: Tensor = state.x
        return moved

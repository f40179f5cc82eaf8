"""Block Gibbs sampling of a two-layer machine: all hidden units at once, then all visible ones."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from coursepkg.models.rbm.harmonium import Harmonium
from coursepkg.samplers.gibbs import GibbsInfo, GibbsState
from coursepkg.samplers.run import check_chains
from coursepkg.validate import check_mask, check_weights


@dataclass(frozen=True)
class BlockGibbs:
    """A step draws h from p(h | v), then v from p(v | h). Leaves p(v) invariant.

    A `Kernel` for `coursepkg.samplers.run.run`. It costs O(D M) a chain, and the units of one layer
    are drawn together, since given the other layer they are independent. With `known`, the visible
    units marked there keep the values of the start, and the chain draws the others given them.

    Args:
        rbm: the machine.
        known: bool (D,) or (C, D), True where v stays as it is; default nowhere.
    """

    rbm: Harmonium
    known: Tensor | None = None

    def init(self, x: Tensor) -> GibbsState:
        """Takes visible units x, (C, D); also those not known need values to start from.

        Raises:
            TypeError: if `known` is not bool.
            ValueError: if x has the wrong shape or values, a weight is not finite, or `known` is no
                mask for x.
        """
        check_chains(x)
        self.rbm.check_visible(x)
        check_weights(self.rbm)
        if self.known is not None:
            check_mask(self.known, x)
        return GibbsState(x.clone())

    @torch.no_grad()
    def step(self, state: GibbsState, *, generator: Generator) -> tuple[GibbsState, GibbsInfo]:
        """Makes one step of every chain."""
        h = self.rbm.sample_hidden(state.x, generator=generator)
        v = self.rbm.sample_visible(h, generator=generator)
        if self.known is not None:
            v = torch.where(self.known, state.x, v)
        return GibbsState(v), GibbsInfo((v != state.x).any(1))

"""Text from a network, symbol by symbol; and a memory of what has been read."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_generator, check_integers
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.nets.attention import Past
from coursepkg.nets.transformer import Transformer
from coursepkg.validate import check_levels, check_methods

Rule = Callable[[Tensor], Tensor]  # log-probabilities (..., K) to log-probabilities (..., K)


def as_it_is(log_p: Tensor) -> Tensor:
    """The rule that changes nothing."""
    return log_p


@torch.no_grad()
def write(
    net: Callable[[Tensor], Tensor], prompt: Tensor, length: int, *, rule: Rule = as_it_is,
    generator: Generator,
) -> Tensor:  # fmt: skip
    """Continues each of B texts by `length` symbols, (B, T) -> (B, T + length).

    Args:
        net: maps symbols (B, T) to scores (B, T, K) of the symbol that follows each; of the scores
            only the last are used, so that it may give no others. A module is used in eval mode.
        prompt: the beginnings, at least one symbol each.
        length: how many symbols are added.
        rule: what is drawn from, given the law of the next symbol; see `decoding`.
        generator: the only source of randomness.

    Raises:
        TypeError: if the prompt holds no whole numbers.
        ValueError: if it is empty or has another shape, or the length is below 0.
    """
    check_generator(generator)
    check_prompt(prompt, length)
    y = prompt.clone().long()
    with eval_mode(net):
        for _ in range(length):
            log_p = rule(net(y)[:, -1].log_softmax(-1))
            drawn = torch.multinomial(log_p.exp(), 1, generator=generator)
            y = torch.cat([y, drawn], dim=1)
    return y


class Remembering(nn.Module):
    """A transformer that reads on: a cache keeps keys and values (KV) of what it has read.

    In the place of the network in `write`: the same scores, but for rounding, at O(T) instead of
    O(T²) for each symbol. It reads one set of texts, once; make a new one for the next.

    Args:
        net: of layers that can take a `step`, such as pre-norm ones; read as in eval mode.

    Raises:
        TypeError: if a layer cannot.
    """

    def __init__(self, net: Transformer) -> None:
        check_methods(net, "encode", name="net")
        super().__init__()
        for layer in net.layers:
            if not hasattr(layer, "step"):
                raise TypeError(f"net: expected layers with a step, got a {type(layer).__name__}")
        self.net = net
        self.past: list[Past] = [[] for _ in net.layers]
        self.seen: Tensor | None = None  # (B, T)

    @torch.no_grad()
    def forward(self, y: Tensor) -> Tensor:
        """Scores of the symbol that follows y, (B, T) -> (B, 1, K); reads only what is new.

        Raises:
            TypeError: if y holds no whole numbers.
            ValueError: if y does not go on from what was read, is longer than the context, or has
                an unknown symbol.
        """
        shape, t = tuple(getattr(y, "shape", ())), 0 if self.seen is None else self.seen.shape[1]
        if len(shape) != 2 or not t < shape[1] <= self.net.context:
            raise ValueError(
                f"y: expected shape (B, T) with {t} < T <= {self.net.context}, more than was read "
                f"and at most the context, got {shape}"
            )
        if self.seen is not None and not torch.equal(y[:, :t], self.seen):
            raise ValueError(f"y: expected a text that goes on from the {t} symbols that were read")
        check_levels(y, levels=self.net.symbols)
        for symbol in y[:, t:].unbind(1):
            encoding = self._read(symbol, t)
            t += 1
        self.seen = y.clone()
        scores: Tensor = encoding @ self.net.embed.weight.T
        return scores[:, None]

    def _read(self, symbol: Tensor, t: int) -> Tensor:
        """The encoding at place t, of which all layers keep key and value, (B,) -> (B, D)."""
        net = self.net
        e = net.embed(symbol)
        x: Tensor = e + net.positions(e.new_zeros(1, t + 1, e.shape[1]))[:, t]
        for layer, past in zip(net.layers, self.past, strict=True):
            x = layer.step(x, past)  # type: ignore[operator]
        encoding: Tensor = net.norm(x)
        return encoding


def check_prompt(prompt: Tensor, length: int, *, ndim: int = 2) -> None:
    """Checks that there is something to go on from, and a number of symbols to add.

    Args:
        prompt: what came; should be symbols (B, T), or (T,) for an `ndim` of 1.
        length: should be 0 or more.
        ndim: number of dimensions of the prompt.

    Raises:
        TypeError: if the prompt holds no whole numbers.
        ValueError: if it is empty or has another shape, or the length is below 0.
    """
    shape = tuple(getattr(prompt, "shape", ()))
    if len(shape) != ndim or 0 in shape:
        expected = "(T,)" if ndim == 1 else "(B, T)"
        raise ValueError(
            f"prompt: expected shape {expected} with at least one symbol, got {shape}; where "
            "nothing is to be said before, give a line break"
        )
    check_integers(length=length)
    if length < 0:
        raise ValueError(f"length: expected 0 or more symbols, got {length}")
    check_levels(prompt, levels=2**31)

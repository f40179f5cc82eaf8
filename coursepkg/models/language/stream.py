"""A text as one long stream: what each symbol costs, given those before it."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from coursepkg.counts import check_counts, check_integers
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.rng import global_state_from
from coursepkg.validate import check_floating, check_levels, check_methods, check_real


class NextSymbol(nn.Module):
    """What a network pays for each symbol of a piece of text but the first.

    It is no law over texts, since it does not say where one begins; `LanguageModel` is one.

    Args:
        net: maps symbols (B, T) to scores (B, T, K) of the symbol that follows each.
        symbols: number of symbols K.
    """

    def __init__(self, net: nn.Module, *, symbols: int) -> None:
        check_methods(net, "__call__", name="net")
        check_counts(symbols=symbols)
        super().__init__()
        self.net, self.symbols = net, symbols

    def loss(self, y: Tensor, *, generator: Generator) -> Tensor:
        """Mean of -log p(y_t | y_{<t}) over t >= 2, (B, T) -> (B,), nats a symbol.

        Source: :eq:`next-symbol`. Dropout is drawn from `generator`.

        Raises:
            TypeError: if y holds no whole numbers.
            ValueError: if there are fewer than two symbols, or unknown ones.
        """
        check_levels(y, levels=self.symbols)
        if y.ndim != 2 or y.shape[1] < 2:
            raise ValueError(f"y: expected shape (B, T) with T >= 2, got {tuple(y.shape)}")
        with global_state_from(generator):
            return -_of_what_came(self.net(y[:, :-1]), y[:, 1:]).mean(1)


@torch.no_grad()
def stream_log_prob(
    net: Callable[[Tensor], Tensor], y: Tensor, *, context: int, batch_size: int = 64
) -> Tensor:
    """log p(y_t | what stands before) of a long text, t >= 2, (T,) -> (T - 1,), nats.

    Windows of `context` symbols overlap by half, and of each the second half counts: every symbol
    is predicted from at least half a context, or from all there is.

    Args:
        net: maps symbols (B, T) to scores (B, T, K) of the symbol that follows each; a module is
            used in eval mode.
        y: at least two symbols.
        context: symbols that the network reads at once, an even number.
        batch_size: windows at once.

    Raises:
        TypeError: if y holds no whole numbers.
        ValueError: if there are fewer than two symbols, or the context is not even.
    """
    check_levels(y, event=(), levels=2**31, name="y")
    check_integers(context=context)
    check_counts(batch_size=batch_size)
    if len(y) < 2 or context < 2 or context % 2:
        raise ValueError(
            f"expected two symbols or more and an even context >= 2, got {len(y)} and {context}"
        )
    T, half = len(y) - 1, context // 2
    blank = max(context, math.ceil(T / half) * half) - T  # to a whole number of halves
    before, after = (pad(part, (0, blank)).unfold(0, context, half) for part in (y[:-1], y[1:]))
    windows = zip(before.split(batch_size), after.split(batch_size), strict=True)
    with eval_mode(net):
        log_p = torch.cat([_of_what_came(net(b), a) for b, a in windows])
    return torch.cat([log_p[0, :half], log_p[:, half:].flatten()])[:T]


def bits_per_character(log_p: Tensor, characters: int) -> float:
    """-Σ log p / (C log 2), of the log-probabilities of all symbols, (T,), in nats.

    Characters, and not symbols, are counted: only so can models of different symbols be compared.
    If the symbols are tokens, the text has other spellings too, so that its own -log p is at most
    that of the tokens: the number is a bound (≤). Source: :eq:`bits-per-character`.

    Args:
        log_p: of the symbols that were predicted.
        characters: C, how many characters these symbols stand for.

    Raises:
        ValueError: if there are no characters.
    """
    check_real(log_p, event=(), name="log_p")
    check_integers(characters=characters)
    if characters < 1:
        raise ValueError(f"characters: expected 1 or more, got {characters}")
    return -log_p.double().sum().item() / (characters * math.log(2))


def mixed(log_ps: Sequence[Tensor]) -> Tensor:
    """log of the mean of what several models expected of each symbol, (T,) each -> (T,), nats.

    A mean of laws is a law. Source: :eq:`mixed-predictions`.

    Raises:
        ValueError: if there is no model, or they say different numbers of symbols.
    """
    for log_p in log_ps:
        check_floating(log_p, "log_ps")
    if len({len(log_p) for log_p in log_ps}) != 1:
        raise ValueError(
            f"log_ps: expected equally many symbols, got {[len(log_p) for log_p in log_ps]}"
        )
    return torch.stack([log_p.double() for log_p in log_ps]).logsumexp(0) - math.log(len(log_ps))


def _of_what_came(scores: Tensor, after: Tensor) -> Tensor:
    """log p of the symbols that came, (B, T, K) and (B, T) -> (B, T)."""
    return scores.log_softmax(-1).gather(-1, after[..., None]).squeeze(-1)

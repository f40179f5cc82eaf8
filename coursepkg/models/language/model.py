"""Language models: a law over strings, each ended by a symbol of its own."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws, check_generator, check_integers
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.nets.attention import softmax_beta
from coursepkg.rng import global_state_from
from coursepkg.validate import check_levels, check_methods, check_positive


class LanguageModel(nn.Module):
    r"""Law over the strings of at most L - 1 symbols, which end by a symbol of their own.

    :math:`p(y) = p(EOS \mid y) \prod_t p(y_t \mid y_{<t})`. Source: :eq:`lm-factorisation`. A
    string is a row of L places: its symbols 0..K-2, then the end symbol EOS = K - 1, once and in
    all places that are left. The network reads every string after an EOS. What reaches place L
    ends there: a context is finite, and a law over longer strings would ask the network for what
    it cannot say. So all mass ends.

    Says: `log_prob`, exact (=), in eval mode, if no score looks ahead.

    Args:
        net: maps symbols (B, T), T < L, to scores (B, T, K) of the symbol that follows each.
        symbols: number K of symbols, EOS with them.
        length: places L of a row.

    Raises:
        ValueError: if a size is impossible.
    """

    def __init__(self, net: nn.Module, *, symbols: int, length: int) -> None:
        check_methods(net, "__call__", name="net")
        check_integers(symbols=symbols, length=length)
        super().__init__()
        if symbols < 2 or length < 2:
            raise ValueError(f"expected symbols >= 2 and length >= 2, got {symbols} and {length}")
        self.net, self.symbols, self.length = net, symbols, length

    @property
    def end(self) -> int:
        """The number of EOS."""
        return self.symbols - 1

    def log_prob(self, y: Tensor) -> Tensor:
        """log p(y), (B, L) -> (B,), nats. Source: :eq:`lm-factorisation`."""
        self._check(y)
        return self.log_conditionals(y).sum(1)

    def loss(self, y: Tensor, *, generator: Generator) -> Tensor:
        """-log p(y), (B, L) -> (B,), nats, with the network's dropout drawn from `generator`."""
        with global_state_from(generator):
            return -self.log_prob(y)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws n strings, (n, L), in eval mode."""
        check_draws(n, generator)
        device = next(self.parameters(), torch.empty(0)).device
        y = torch.full((n, self.length), self.end, device=device)
        return self._write(y, 0, beta=1.0, generator=generator)

    def continuations(
        self, prompt: Tensor, n: int, *, temperature: float = 1.0, generator: Generator
    ) -> Tensor:
        """Draws n strings that begin with the prompt, (T,), each symbol at a temperature: (n, L).

        At temperature 1 from p(y | the beginning), in eval mode. Source: :eq:`lm-softmax` with
        β = 1/temperature.

        Raises:
            TypeError: if the prompt holds no whole numbers.
            ValueError: if it is empty, too long or not of the alphabet, or the temperature or n is
                not above 0.
        """
        check_draws(n, generator)
        check_positive(temperature=temperature)
        shape = tuple(getattr(prompt, "shape", ()))
        if len(shape) != 1 or not 1 <= shape[0] < self.length:
            raise ValueError(
                f"prompt: expected 1 to {self.length - 1} symbols in a row, got shape {shape}; "
                "sample starts from nothing"
            )
        check_levels(prompt, levels=self.end)
        y = torch.full((n, self.length), self.end, device=prompt.device)
        y[:, : len(prompt)] = prompt
        return self._write(y, len(prompt), beta=1 / temperature, generator=generator)

    def log_conditionals(self, y: Tensor) -> Tensor:
        """log p(y_t | y_{<t}) at every place, (B, L) -> (B, L), nats.

        It is 0 behind the end, and at place L, where the end is certain.
        """
        scores: Tensor = self.net(self._before(y))
        expected = (len(y), self.length - 1, self.symbols)
        if scores.shape != expected:
            raise ValueError(f"net: expected scores {expected}, got {tuple(scores.shape)}")
        log_p = scores.log_softmax(-1).gather(-1, y[:, :-1, None]).squeeze(-1)
        going = torch.cat([torch.ones_like(y[:, :1]), y[:, :-2] != self.end], dim=1).bool()
        return torch.cat([log_p.where(going, 0), torch.zeros_like(log_p[:, :1])], dim=1)

    @torch.no_grad()
    def _write(self, y: Tensor, first: int, *, beta: float, generator: Generator) -> Tensor:
        """Draws places `first`, ... one after the other; what has ended stays ended."""
        check_generator(generator)
        ended = torch.zeros_like(y[:, 0], dtype=torch.bool)
        with eval_mode(self.net):
            for t in range(first, self.length - 1):
                scores = self.net(self._before(y)[:, : t + 1])[:, -1]
                p = softmax_beta(scores, beta=beta)
                drawn = torch.multinomial(p, 1, generator=generator).squeeze(1)
                y[:, t] = drawn.where(~ended, self.end)
                ended |= drawn == self.end
                if ended.all():
                    break
        return y

    def _before(self, y: Tensor) -> Tensor:
        """What the network reads: EOS, then all but the last two places, (B, L) -> (B, L - 1)."""
        return torch.cat([torch.full_like(y[:, :1], self.end), y[:, :-2]], dim=1)

    def _check(self, y: Tensor) -> None:
        check_levels(y, event=(self.length,), levels=self.symbols)
        ended = y == self.end
        if not ended[:, -1].all():
            raise ValueError(
                f"y: expected strings of at most {self.length - 1} symbols and their end, "
                f"{self.end}, got a row without an end"
            )
        if (ended[:, :-1] & ~ended[:, 1:]).any():
            raise ValueError(f"y: expected nothing after the end, {self.end}, got a symbol there")

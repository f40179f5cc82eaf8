"""Speculative decoding: a cheap network guesses ahead, the dear one checks all guesses at once."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator, check_numbers
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.models.language.writing import Rule, as_it_is, check_prompt
from coursepkg.validate import check_floating


class Checked(NamedTuple):
    """A text, and what it took."""

    y: Tensor  # (T,)
    passes: int  # of the target
    guessed: int  # symbols that the draft proposed
    kept: int  # of these


@torch.no_grad()
def write_ahead(
    target: Callable[[Tensor], Tensor], draft: Callable[[Tensor], Tensor], prompt: Tensor,
    length: int, *, ahead: int, rule: Rule = as_it_is, generator: Generator,
) -> Checked:  # fmt: skip
    """Continues one text by `length` symbols, with the law of the target, whatever the draft.

    The draft draws some symbols. One pass of the target gives its laws at all of them. Each guess x
    is kept with probability min(1, p(x) / q(x)); the first that is not is replaced by a draw from
    the `remainder`, and where all are kept the target adds a symbol. Source: :eq:`speculative`;
    Leviathan, Kalman and Matias (2023), algorithm 1.

    Args:
        target: maps symbols (B, T) to scores (B, T, K) of the symbol that follows each; a module
            is used in eval mode.
        draft: the same, of the same symbols.
        prompt: the beginning, (T,).
        length: how many symbols are added.
        ahead: how many symbols are guessed for a pass of the target, at most.
        rule: as in `write`, for both.
        generator: the only source of randomness.

    Raises:
        TypeError: if the prompt holds no whole numbers.
        ValueError: if it is empty, a number is impossible, or the draft has another alphabet.
    """
    check_prompt(prompt, length, ndim=1)
    check_numbers(ahead=ahead)
    if ahead < 1 or ahead % 1:
        raise ValueError(f"ahead: expected a whole number >= 1, got {ahead}")
    y, passes, guessed, kept = prompt.clone().long(), 0, 0, 0
    with eval_mode(target), eval_mode(draft):
        check_alphabets(*(net(y.new_zeros(1, 1)) for net in (target, draft)))
        while (left := len(prompt) + length - len(y)) > 0:
            guess, q = _guess(draft, y, min(int(ahead), left - 1), rule, generator)
            p = rule(target(guess[None])[0, len(y) - 1 :].log_softmax(-1)).exp()  # one law more
            passes, guessed, n = passes + 1, guessed + len(q), 0
            for x in guess[len(y) :].tolist():
                if not _draw(_coin(p[n, x] / q[n, x]), generator):
                    y = _append(y, _draw(remainder(p[n], q[n]), generator))
                    break
                y, n = _append(y, x), n + 1
            else:
                y = _append(y, _draw(p[n], generator))
            kept += n
    return Checked(y, passes, guessed, kept)


def remainder(p: Tensor, q: Tensor) -> Tensor:
    """The residual law: what p has more than q, over its sum, (..., K) twice -> (..., K).

    Source: :eq:`speculative`. Where p = q nothing is refused, but by rounding: there it is p.
    """
    _check_laws(p=p, q=q)
    more = (p - q).clamp(min=0)
    total = more.sum(-1, keepdim=True)
    return (more / total).where(total > 0, p)


def kept_share(p: Tensor, q: Tensor) -> Tensor:
    """Acceptance rate: how often a guess from q is kept, 1 - TV(p, q), (..., K) twice -> (...).

    Source: :eq:`acceptance`.
    """
    _check_laws(p=p, q=q)
    return torch.minimum(p, q).double().sum(-1).clamp(max=1).to(p)


def _check_laws(**laws: Tensor) -> None:
    """Checks that two laws, (..., K), are of one shape, >= 0, and sum to 1."""
    for name, law in laws.items():
        check_floating(law, name)
        if law.ndim == 0 or not (law >= 0).all() or not ((law.sum(-1) - 1).abs() < 1e-3).all():
            raise ValueError(
                f"{name}: expected probabilities that sum to 1, got {law.tolist()!s:.60}"
            )
    if laws["p"].shape != laws["q"].shape:
        shapes = tuple(laws["p"].shape), tuple(laws["q"].shape)
        raise ValueError(f"p, q: expected one shape, got {shapes[0]} and {shapes[1]}")


def check_alphabets(p: Tensor, q: Tensor) -> None:
    """Checks that two laws, or the scores of two, are of equally many symbols.

    Raises:
        ValueError: if they are not.
    """
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(
            f"draft: expected a network of the target's {p.shape[-1]} symbols, got one of "
            f"{q.shape[-1]}; the two must have learnt one alphabet"
        )


def _guess(
    draft: Callable[[Tensor], Tensor], y: Tensor, n: int, rule: Rule, generator: Generator
) -> tuple[Tensor, Tensor]:
    """y and n symbols more, and the laws they were drawn from, (n, K)."""
    laws = []
    for _ in range(n):
        laws.append(rule(draft(y[None])[0, -1].log_softmax(-1)).exp())
        y = _append(y, _draw(laws[-1], generator))
    return y, torch.stack(laws) if laws else y.new_zeros(0, 0, dtype=torch.get_default_dtype())


def _coin(p: Tensor) -> Tensor:
    """Tails and heads with probability min(1, p)."""
    heads = p.clamp(max=1)
    return torch.stack([1 - heads, heads])


def _draw(p: Tensor, generator: Generator) -> int:
    check_generator(generator)
    return int(torch.multinomial(p, 1, generator=generator))


def _append(y: Tensor, symbol: int) -> Tensor:
    return torch.cat([y, y.new_tensor([symbol])])

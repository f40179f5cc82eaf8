"""From Python's reference to Shakespeare with little of Shakespeare: all weights, or adapters.

    python -m benchmarks.studies.finetuning

writes `benchmarks/results/finetuning.json`. A transformer of the size of that of `studies.text` is
trained by AdamW on the language reference. Then each competitor sees a stretch of the training
plays of 20,000 characters, another one for each seed, for equally many steps: a fresh network
("scratch"), all weights of the trained one ("full"), and adapters of several ranks, of which 128 is
the full rank of every map. A chain of Kneser and Ney's counts the same stretch; its order is chosen
on validation. The highest learning rate is chosen with seed 0 on the first 12,000 characters of
each validation play; the same part of each test play is scored once. "reference" is what the model
then pays for the reference's held-out part, "before" what the trained network paid for all. All are
exact (=) bits per character of all but the first.
"""

import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import on_text
from benchmarks.studies.text import BATCH, CONTEXT, RECIPES, transformer
from coursepkg.data.text import Text, Vocabulary, load_shakespeare, load_text
from coursepkg.models.language.kneser_ney import KneserNey
from coursepkg.models.language.stream import bits_per_character, stream_log_prob
from coursepkg.nets.lowrank import adapt, learnt
from coursepkg.rng import seeded

CHARACTERS, HELD_OUT = 20_000, 12_000  # of the plays to learn from; of each play that is held out
FEW, DROPOUT = 4, 0.1  # pieces a step of fine-tuning; in every training
RANKS, RATES, ORDERS = (1, 4, 16, 128), (5e-4, 2e-3, 8e-3, 3e-2), (2, 3, 4, 5, 6)
Row = dict[str, Any]
Start = Callable[[Generator], nn.Module]


class Parts(NamedTuple):
    """Both texts in numbers of the characters of both training parts, each part (T,).

    Args:
        reference: the reference's training part.
        known: its held-out part.
        plays: the training plays.
        valid: beginnings of the validation plays.
        test: beginnings of the test plays.
        symbols: how many characters there are.
    """

    reference: Tensor
    known: Tensor
    plays: Tensor
    valid: Tensor
    test: Tensor
    symbols: int


def main(
    seeds: Annotated[int, typer.Option(help="of each fine-tuning", min=1)] = 3,
    steps: Annotated[int, typer.Option(help="of each fine-tuning", min=1)] = 200,
    before: Annotated[int, typer.Option(help="steps on the reference", min=1)] = 1000,
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
) -> None:
    """Trains on the reference, then every competitor on the plays; prints and writes the rows."""
    torch.set_num_threads(1)
    steps, before, held_out = (2, 2, 300) if quick else (steps, before, HELD_OUT)
    old, new = load_text(), load_shakespeare()
    texts = parts(old, new, held_out)
    trained, row = pretrained(texts, before)
    rows = [row, *(counted(texts, seed) for seed in range(seeds))]
    for name, start in starts(trained, texts.symbols).items():
        rows += tuned(name, start, texts, seeds, steps)
    told = {"source": [old.source, new.source], "sha256": [old.sha256, new.sha256]}
    if out is not None or not quick:
        write_results((out or RESULTS) / "finetuning.json", [row | told for row in rows])


def parts(old: Text, new: Text, held_out: int) -> Parts:
    """The texts; what of the reference's held-out part the training parts lack is left out."""
    code = Vocabulary.from_text(old.train + new.train)
    known = "".join(c for c in old.valid if c in code.characters)[: 4 * held_out]
    valid, test = (
        "\n\n\n".join(play[:held_out] for play in part.split("\n\n\n"))
        for part in (new.valid, new.test)
    )
    return Parts(
        code.encode(old.train), code.encode(known), code.encode(new.train),
        code.encode(valid), code.encode(test), len(code),
    )  # fmt: skip


def pretrained(texts: Parts, steps: int) -> tuple[nn.Module, Row]:
    """The network after the reference, and what it pays before it has seen a play."""
    start, generator = time.process_time(), seeded(0)
    net = transformer(texts.symbols, DROPOUT, generator)
    on_text(net, texts.reference, steps=steps, length=CONTEXT, batch_size=BATCH,
            rate=RECIPES["transformer"].rate, generator=generator)  # fmt: skip
    row = {"model": "before", "steps": steps, "learnt": learnt(net),
           "cpu_seconds": time.process_time() - start}  # fmt: skip
    return net, reported(row | {"valid": price(net, texts.valid)}, net, texts)


def starts(trained: nn.Module, symbols: int) -> dict[str, Start]:
    """What each competitor starts from, given its own generator."""

    def adapted(rank: int) -> Start:
        return lambda generator: adapt(trained, rank=rank, generator=generator)

    return {
        "scratch": lambda generator: transformer(symbols, DROPOUT, generator),
        "full": lambda generator: deepcopy(trained),
        **{f"rank {rank}": adapted(rank) for rank in RANKS},
    }


def stretch(plays: Tensor, seed: int) -> Tensor:
    """Some of the training plays, from a place that the seed draws."""
    first = int(torch.randint(len(plays) - CHARACTERS + 1, (1,), generator=seeded(seed)))
    return plays[first : first + CHARACTERS]


def tuned(name: str, start: Start, texts: Parts, seeds: int, steps: int) -> list[Row]:
    """A row for each seed, at the rate that is best on validation with seed 0."""

    def run(seed: int, rate: float) -> tuple[nn.Module, Row]:
        begun, generator = time.process_time(), seeded(seed)
        net = start(generator)
        on_text(net, stretch(texts.plays, seed), steps=steps, length=CONTEXT, batch_size=FEW,
                rate=rate, generator=generator)  # fmt: skip
        row = {"model": name, "seed": seed, "rate": rate, "steps": steps, "learnt": learnt(net),
               "cpu_seconds": time.process_time() - begun}  # fmt: skip
        return net, row | {"valid": price(net, texts.valid)}

    tries = [run(0, rate) for rate in RATES]
    net, best = min(tries, key=lambda tried: tried[1]["valid"])
    best["tried"] = {f"{row['rate']}": row["valid"] for _, row in tries}
    others = [run(seed, best["rate"]) for seed in range(1, seeds)]
    return [reported(row, net, texts) for net, row in [(net, best), *others]]


def counted(texts: Parts, seed: int) -> Row:
    """A chain of the same stretch, of the order that is best on validation."""
    y = stretch(texts.plays, seed)[None]
    chains = [KneserNey(order, symbols=texts.symbols).fit(y) for order in ORDERS]
    best = min(chains, key=lambda chain: price(chain, texts.valid))
    row = {"model": "chain", "seed": seed, "order": best.order,
           "learnt": sum(map(len, best.counts)), "valid": price(best, texts.valid)}  # fmt: skip
    return reported(row, best, texts)


def reported(row: Row, model: nn.Module | KneserNey, texts: Parts) -> Row:
    """The row with what is looked at once: the test plays, and the reference."""
    row |= {"test": price(model, texts.test), "reference": price(model, texts.known)}
    print(row, flush=True)
    return row


def price(model: nn.Module | KneserNey, y: Tensor) -> float:
    """Bits per character of all but the first (=)."""
    if isinstance(model, KneserNey):
        log_p = model.log_conditionals(y[None])[0, 1:]
    else:
        log_p = stream_log_prob(model, y, context=CONTEXT)
    return bits_per_character(log_p, len(y) - 1)


if __name__ == "__main__":
    typer.run(main)

"""From a bigram to a transformer on one text: bits per character.

    python -m benchmarks.studies.text counts window recurrent transformer tokens bytes

writes `benchmarks/results/text-MODEL.json` for each. Two texts: Shakespeare's plays, of which three
validate and three test, and Python's language reference, whose last tenth validates. Of the chains
of Kneser and Ney the order is chosen on validation. Each network is trained for a number of steps,
last step kept, in three seeds; it is scored alone, and mixed half and half with the best chain.
Every number is of all characters but the first, each predicted from at least half a context. The
tokens' number is a bound: a text has more spellings than the one that is scored. Bytes spell a text
in one way.
"""

import bz2
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import on_text
from coursepkg.data.bpe import BytePairs, from_bytes
from coursepkg.data.text import Text, Vocabulary, load_shakespeare, load_text
from coursepkg.models.language.kneser_ney import KneserNey
from coursepkg.models.language.stream import bits_per_character, mixed, stream_log_prob
from coursepkg.nets.readers import RecurrentReader, WindowReader
from coursepkg.nets.transformer import rotary_transformer
from coursepkg.rng import seeded

CONTEXT, BATCH, TOKENS, ORDERS = 128, 12, 512, (1, 3, 5, 6, 7, 8, 10)
TEXTS: dict[str, Callable[[], Text]] = {"shakespeare": load_shakespeare, "reference": load_text}


class Recipe(NamedTuple):
    """A network and how it is trained.

    Args:
        net: untrained, from the number of symbols, the dropout and a generator.
        rate: the highest learning rate.
        steps: on each text.
        dropout: on each text: of the shorter one every piece is seen many times.
        context: symbols that are read at once.
        batch_size: pieces a step.
        least: share of the rate at the end.
        matrices: rate of Muon, for the matrices; None for AdamW.
    """

    net: Callable[[int, float, Generator], nn.Module]
    rate: float
    steps: dict[str, int]
    dropout: dict[str, float]
    context: int = CONTEXT
    batch_size: int = BATCH
    least: float = 0.1
    matrices: float | None = None


def window(symbols: int, dropout: float, generator: Generator) -> nn.Module:
    """A perceptron of the last ten symbols."""
    return WindowReader(symbols=symbols, window=10, width=24, hidden=768, dropout=dropout,
                        generator=generator)  # fmt: skip


def recurrent(symbols: int, dropout: float, generator: Generator) -> nn.Module:
    """A gated state of 320 numbers."""
    return RecurrentReader(symbols=symbols, width=64, hidden=320, dropout=dropout,
                           generator=generator)  # fmt: skip


def transformer(
    symbols: int, dropout: float, generator: Generator, *, context: int = CONTEXT
) -> nn.Module:
    """Three layers of 128 features, with places told by turning."""
    return rotary_transformer(symbols=symbols, context=context, width=128, heads=4, depth=3,
                              dropout=dropout, spread=0.1, generator=generator)  # fmt: skip


MILD, STRONG = {"shakespeare": 0.0, "reference": 0.1}, {"shakespeare": 0.0, "reference": 0.2}
RECIPES = {
    "window": Recipe(window, 2e-3, {"shakespeare": 4000, "reference": 2000}, MILD),
    "recurrent": Recipe(recurrent, 4e-3, {"shakespeare": 3000, "reference": 1500}, MILD),
    "transformer": Recipe(
        partial(transformer, context=256),
        5e-3,
        {"shakespeare": 2600, "reference": 2000},
        MILD,
        context=256,
        batch_size=6,
        least=0.01,
        matrices=0.01,
    ),
    "tokens": Recipe(transformer, 5e-3, {"shakespeare": 2500, "reference": 1200}, STRONG),
}
RECIPES["bytes"] = RECIPES["transformer"]


class Bytes:
    """Text as its bytes in UTF-8, whatever it holds: the symbols 0..255."""

    def __len__(self) -> int:
        return 256

    def encode(self, text: str) -> Tensor:
        """Maps a text to (T,), T >= its characters."""
        return torch.tensor(list(text.encode()), dtype=torch.int64)

    def decode(self, ids: Tensor) -> str:
        """Maps (T,) back to the text; what is cut off in the middle of a character is one, �."""
        return from_bytes("".join(map(chr, ids.tolist())))


Code = BytePairs | Bytes | Vocabulary
CODES: dict[str, Callable[[str], Code]] = {  # learnt from the training part; else characters
    "tokens": partial(BytePairs.from_text, size=TOKENS), "bytes": lambda train: Bytes(),
}  # fmt: skip


class Spelling(NamedTuple):
    """A text's parts as numbers, and how many characters the held-out ones have.

    Args:
        symbols: how many there are.
        parts: numbers of train, valid and (where there is one) test.
        characters: that the symbols of each stand for, the first symbol left out.
    """

    symbols: int
    parts: dict[str, Tensor]
    characters: dict[str, int]


def main(
    models: Annotated[list[str] | None, typer.Argument(help="counts and networks")] = None,
    text: Annotated[list[str] | None, typer.Option(help="shakespeare, reference")] = None,
    seeds: Annotated[int, typer.Option(help="of each training", min=1)] = 3,
    steps: Annotated[int | None, typer.Option(help="of each; default the study's")] = None,
    short: Annotated[int | None, typer.Option(help="only so many characters of each part")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains, scores, prints a line for each model, writes the results."""
    torch.set_num_threads(1)
    texts = {name: TEXTS[name]() for name in text or TEXTS}
    for model in models or ["counts", *RECIPES]:
        rows = [
            row | {"text": name, "source": whole.source, "sha256": whole.sha256}
            for name, whole in texts.items()
            for row in scored(model, name, whole, seeds, steps, short)
        ]  # fmt: skip
        write_results(out / f"text-{model}.json", rows)


def scored(
    model: str, name: str, text: Text, seeds: int, steps: int | None, short: int | None
) -> list[dict[str, Any]]:
    """The rows of one kind of model on one text."""
    spelt = spelling(text, CODES.get(model, Vocabulary.from_text), short=short)
    if model == "counts":
        rows = [*(chain_row(spelt, order) for order in ORDERS), packed(text)]
    else:
        best = min((chain(spelt, order)[1] for order in ORDERS[1:]),
                   key=lambda log_p: -log_p["valid"].sum().item())  # fmt: skip
        rows = [trained(model, name, spelt, best, seed, steps) for seed in range(seeds)]
    for row in rows:
        print(name, row, flush=True)
    return rows


def spelling(text: Text, learn: Callable[[str], Code], *, short: int | None) -> Spelling:
    """Numbers for characters, tokens or bytes, in a code that is learnt on the training part.

    What the training part does not have is left out of the others: a few signs of the reference.
    """
    pieces = {"train": text.train[:short], "valid": text.valid[:short], "test": text.test[:short]}
    train, known = pieces["train"], set(pieces["train"])
    code = learn(train)
    held = {
        part: "".join(c for c in piece if c in known) for part, piece in pieces.items() if piece
    }
    parts = {part: code.encode(piece) for part, piece in held.items()}
    first = {part: len(code.decode(y[:1])) for part, y in parts.items()}
    return Spelling(len(code), parts, {part: len(held[part]) - first[part] for part in held})


def chain(spelt: Spelling, order: int) -> tuple[KneserNey, dict[str, Tensor]]:
    """Kneser and Ney's chain, and its log-probabilities of the held-out parts."""
    model = KneserNey(order, symbols=spelt.symbols).fit(spelt.parts["train"][None])
    held_out = [part for part in spelt.parts if part != "train"]
    return model, {p: model.log_conditionals(spelt.parts[p][None])[0, 1:] for p in held_out}


def chain_row(spelt: Spelling, order: int) -> dict[str, Any]:
    """Bits per character of a chain, and how many counts it keeps."""
    start = time.process_time()
    model, log_p = chain(spelt, order)
    numbers = sum(len(counts) for counts in model.counts)
    bits = {
        part: bits_per_character(found, spelt.characters[part]) for part, found in log_p.items()
    }
    return {"model": "chain", "order": order, "numbers": numbers, **bits,
            "cpu_seconds": time.process_time() - start}  # fmt: skip


def packed(text: Text) -> dict[str, Any]:
    """Bits per character of bz2, which has seen the training part."""
    seen = len(bz2.compress(text.train.encode()))
    parts = {part: piece for part, piece in (("valid", text.valid), ("test", text.test)) if piece}
    return {"model": "bz2"} | {
        part: 8 * (len(bz2.compress((text.train + piece).encode())) - seen) / len(piece)
        for part, piece in parts.items()
    }


def trained(
    model: str, text: str, spelt: Spelling, best: dict[str, Tensor], seed: int, steps: int | None
) -> dict[str, Any]:
    """One seed: bits per character, alone and mixed with the best chain of the same symbols."""
    recipe, start, generator = RECIPES[model], time.process_time(), seeded(seed)
    net = recipe.net(spelt.symbols, recipe.dropout[text], generator)
    number = steps or recipe.steps[text]
    on_text(net, spelt.parts["train"], steps=number, length=recipe.context,
            batch_size=recipe.batch_size, rate=recipe.rate, least=recipe.least,
            matrices=recipe.matrices, generator=generator)  # fmt: skip
    row: dict[str, Any] = {
        "model": model, "seed": seed, "steps": number, "symbols": spelt.symbols,
        "numbers": sum(p.numel() for p in net.parameters()),
        "cpu_seconds": time.process_time() - start,
    }  # fmt: skip
    for part, log_c in best.items():
        log_p, characters = (
            stream_log_prob(net, spelt.parts[part], context=recipe.context),
            spelt.characters[part],
        )
        row[part] = bits_per_character(log_p, characters)
        row[f"{part}_chain"] = bits_per_character(log_c, characters)
        row[f"{part}_mixed"] = bits_per_character(mixed([log_p, log_c]), characters)
    return row


if __name__ == "__main__":
    typer.run(main)

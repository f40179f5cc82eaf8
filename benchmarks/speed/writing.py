"""CPU seconds of writing: naive, with a memory, and speculatively.

    python -m benchmarks.speed.writing

writes `benchmarks/results/writing_speed.json`. The first race: 64 symbols for each of 100 texts,
with all keys and values computed anew for every symbol, and with a memory of them. The second: one
text, where the draft is a small network and the target a large one; both naive, and the number of
the target's passes beside the seconds. Draft and target have learnt the same text for a moment: how
often they agree depends on it. One process, one thread; they take turns, and each keeps its
fastest.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import on_text
from benchmarks.timing import fastest, keep_memory
from coursepkg.data.text import Vocabulary, load_text
from coursepkg.models.language.speculative import Checked, write_ahead
from coursepkg.models.language.writing import Remembering, write
from coursepkg.nets.transformer import Transformer, gpt
from coursepkg.rng import seeded

SYMBOLS, LENGTH, TEXTS, AHEAD = 80, 64, 100, 4
TARGET, DRAFT = (192, 6), (32, 1)  # width and depth


def main(
    rounds: Annotated[int, typer.Option(help="turns of each", min=1)] = 3,
    steps: Annotated[int, typer.Option(help="of the trainings of the second race")] = 150,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Runs both races, prints the ratios, writes the results."""
    torch.set_num_threads(1)
    keep_memory()
    rows = [race(rounds), guessing(rounds, steps)]
    print("naive × {naive:.1f} of a memory's {memory:.2f} s".format(**rows[0]))
    print("plain × {plain:.2f} of speculation's {ahead:.2f} s, kept {kept:.0%}".format(**rows[1]))
    write_results(out / "writing_speed.json", rows)


def race(rounds: int) -> dict[str, Any]:
    """Seconds with a memory, and the naive ones as a multiple."""
    net = gpt(symbols=SYMBOLS, context=LENGTH + 1, width=128, heads=4, depth=4,
              generator=seeded(0)).eval()  # fmt: skip
    prompt = torch.zeros(TEXTS, 1, dtype=torch.int64)

    def seconds(remember: bool) -> float:
        return fastest(
            lambda: write(Remembering(net) if remember else net, prompt, LENGTH,
                          generator=seeded(1)), repeats=1,
        )  # fmt: skip

    turns = [(seconds(True), seconds(False)) for _ in range(rounds)]
    memory, naive = (min(column) for column in zip(*turns, strict=True))
    return {"race": "memory", "length": LENGTH, "texts": TEXTS, "memory": memory,
            "naive": naive / memory}  # fmt: skip


def guessing(rounds: int, steps: int) -> dict[str, Any]:
    """Seconds of speculation, and the plain ones as a multiple; passes, and guesses kept."""
    text = load_text().train
    code = Vocabulary.from_text(text)
    y = code.encode(text)
    target, draft = (
        trained(y, len(code), width=width, depth=depth, steps=steps)
        for width, depth in (TARGET, DRAFT)
    )
    prompt, length = code.encode("The "), 120

    def speculate(seed: int) -> Checked:
        return write_ahead(target, draft, prompt, length, ahead=AHEAD, generator=seeded(seed))

    def plainly(seed: int) -> Tensor:
        return write(target, prompt[None], length, generator=seeded(seed))

    turns = [
        [fastest(partial(work, seed), repeats=1) for work in (speculate, plainly)]
        for seed in range(rounds)
    ]
    found = [speculate(seed) for seed in range(rounds)]
    ahead, plain = (sum(column) / rounds for column in zip(*turns, strict=True))
    return {
        "race": "speculation", "length": length, "ahead_by": AHEAD, "steps": steps,
        "ahead": ahead, "plain": plain / ahead,
        "passes": sum(each.passes for each in found) / rounds,
        "kept": sum(each.kept for each in found) / sum(each.guessed for each in found),
    }  # fmt: skip


def trained(y: Tensor, symbols: int, *, width: int, depth: int, steps: int) -> Transformer:
    """A network that has read a little."""
    net = gpt(symbols=symbols, context=128, width=width, heads=width // 16, depth=depth,
              generator=seeded(0))  # fmt: skip
    on_text(net, y, steps=steps, length=64, batch_size=16, rate=3e-3, generator=seeded(1))
    return net


if __name__ == "__main__":
    typer.run(main)

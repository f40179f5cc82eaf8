"""Is this a digit at all? Where the likelihood answers, and where it says the opposite.

    python -m benchmarks.studies.applications_anomaly

writes `benchmarks/results/applications_anomaly.json`. Models of the 1,000 training digits score the
447 test digits and as many images of other kinds: letters from printers' fonts, shrunk to 8×8;
digits whose ink is half as strong; digits whose levels are inverted; blank paper; digits whose
pixels are shuffled. Written is the area under the curve (AUC), the probability that the other image
gets the higher score, of

- the cost -log p(x) of a mixture of categoricals, and of a Markov chain with one table for all;
- how far that cost is from its mean on the validation digits (typicality);
- the cost less that of a model of pixels by themselves (a likelihood ratio).

0.5 is guessing, below it the score says the opposite. The seed draws the start of the mixture,
which letters, and the permutation; gains are over the mixture's cost, seed by seed (a negative gain
is a higher AUC).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from benchmarks.gains import gain, printed
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.applications_denoising import fitted
from coursepkg.data.digits import LEVELS, SHAPE, Split, load_split
from coursepkg.data.glyphs import SHAPE as GLYPH
from coursepkg.data.glyphs import load_glyphs
from coursepkg.rng import seeded

Score = Callable[[Tensor], Tensor]  # (B, 64) levels -> (B,), high for what is strange


def auc(inside: Tensor, outside: Tensor) -> float:
    """P(a score of `outside` > one of `inside`) + half of P(equal), of (N,) and (M,)."""
    above = (outside[:, None] > inside).double() + 0.5 * (outside[:, None] == inside)
    return above.mean().item()


def letters(n: int, *, seed: int) -> Tensor:
    """n letters of the glyphs as levels 0..16, (n, 64): each pixel the share of ink."""
    images, labels = load_glyphs()
    images = images[labels >= 10]
    some = torch.randperm(len(images), generator=seeded(seed))[:n]
    share = adaptive_avg_pool2d(images[some].view(-1, 1, *GLYPH), SHAPE).flatten(1)
    return (share * (LEVELS - 1)).round().long()


def others(x: Tensor, *, seed: int) -> dict[str, Tensor]:
    """Images that are no digits like x, (B, 64) levels each."""
    order = torch.randperm(x.shape[1], generator=seeded(seed))
    return {
        "letters": letters(len(x), seed=seed),
        "half the ink": x // 2,
        "inverted": LEVELS - 1 - x,
        "blank": torch.zeros_like(x),
        "shuffled": x[:, order],
    }


def scores(split: Split, *, seed: int, quick: bool) -> dict[str, Score]:
    """The ways to call an image strange."""
    mixture = fitted(split.train, seed=seed, quick=quick)
    chain = best_chain(split, 1, tied=True)
    alone = best_chain(split, 0, tied=False)
    usual = -mixture.log_prob(split.valid).mean()
    usual_chain = -chain.log_prob(split.valid).mean()
    return {
        "cost, mixture": lambda x: -mixture.log_prob(x),
        "cost, chain": lambda x: -chain.log_prob(x),
        "typicality, mixture": lambda x: (-mixture.log_prob(x) - usual).abs(),
        "typicality, chain": lambda x: (-chain.log_prob(x) - usual_chain).abs(),
        "ratio, mixture": lambda x: alone.log_prob(x) - mixture.log_prob(x),
    }


def main(
    seeds: Annotated[int, typer.Option(help="repetitions", min=2)] = 5,
    quick: Annotated[bool, typer.Option(help="sizes that only show that it runs")] = False,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Scores all images in each way, prints and writes the areas."""
    torch.set_num_threads(1)
    split = load_split()
    found: dict[tuple[str, str], list[float]] = {}
    for seed in range(seeds):
        for name, score in scores(split, seed=seed, quick=quick).items():
            inside = score(split.test)
            for kind, x in others(split.test, seed=seed).items():
                found.setdefault((name, kind), []).append(auc(inside, score(x)))
    rows = [
        {"score": name, "images": kind, **gain(values, found["cost, mixture", kind])}
        for (name, kind), values in found.items()
    ]
    for row in rows:
        print(printed(row), flush=True)
    write_results(out / "applications_anomaly.json", rows)


if __name__ == "__main__":
    typer.run(main)

"""Words that were made up for one text: what do one layer and two make of their second coming?

    python -m benchmarks.studies.induction

writes `benchmarks/results/induction.json`. Transformers of the same width and training, one layer
or two, from five seeds, read streams of words that nobody has seen before. Behind the first letter
of a word that has come before the next letter is certain, but only for a reader that finds where
the present letter stood and takes what followed. Written are the nats a letter there and elsewhere;
how many places back the first layer looks most, the mean weight there and the next largest; how
many places after the last coming of the present letter the last layer looks most; the nats of
certain letters nearer to it than the first layer looks back, and of the others; and the largest
score of a head as an induction head. The first layer is told the places, by turns; the second, if
there is one, finds by what stands there alone.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.chains import word_streams
from coursepkg.gallery.sequences import LETTERS, STREAM, reader
from coursepkg.models.language.induction import induction_score
from coursepkg.nets.transformer import Causal
from coursepkg.rng import seeded

LEVELS, DIM, WORDS, LONGEST = LETTERS, STREAM, 4, 6
BATCH, RATE, STEPS, TESTED = 64, 5e-3, 500, 500


def main(
    seeds: Annotated[int, typer.Option(help="of the training", min=1)] = 5,
    steps: Annotated[int, typer.Option(help="of each training")] = STEPS,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains both depths, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for depth in (1, 2):
        start = time.process_time()
        found = [
            measured(trained(depth, steps, seeded(seed)), seeded(100 + seed))
            for seed in range(seeds)
        ]
        rows.append({
            "depth": depth, "steps": steps,
            **{key: [each[key] for each in found] for key in found[0]},
            "cpu_seconds": (time.process_time() - start) / seeds,
        })  # fmt: skip
        print(rows[-1], flush=True)
    write_results(out / "induction.json", rows)


def trained(depth: int, steps: int, generator: Generator) -> Causal:
    """AdamW with one cycle of the rate, on new sequences at every step."""
    net = Causal(reader(depth, DIM, generator=generator))
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    for _ in range(steps):
        x, _ = draw(BATCH, generator)
        optimizer.zero_grad()
        surprise(net, x).mean().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return net.eval()


def draw(n: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Streams (n, DIM), and where their letters are certain."""
    return word_streams(n, dim=DIM, levels=LEVELS, words=WORDS, longest=LONGEST,
                        generator=generator)  # fmt: skip


def surprise(net: nn.Module, x: Tensor) -> Tensor:
    """-log p of each symbol given those before it, (B, D) -> (B, D), nats."""
    log_p: Tensor = net(x).log_softmax(-1)
    return -log_p.gather(-1, x[..., None]).squeeze(-1)


@torch.no_grad()
def measured(net: Causal, generator: Generator) -> dict[str, float | None]:
    """Nats a letter where it is certain and elsewhere, and where the heads look."""
    x, certain = draw(TESTED, generator)
    nats = surprise(net, x)
    read = torch.cat([torch.full_like(x[:, :1], LEVELS), x[:, :-1]], dim=1)  # as `Causal` has it
    heads = net.net.attention(read)
    looks, after = looks_back(heads[0][:, 0]), looks_after(heads[-1][:, 0], read)
    back = int(looks.argmax())
    near = certain & (distance(read) < back)
    return {
        "elsewhere": nats[~certain].mean().item(), "certain": nats[certain].mean().item(),
        "back": back, "weight": looks.max().item(),
        "beside": looks.sort(descending=True).values[1].item(),
        "after": int(after.argmax()), "after_weight": after.max().item(),
        "near": nats[near].mean().item() if near.any() else None,
        "far": nats[certain & ~near].mean().item(),
        "induction": max(induction_score(w, read).max().item() for w in heads),
    }  # fmt: skip


def looks_back(weights: Tensor) -> Tensor:
    """Mean weight b places back, b = 0, 1, ..., of the later half of the places: (B, T, T)."""
    half = weights.shape[1] // 2
    late = weights[:, half:]
    return torch.stack([late.diagonal(half - b, 1, 2).mean() for b in range(half)])


def looks_after(weights: Tensor, y: Tensor) -> Tensor:
    """Mean weight j places after the last coming of the symbol that was read, j = 0, ..., 9.

    Over the places whose symbol has come before, at least j places ago: (B, T, T) -> (10,).
    """
    apart, t = distance(y), torch.arange(y.shape[1])
    found = []
    for j in range(10):
        some = (apart > 0) & (apart >= j)
        place = (t - apart + j).where(some, 0)
        found.append(weights.gather(2, place[..., None]).squeeze(2)[some].mean())
    return torch.stack(found)


def distance(y: Tensor) -> Tensor:
    """How many places ago the symbol of each place came last, 0 for never: (B, T) -> (B, T)."""
    t = torch.arange(y.shape[1])
    before = (y[:, :, None] == y[:, None, :]).tril(-1)
    last = (before * (t + 1)).amax(2)  # its place + 1, 0 for never
    return (t + 1 - last).where(last > 0, 0)


if __name__ == "__main__":
    typer.run(main)

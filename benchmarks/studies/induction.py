"""Sequences that repeat: what do one layer and two make of a block that nobody has seen before?

    python -m benchmarks.studies.induction

writes `benchmarks/results/induction.json`. Transformers of the same width and training, with
rotary positions, one layer or two, from five seeds, read sequences of different letters that
repeat with a period of their own. From one symbol after the first period on the next symbol is
certain, but only for a reader that finds the last place of the present symbol and takes what
followed. Written are the nats a symbol there and before, and the largest score of a head as a
previous-token head and as an induction head.
"""

import math
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.chains import repeating
from coursepkg.models.language.induction import induction_score, previous_score
from coursepkg.nets.attention import Rotary
from coursepkg.nets.transformer import Causal, PreNormLayer, Transformer
from coursepkg.rng import seeded

LEVELS, DIM, LEAST, MOST = 26, 40, 3, 16
WIDTH, HEADS, BATCH, RATE, STEPS, TESTED = 48, 2, 64, 5e-3, 700, 500
PERIOD = 10  # of the sequences on which heads are scored


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


def network(depth: int, context: int, generator: Generator) -> Causal:
    """Pre-norm layers with rotary positions, of 26 letters and a start."""
    rotary = Rotary(context, WIDTH // HEADS)
    layers = [
        PreNormLayer(WIDTH, heads=HEADS, rotary=rotary, generator=generator) for _ in range(depth)
    ]
    net = Transformer(layers, symbols=LEVELS + 1, context=context, width=WIDTH,
                      generator=generator)  # fmt: skip
    return Causal(net)


def trained(depth: int, steps: int, generator: Generator) -> Causal:
    """AdamW with one cycle of the rate, on new sequences at every step."""
    net = network(depth, DIM, generator)
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
    """Sequences (n, DIM) and their periods (n,)."""
    return repeating(n, dim=DIM, levels=LEVELS, least=LEAST, most=MOST, generator=generator)


def surprise(net: nn.Module, x: Tensor) -> Tensor:
    """-log p of each symbol given those before it, (B, D) -> (B, D), nats."""
    log_p: Tensor = net(x).log_softmax(-1)
    return -log_p.gather(-1, x[..., None]).squeeze(-1)


@torch.no_grad()
def measured(net: Causal, generator: Generator) -> dict[str, float]:
    """Nats a symbol before and after it is certain, and the best heads' scores."""
    x, period = draw(TESTED, generator)
    nats, certain = surprise(net, x), torch.arange(DIM) > period[:, None]
    even, _ = repeating(50, dim=DIM, levels=LEVELS, least=PERIOD, most=PERIOD, generator=generator)
    heads = net.net.attention(even)
    return {
        "before": nats[~certain].mean().item(), "certain": nats[certain].mean().item(),
        "previous": max(previous_score(w).max().item() for w in heads),
        "induction": max(induction_score(w, period=PERIOD).max().item() for w in heads),
        "uniform": math.log(LEVELS),
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

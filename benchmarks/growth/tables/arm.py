"""Seconds to score and to sample one batch as the number of variables D grows.

    python -m benchmarks.sampling_cost

writes `benchmarks/results/sampling_cost.json`. The two are measured in one process, so their ratio
means something where the seconds do not.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.nets.conv import CausalCNN
from coursepkg.rng import seeded

LEVELS, BATCH, REPEATS = 17, 16, 3
LINE = "D = {dim}: score {score_seconds:.4f} s, sample {sample_seconds:.3f} s, ratio {ratio:.0f}"


def main(
    dims: Annotated[list[int] | None, typer.Argument(help="values of D")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures every D, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    rows = [measure(dim) for dim in dims or (16, 32, 64, 128, 256)]
    for row in rows:
        print(LINE.format(**row))
    write_results(out / "sampling_cost.json", rows)


@torch.no_grad()
def measure(dim: int) -> dict[str, Any]:
    """One row: seconds of scoring and of sampling a batch, and how often the network ran."""
    generator = seeded(0)
    net = CausalCNN(
        dim=dim, levels=LEVELS, embedding=4, channels=32, window=18, blocks=(1,), dropout=0,
        generator=generator,
    )  # fmt: skip
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    model = ARM(net, dim=dim, levels=LEVELS).eval()
    x = model.sample(BATCH, generator=generator)
    handle = net.register_forward_hook(count)
    model.sample(BATCH, generator=generator)
    handle.remove()
    score = fastest(lambda: model.log_prob(x), repeats=10 * REPEATS)
    sample = fastest(lambda: model.sample(BATCH, generator=generator), repeats=REPEATS)
    return {"dim": dim, "batch": BATCH, "score_seconds": score, "sample_seconds": sample,
            "ratio": sample / score, "sample_passes": passes}  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

"""A flow on a ring of eight Gaussians, and five students of it that need fewer steps.

    python -m benchmarks.gallery.few_steps

trains them from the first seed of `benchmarks.studies.few_steps` for some half a CPU minute, and
writes `coursepkg/weights/few_steps.pt`, one `state_dict` in half precision, and in
`benchmarks/results/gallery-few_steps.json` what draws of one, two and eight calls are worth.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.gallery.publish import save
from benchmarks.studies.few_steps import BANDWIDTH, DRAWS, WAYS, data, near, sampler, trained
from coursepkg.evaluation.samples import mmd_squared
from coursepkg.rng import seeded


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
) -> None:
    """Trains, measures, and writes weights and results."""
    torch.set_num_threads(1)
    start = time.process_time()
    nets = trained(epochs=1 if quick else 60, generator=seeded(0))
    row = {"cpu_seconds": time.process_time() - start}
    truth = data(DRAWS, generator=seeded(100))

    def scores() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for way in WAYS:
            for calls in (1, 2, 8):
                x = sampler(way, nets, calls=calls).sample(DRAWS, generator=seeded(200))
                mmd2 = mmd_squared(x, truth, bandwidth=BANDWIDTH)
                found[f"{way}, {calls}"] = {"mmd2": mmd2, "near": near(x)}
        return found

    save("few_steps", nets, row, scores, quick=quick, out=out)


if __name__ == "__main__":
    typer.run(main)

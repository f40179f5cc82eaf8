"""What a model keeps of single training images: copies, and who can tell that one was there.

    python -m benchmarks.studies.applications_memory

writes `benchmarks/results/applications_memory.json`. Mixtures of categoricals are fitted to 200
different digits, of which 10 stand in the training set 1, 5 or 20 times. Written, for each number
of components M and of repeats:

- the share of 1,000 samples that copy a training image: their distance to it is less than half of
  its own distance to the nearest other training image; and the same share of the 447 test digits,
  which copy nothing and so show how often the rule is wrong;
- the share of the samples that copy one of the ten;
- the AUC of "a high log p(x) means that x was trained on", of the 190 others and of the ten,
  against the test digits: 0.5 is guessing;
- -log p of the test digits, nats an image.

Deduplication is the row with one repeat. The seed draws the images, the ten, the start and the
samples. Gains are over one repeat at the same M, seed by seed (a negative gain is a higher value).
"""

from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from benchmarks.gains import gain, printed
from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.applications_anomaly import auc
from coursepkg.data.digits import LEVELS, Split, load_split
from coursepkg.models.mixtures import CategoricalMixture
from coursepkg.rng import seeded

IMAGES, TEN, SAMPLES = 200, 10, 1000
COMPONENTS, REPEATS = (10, 50, 200), (1, 5, 20)


def copied(x: Tensor, train: Tensor) -> Tensor:
    """Which different training image each x copies, (B, D) -> (B,) rows of `train`, -1 for none."""
    apart = torch.cdist(train, train).fill_diagonal_(torch.inf).amin(1)
    distance, nearest = torch.cdist(x, train).min(1)
    return torch.where(distance < apart[nearest] / 2, nearest, -1)


def measure(
    split: Split, components: int, repeats: int, *, seed: int, steps: int, samples: int
) -> dict[str, float]:
    """One mixture of one seed."""
    generator = seeded(seed)
    train = split.train[torch.randperm(len(split.train), generator=generator)[:IMAGES]]
    repeated = torch.cat([train[:TEN].repeat(repeats, 1), train[TEN:]])
    model = CategoricalMixture(
        components, dim=train.shape[1], levels=LEVELS, shrinkage=0.1, smoothing=0.1, steps=steps,
        tolerance=1e-3, generator=generator,
    )  # fmt: skip
    model.fit(repeated)
    drawn = copied(model.sample(samples, generator=generator).float(), train.float())
    fresh = copied(split.test.float(), train.float())
    seen, unseen = model.log_prob(train), model.log_prob(split.test)
    return {
        "copies": (drawn >= 0).double().mean().item(),
        "test digits called copies": (fresh >= 0).double().mean().item(),
        "copies of the ten": ((drawn >= 0) & (drawn < TEN)).double().mean().item(),
        "AUC of membership, others": auc(unseen, seen[TEN:]),
        "AUC of membership, the ten": auc(unseen, seen[:TEN]),
        "test nats": -unseen.mean().item(),
    }


def main(
    seeds: Annotated[int, typer.Option(help="repetitions", min=2)] = 5,
    steps: Annotated[int, typer.Option(help="of EM, at most")] = 30,
    samples: Annotated[int, typer.Option(help="draws of each model")] = SAMPLES,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Fits all mixtures, prints and writes what they keep."""
    torch.set_num_threads(1)
    split, rows = load_split(), []
    for M in COMPONENTS:
        runs = {
            k: [measure(split, M, k, seed=s, steps=steps, samples=samples) for s in range(seeds)]
            for k in REPEATS
        }
        for k, found in runs.items():
            for what in found[0]:
                values, base = ([run[what] for run in each] for each in (found, runs[1]))
                rows.append({"components": M, "repeats": k, "what": what, **gain(values, base)})
                print(M, k, printed(rows[-1]), flush=True)
        write_results(out / "applications_memory.json", rows)


if __name__ == "__main__":
    typer.run(main)

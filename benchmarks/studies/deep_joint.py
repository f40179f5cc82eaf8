"""Does a deep Boltzmann machine beat a restricted one with the same first layer? Over seeds.

    python -m benchmarks.studies.deep_joint

writes `benchmarks/results/deep_joint.json`: the machines of chapter 8, 12 units in h¹ and 8 in h²,
trained jointly on the binarised digits from small weights or after layerwise pretraining, and
restricted machines of 12 units from small weights or after as many epochs of CD-1. All go on with
the same steps, batches and chains. Exact -log p of the validation images (nats), the gap to the
mean-field bound and the norm of W_2, before and after.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import binarise, load_split
from coursepkg.enumeration import Normalised, binary_states
from coursepkg.evaluation import nats
from coursepkg.models.boltzmann.dbm import DBM, pretrain, train_jointly
from coursepkg.models.rbm.binary import RBM, marginal_rates
from coursepkg.models.rbm.learning import ContrastiveDivergence, PersistentChains, train
from coursepkg.rng import seeded

SIZES, CHAINS, BATCH = (64, 12, 8), 100, 50
SIZES_OF_STEPS = torch.linspace(0.3, 0.01, 10).tolist()  # one for each leg of training
Row = dict[str, Any]


@torch.no_grad()
def measured(dbm: DBM, x: Tensor) -> Row:
    """Mean exact -log p by all states of h², the gap to the bound, and the norm of W_2."""
    h = binary_states(dbm.sizes[2], like=x)
    both = torch.cat([x.repeat_interleave(len(h), 0), h.repeat(len(x), 1)], 1)
    log_p = torch.logsumexp(-dbm.machine.free_energy(both).view(len(x), -1), 1) - dbm.log_z()
    bound = dbm.variational_free_energy(x) + dbm.log_z()
    return {"valid": -log_p.mean().item(), "gap": (bound + log_p).mean().item(),
            "norm": dbm.weights[1].norm().item()}  # fmt: skip


def deep(x: Tensor, valid: Tensor, *, head_start: int, leg: int, generator: Generator) -> Row:
    """A deep machine before and after joint training; `head_start` epochs of pretraining."""
    dbm = DBM(SIZES, generator=generator, sweeps=5)
    with torch.no_grad():
        dbm.biases[0].copy_(marginal_rates(x).logit())
    if head_start:
        pretrain(dbm, x, epochs=head_start, batch_size=BATCH, step_size=0.1, generator=generator)
    before, chains = measured(dbm, valid), PersistentChains(CHAINS)
    for size in SIZES_OF_STEPS:
        train_jointly(dbm, x, negative=chains, epochs=leg, batch_size=BATCH, step_size=size,
                      average=0.99, generator=generator)  # fmt: skip
    return measured(dbm, valid) | {f"{key}_before": value for key, value in before.items()}


def restricted(x: Tensor, valid: Tensor, *, head_start: int, leg: int, generator: Generator) -> Row:
    """A restricted machine, trained alike; `head_start` epochs of CD-1."""
    rbm, chains = RBM(*SIZES[:2], generator=generator), PersistentChains(CHAINS)
    rbm.start_from(x)
    if head_start:
        train(rbm, x, negative=ContrastiveDivergence(1), epochs=head_start, batch_size=BATCH,
              step_size=0.1, generator=generator)  # fmt: skip
    for size in SIZES_OF_STEPS:
        train(rbm, x, negative=chains, epochs=leg, batch_size=BATCH, step_size=size,
              average=0.99, generator=generator)  # fmt: skip
    return {"valid": nats(Normalised(rbm), valid).value}


def main(
    seeds: Annotated[int, typer.Option(help="repetitions")] = 8,
    head_start: Annotated[int, typer.Option(help="epochs of layerwise training")] = 30,
    leg: Annotated[int, typer.Option(help="epochs of each of the ten legs")] = 10,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains the four machines from every seed, prints and writes what was measured."""
    torch.set_num_threads(1)
    x, valid, _ = (binarise(part) for part in load_split())
    rows = []
    for seed in range(seeds):
        for name, fit in (("deep", deep), ("restricted", restricted)):
            for start, epochs in (("small weights", 0), ("pretrained", head_start)):
                row = fit(x, valid, head_start=epochs, leg=leg, generator=seeded(seed))
                rows.append({"seed": seed, "machine": name, "start": start} | row)
                print(rows[-1], flush=True)
    write_results(out / "deep_joint.json", rows)


if __name__ == "__main__":
    typer.run(main)

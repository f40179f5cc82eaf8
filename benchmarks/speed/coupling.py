"""Seconds of an affine coupling flow's log_prob beside zuko's and normflows's of the same size.

    python -m benchmarks.speed.coupling

writes `benchmarks/results/coupling_speed.json`. The flows have as many couplings with perceptrons
of the same widths, of one half of the variables about the other (normflows's, in our couplings too)
on the same points, in one process on one thread that keeps its memory. They take turns, and each
keeps its fastest. Compare the ratios. normflows is optional, as the other peers that have no
place in requirements.txt are: it has no wheel.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
import zuko
from torch import Tensor, nn

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest, keep_memory
from coursepkg.models.flows import Affine, Chain, Coupling, StandardNormal, half
from coursepkg.models.transformed import Transformed
from coursepkg.rng import global_state_from, seeded

try:
    import normflows
except ImportError:
    normflows = None

COUPLINGS, HIDDEN, ROUNDS = 8, (128, 128), 9


def main(
    batches: Annotated[list[int] | None, typer.Argument(help="numbers of examples")] = None,
    dim: Annotated[int, typer.Option(help="number of variables, even")] = 64,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Times every size of batch, prints the ratios, writes the results."""
    if normflows is None:
        raise SystemExit(
            "benchmarks.speed.coupling: normflows is not installed: "
            'pip install -c constraints.txt -e ".[bench]"'
        )
    torch.set_num_threads(1)
    keep_memory()
    rows = [race(torch.randn(B, dim, generator=seeded(0))) for B in batches or (64, 256, 1024)]
    for row in rows:
        print("B = {batch}: {ours:.5f} s, zuko × {zuko:.2f}, normflows × {normflows:.2f}"
              .format(**row))  # fmt: skip
    write_results(out / "coupling_speed.json", rows)


@torch.no_grad()
def race(x: Tensor) -> dict[str, Any]:
    """One row: CPU seconds of one log_prob of x, (B, D); the peers' as multiples of ours."""
    D = x.shape[1]
    with global_state_from(seeded(0)):
        ours = flow_of(D)
        zukos = zuko.flows.NICE(
            features=D, transforms=COUPLINGS, randmask=False, hidden_features=HIDDEN
        )
        normflowss = normflows_of(D)
    works = [
        lambda: ours.log_prob(x), lambda: zukos().log_prob(x), lambda: normflowss.log_prob(x)
    ]  # fmt: skip
    rounds = [[fastest(work, repeats=1, least=0.1) for work in works] for _ in range(ROUNDS)]
    least, *peers = map(min, zip(*rounds, strict=True))
    return {"batch": len(x), "dim": D, "ours": least, "zuko": peers[0] / least,
            "normflows": peers[1] / least}  # fmt: skip


def flow_of(dim: int) -> Transformed:
    """Ours, with the networks of the next."""
    layers = [
        Coupling(network(dim), half(dim, parity=n % 2), monotone=Affine()) for n in range(COUPLINGS)
    ]
    return Transformed(Chain(layers), StandardNormal(dim))


def normflows_of(dim: int) -> Any:
    """The same of normflows, whose halves change places after each coupling."""
    layers: list[nn.Module] = []
    for _ in range(COUPLINGS):
        block = normflows.flows.AffineCouplingBlock(network(dim))
        layers += [block, normflows.flows.Permute(dim, "swap")]
    return normflows.NormalizingFlow(normflows.distributions.DiagGaussian(dim), layers)


def network(dim: int) -> nn.Module:
    """Two numbers for each variable of one half, from the other half."""
    net: nn.Module = normflows.nets.MLP([dim // 2, *HIDDEN, dim])
    return net


if __name__ == "__main__":
    typer.run(main)

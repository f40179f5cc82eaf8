"""Several right answers: the angles of a robot's arm, asked for where its hand is.

    python -m benchmarks.studies.applications_answers

writes `benchmarks/results/applications_answers.json`. Two links of lengths 0.8 and 0.2 put the hand
at one place; in much of its reach two pairs of angles, elbow up and elbow down, bring it there.
1,000 poses train, 500 validate, 1,000 test, drawn uniformly from a box of angles. Five ways to
answer "which angles?": least squares, the angles of the nearest training hand, draws from a mixture
density network and from a conditional spline flow, and the mean of the former. Two numbers: how far
the hand ends from where it should, and -log p(angles | hand) in nats, of those that have one (for
least squares, of a normal law around its answer whose width is that of its residuals on the
validation poses). Networks are alike in width, steps and rate; the seed draws poses, weights, order
and answers. Gains are over least squares, seed by seed.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.gains import gain, printed
from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import one_cycle
from coursepkg.models.flows import (
    Chain,
    ConditionalTransformed,
    Coupling,
    RationalQuadraticSpline,
    StandardNormal,
)
from coursepkg.models.mixtures import MixtureDensityNetwork
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded

LINKS = 0.8, 0.2
LOW, HIGH = (0.3, math.pi / 2), (1.2, 3 * math.pi / 2)
HIDDEN, COMPONENTS = 48, 5


def poses(n: int, *, generator: Generator) -> Tensor:
    """Angles of shoulder and elbow, uniform in the box, (n, 2)."""
    low, high = torch.tensor(LOW), torch.tensor(HIGH)
    return low + (high - low) * torch.rand(n, 2, generator=generator)


def hand(angles: Tensor) -> Tensor:
    """Where the hand is, (B, 2) -> (B, 2)."""
    shoulder, both = angles[:, 0], angles.sum(1)
    links = [(shoulder.cos(), shoulder.sin()), (-both.cos(), -both.sin())]
    return sum(
        (length * torch.stack(way, 1) for length, way in zip(LINKS, links, strict=True)),
        torch.zeros(len(angles), 2),
    )


def elbows(place: Tensor) -> tuple[Tensor, Tensor]:
    """All answers to one place (2,): angles (2, 2), elbow one way and the other; and if allowed.

    By the law of cosines; an answer is allowed if it is in the box.
    """
    a, b = LINKS
    cosine = (a**2 + b**2 - place.square().sum()) / (2 * a * b)
    bend = torch.stack([cosine.arccos(), 2 * math.pi - cosine.arccos()])
    turn = torch.atan2(-b * bend.sin(), a - b * bend.cos())
    angles = torch.stack([torch.atan2(place[1], place[0]) - turn, bend], dim=1)
    low, high = torch.tensor(LOW).to(angles), torch.tensor(HIGH).to(angles)
    return angles, ((angles >= low) & (angles <= high)).all(1)


class LeastSquares(nn.Module):
    """A network that says one answer, trained by the square of its error."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.net = MLP([2, HIDDEN, HIDDEN, 2], generator=generator)

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """Squared error of the angles, (B, 2) and hands (B, 2) -> (B,)."""
        squared: Tensor = (self.net(condition) - x).square().sum(1)
        return squared


def density_network(generator: Generator) -> MixtureDensityNetwork:
    """Before training."""
    net = MLP([2, HIDDEN, HIDDEN, 5 * COMPONENTS], generator=generator)
    return MixtureDensityNetwork(net, components=COMPONENTS, dim=2, conditions=2, floor=0.01)


def flow(generator: Generator) -> ConditionalTransformed:
    """Before training: four couplings, which move one angle given the hand and the other."""
    spline = RationalQuadraticSpline(bins=8, reach=5.0)
    masks = torch.tensor([[True, True, True, False], [True, True, False, True]] * 2)
    layers = [
        Coupling(MLP([3, HIDDEN, HIDDEN, spline.size], generator=generator), mask, monotone=spline)
        for mask in masks
    ]
    return ConditionalTransformed(Chain(layers), StandardNormal(2), given=2)


def trained(model: Any, data: dict[str, Tensor], *, epochs: int, seed: int) -> Any:
    """By the recipe, on hands and angles that are standardised."""
    one_cycle(
        model, data["angles"], condition=data["hands"], valid=data["angles_valid"],
        valid_condition=data["hands_valid"], epochs=epochs, batch_size=50, rate=5e-3, decay=1e-4,
        clip=100.0, generator=seeded(seed),
    )  # fmt: skip
    return model.eval()


@torch.no_grad()
def answers(*, epochs: int, seed: int) -> dict[str, dict[str, float]]:
    """Of one seed: each way's miss of the hand, in lengths of the arm's, and nats."""
    generator = seeded(seed)
    angles = poses(2500, generator=generator)
    hands = hand(angles)
    to = [(each.mean(0), each.std(0)) for each in (angles[:1000], hands[:1000])]
    y, c = ((each - mean) / std for each, (mean, std) in zip((angles, hands), to, strict=True))
    data = {
        "angles": y[:1000], "hands": c[:1000], "angles_valid": y[1000:1500],
        "hands_valid": c[1000:1500],
    }  # fmt: skip
    y, c = y[1500:], c[1500:]
    log_volume = to[0][1].log().sum()  # nats of standardised angles -> of angles
    with torch.enable_grad():
        line, mdn, spline = (
            trained(make(seeded(seed)), data, epochs=epochs, seed=seed)
            for make in (LeastSquares, density_network, flow)
        )
    near = torch.cdist(c, data["hands"]).argmin(1)
    draws = {
        "least squares": line.net(c),
        "nearest training hand": data["angles"][near],
        "mixture density network, its mean": mdn.mean(c),
        "mixture density network, a draw": mdn.sample(len(c), condition=c, generator=generator),
        "conditional flow, a draw": spline.sample(len(c), condition=c, generator=generator),
    }
    found = {
        name: {"miss": (hand(each * to[0][1] + to[0][0]) - hands[1500:]).norm(dim=1).mean().item()}
        for name, each in draws.items()
    }
    width = (line.net(data["hands_valid"]) - data["angles_valid"]).square().mean(0).sqrt()
    normal = torch.distributions.Normal(line.net(c), width)
    for name, log_p in {
        "least squares": normal.log_prob(y).sum(1),
        "mixture density network, a draw": mdn.log_prob(y, condition=c),
        "conditional flow, a draw": spline.log_prob(y, condition=c),
    }.items():
        found[name]["nats"] = (log_volume - log_p.mean()).item()
    return found


def main(
    seeds: Annotated[int, typer.Option(help="repetitions", min=2)] = 5,
    epochs: Annotated[int, typer.Option(help="passes over the poses")] = 60,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains all, prints and writes gains over least squares."""
    torch.set_num_threads(1)
    runs = [answers(epochs=epochs, seed=seed) for seed in range(seeds)]
    rows = []
    for what in ("miss", "nats"):
        base = [run["least squares"][what] for run in runs]
        for name in (name for name in runs[0] if what in runs[0][name]):
            values = [run[name][what] for run in runs]
            rows.append({"answer": name, "what": what, **gain(values, base)})
            print(printed(rows[-1]), flush=True)
    write_results(out / "applications_answers.json", rows)


if __name__ == "__main__":
    typer.run(main)

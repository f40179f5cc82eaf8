"""What a diffusion's network predicts, where it looks and how errors count, each changed alone.

    python -m benchmarks.studies.design_space

writes `benchmarks/results/design_space.json`. The data are two moons whose ideal guess is known, so
that each network's bound has a known best value: the gap, in nats, is what the bound loses by the
network's errors. Beside it stands what 40 second-order steps draw: the squared maximum mean
discrepancy from the truth, and the share of draws where the truth has less density than 99 % of its
own draws have. The plain network predicts v, looks evenly in λ, and is trained by the bound; every
other row changes one thing. Five seeds, of data and training.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import one_cycle
from benchmarks.studies.tricks import difference
from coursepkg.data.toy import two_moons
from coursepkg.evaluation.samples import mmd_squared
from coursepkg.models.diffusion.continuous_time import (
    ContinuousDiffusion,
    LinearSchedule,
    LogisticSchedule,
    Reweighted,
    Schedule,
)
from coursepkg.models.diffusion.denoisers import FromNoise, FromVelocity, RealDenoiser
from coursepkg.models.diffusion.mixture import MixtureGuess
from coursepkg.models.diffusion.signal import signal_at
from coursepkg.models.diffusion.solvers import Guess, multistep, power_levels
from coursepkg.models.mixtures.gaussian import GaussianMixture
from coursepkg.nets.timed import TimedMLP
from coursepkg.rng import seeded

MOST, LEAST = 9.0, -9.0  # log-SNRs of the two ends
EXAMPLES, BATCH, RATE, HIDDEN, BLOCKS = 8192, 256, 4e-3, 64, 2
LOOKS, SEEN, DRAWN, STEPS, BANDWIDTH = 36, 2000, 3000, 40, 0.2
EVEN = LinearSchedule(most=MOST, least=LEAST)


@dataclass(frozen=True)
class Design:
    """What the network's output means, where it looks, and how errors count there."""

    reading: Callable[[nn.Module], nn.Module] = FromVelocity
    schedule: Schedule = EVEN
    weight: Callable[[Tensor], Tensor] = torch.ones_like


PLAIN = Design()
DESIGNS = {
    "plain": PLAIN,
    "predicts x": replace(PLAIN, reading=lambda net: net),
    "predicts noise": replace(PLAIN, reading=FromNoise),
    "looks around 2": replace(
        PLAIN, schedule=LogisticSchedule(most=MOST, least=LEAST, centre=2.0, scale=1.5)
    ),
    "looks around 0, as flow matching": replace(
        PLAIN, schedule=LogisticSchedule(most=MOST, least=LEAST, centre=0.0, scale=2.0)
    ),
    "weight of flow matching": replace(PLAIN, weight=lambda level: torch.exp(-level / 2)),
    "weight of errors of x": replace(PLAIN, weight=lambda level: torch.exp(-level)),
    "sigmoid weight": replace(PLAIN, weight=lambda level: torch.sigmoid(2 - level)),
}


class OfLevel(nn.Module):
    """A network of z and λ: a `TimedMLP` whose time is λ between the ends."""

    def __init__(self, *, generator: Generator) -> None:
        super().__init__()
        self.net = TimedMLP(2, hidden=HIDDEN, blocks=BLOCKS, generator=generator)

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """Maps z (B, 2) and log-SNRs (B,) to (B, 2)."""
        result: Tensor = self.net(z, (log_snr - LEAST) / (MOST - LEAST))
        return result


def moons() -> GaussianMixture:
    """Two moons as a mixture, shifted and scaled to mean 0 and mean variance 1."""
    law = two_moons(scale=0.3, points=16)
    centre = law.means.mean(0)
    scale = ((law.means - centre).square().mean() + law.scales[0] ** 2).sqrt()
    mixture = GaussianMixture(len(law.means), dim=2, generator=seeded(0))
    mixture.means.copy_((law.means - centre) / scale)
    mixture.scale_tril.copy_(law.scales[0] / scale * torch.eye(2).expand(len(law.means), 2, 2))
    return mixture


def main(
    seeds: Annotated[int, typer.Option(help="of data and training", min=1)] = 5,
    epochs: Annotated[int, typer.Option(help="of the training")] = 20,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains each design, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    law = moons()
    rows: list[dict[str, Any]] = [{"design": "ideal", **judged(MixtureGuess(law), law, seeded(0))}]
    for name, design in DESIGNS.items():
        start = time.process_time()
        found = [
            judged(trained(design, law, epochs, seeded(seed)), law, seeded(1000 + seed))
            for seed in range(seeds)
        ]
        row: dict[str, Any] = {
            "design": name, "epochs": epochs, "cpu_seconds": (time.process_time() - start) / seeds,
            **{key: [each[key] for each in found] for key in found[0]},
        }  # fmt: skip
        plain = rows[1] if len(rows) > 1 else row
        row["effect"] = {key: difference(row[key], plain[key]) for key in found[0]}
        rows.append(row)
        print(f"{name:34}", *(f"{k} {sum(row[k]) / seeds:.4f}" for k in found[0]), flush=True)
        write_results(out / "design_space.json", rows)


def trained(design: Design, law: GaussianMixture, epochs: int, generator: Generator) -> Guess:
    """One network, trained from fresh data and weights."""
    x = law.sample(EXAMPLES, generator=generator)
    denoiser = RealDenoiser(design.reading(OfLevel(generator=generator)), dim=2, std=1.0)
    model = ContinuousDiffusion(denoiser, design.schedule, points=1, steps=1)
    one_cycle(
        Reweighted(model, design.weight), x, valid=None, epochs=epochs, batch_size=BATCH, rate=RATE,
        decay=0.0, clip=10.0, generator=generator,
    )  # fmt: skip
    return denoiser


@torch.no_grad()
def judged(guess: Guess, law: GaussianMixture, generator: Generator) -> dict[str, float]:
    """The gap of the bound, and what the guess draws."""
    z = torch.randn(DRAWN, 2, generator=generator)
    drawn = multistep(guess, z, levels=power_levels(STEPS, least=LEAST, most=MOST))
    truth = law.sample(DRAWN, generator=generator)
    rare = law.log_prob(law.sample(20_000, generator=generator)).quantile(0.01)
    return {
        "gap": gap(guess, law, generator),
        "mmd2": mmd_squared(drawn, truth, bandwidth=BANDWIDTH),
        "stray": (law.log_prob(drawn) < rare).float().mean().item(),
    }


def gap(guess: Guess, law: GaussianMixture, generator: Generator) -> float:
    """½ ∫ e^λ E ‖x̂ - E[x | z]‖² dλ between the ends, nats, by the midpoints of even parts."""
    ideal, total = MixtureGuess(law), 0.0
    for look in range(LOOKS):
        level = LEAST + (MOST - LEAST) * (look + 0.5) / LOOKS
        log_snr = torch.full((SEEN,), level)
        x = law.sample(SEEN, generator=generator)
        z = signal_at(log_snr).mix(x, torch.randn(SEEN, 2, generator=generator))
        error = (guess(z, log_snr) - ideal(z, log_snr)).square().sum(1).mean().item()
        total += math.exp(level) * error / 2 * (MOST - LEAST) / LOOKS
    return total


if __name__ == "__main__":
    typer.run(main)

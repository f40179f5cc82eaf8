"""Mode collapse on a ring of eight Gaussians: is it the loss, the rates, or the number of steps?

    python -m benchmarks.studies.ring

writes `benchmarks/results/ring.json`: for each game (a loss, its penalties, critic steps for each
one of the generator, the networks' nonlinearity) and each pair of learning rates how many of the
eight modes have at least 1 % of the draws within three standard deviations, and the share of draws
that are so near to any mode, from each of five seeds. All else is the same: sizes, optimizer, data,
and how many batches are seen.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Generator, Tensor
from torch.nn.functional import leaky_relu, silu
from torch.optim import Adam

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.toy import eight_gaussians
from coursepkg.evaluation.samples import mode_shares, modes_covered
from coursepkg.models.gan.adversarial import GAN
from coursepkg.models.gan.losses import (
    AdversarialLoss,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    Wasserstein,
)
from coursepkg.models.gan.penalties import Penalty, R1Penalty, R2Penalty, UnitSlope
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded
from coursepkg.training import fit_adversarial

RADIUS = 4.0  # of the ring, and the unit in which the players see it
SPREAD = 0.5  # standard deviation of a mode
EXAMPLES, BATCH, LATENT, HIDDEN, DRAWS = 6400, 256, 2, 64, 2000
BETAS = (0.5, 0.9)
BOTH = (R1Penalty(1.0), R2Penalty(1.0))


class Game(NamedTuple):
    """What the players want, what steepness costs, how often the critic moves, and who they are."""

    objective: AdversarialLoss
    penalties: tuple[Penalty, ...] = ()
    critic_steps: int = 1
    activation: Callable[[Tensor], Tensor] = silu


GAMES = {
    "minimax": Game(Minimax()),
    "non-saturating": Game(NonSaturating()),
    "least squares": Game(LeastSquares()),
    "relativistic": Game(Relativistic()),
    "non-saturating, both penalties": Game(NonSaturating(), BOTH),
    "relativistic, both penalties": Game(Relativistic(), BOTH),
    "Wasserstein, unit slope": Game(Wasserstein(), (UnitSlope(1.0),)),
    "non-saturating, 5 critic steps": Game(NonSaturating(), critic_steps=5),
    "Wasserstein, unit slope, 5 critic steps": Game(Wasserstein(), (UnitSlope(1.0),), 5),
    "non-saturating, rectifiers": Game(NonSaturating(), activation=leaky_relu),
}
RATES = {  # of critic and generator
    "equal": (1e-3, 1e-3),
    "slow critic": (1e-4, 3e-3),
}
MORE_RATES = {  # for one game: is it each rate, or their ratio?
    "slow generator": (3e-3, 1e-4),
    "both fast": (3e-3, 3e-3),
}


def main(
    seeds: Annotated[int, typer.Option(help="of data and training", min=1)] = 5,
    epochs: Annotated[int, typer.Option(help="of the training")] = 36,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Plays every game, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    pairs = [(name, rates) for name in GAMES for rates in RATES]
    for name, rates in [*pairs, *(("non-saturating", rates) for rates in MORE_RATES)]:
        start = time.process_time()
        critic, forger = (RATES | MORE_RATES)[rates]
        found = [
            reached(trained(GAMES[name], critic, forger, epochs=epochs, generator=seeded(seed)))
            for seed in range(seeds)
        ]
        rows.append({
            "game": name, "rates": rates, "critic_rate": critic, "generator_rate": forger,
            "modes": [modes for modes, _ in found], "near": [near for _, near in found],
            "epochs": epochs, "cpu_seconds": (time.process_time() - start) / seeds,
        })  # fmt: skip
        print("{game:40} {rates:15} {modes}".format(**rows[-1]), flush=True)
        write_results(out / "ring.json", rows)


def players(game: Game, *, generator: Generator) -> GAN:
    """Two perceptrons of two hidden layers."""
    act = game.activation
    net = MLP([LATENT, HIDDEN, HIDDEN, 2], activation=act, generator=generator)
    critic = MLP([2, HIDDEN, HIDDEN, 1], activation=act, generator=generator)
    return GAN(
        net, critic, latent=LATENT, event=(2,), objective=game.objective, penalties=game.penalties
    )


def fresh(game: Game, *, generator: Generator) -> tuple[Tensor, GAN]:
    """Data, in radii, and untrained players."""
    x = eight_gaussians().sample(EXAMPLES, generator=generator) / RADIUS
    return x, players(game, generator=generator)


def trained(
    game: Game, critic: float, forger: float, *, epochs: int, generator: Generator,
    monitor: Any = None,
) -> GAN:  # fmt: skip
    """One game played from fresh data and weights, with one rate for each player."""
    x, model = fresh(game, generator=generator)
    fit_adversarial(
        model, x, critic_optimizer=Adam(model.critic.parameters(), critic, BETAS),
        generator_optimizer=Adam(model.net.parameters(), forger, BETAS),
        critic_steps=game.critic_steps, epochs=epochs, batch_size=BATCH, monitor=monitor,
        generator=generator, progress=False,
    )  # fmt: skip
    return model


def reached(model: GAN) -> tuple[int, float]:
    """How many modes have 1 % of the draws, and the share of draws that are at a mode at all."""
    return counted(RADIUS * model.sample(DRAWS, generator=seeded(1000)))


def counted(x: Tensor) -> tuple[int, float]:
    """The same of draws (N, 2)."""
    means, radius = eight_gaussians().means, 3 * SPREAD
    near = mode_shares(x, means, radius=radius).sum().item()
    return modes_covered(x, means, radius=radius), near


if __name__ == "__main__":
    typer.run(main)

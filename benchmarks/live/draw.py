"""Four models of zeros and ones for chapter 22's live figure, each with exact likelihoods.

    python -m benchmarks.live.draw

fits independent pixels, a mixture, a logistic autoregression and an RBM to the binarised digits, in
less than a CPU minute, and writes `book/live/draw-weights.js`: their numbers in single precision,
log Z of the RBM by a sum over all its hidden states, one test image of each digit, and what test
images cost under each. What is written is what is scored.
"""

import textwrap
import time
from pathlib import Path
from typing import Annotated, Protocol

import torch
import typer
from torch import Tensor

from benchmarks.leaderboard.board import BINARISED
from benchmarks.live.export import LIVE, read_weights, write_weights
from benchmarks.provenance import provenance
from coursepkg.data.digits import Split, load_labels
from coursepkg.enumeration import Normalised
from coursepkg.models.autoregressive.binary import LogisticAutoregression
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.rbm.binary import RBM, marginal_rates
from coursepkg.models.rbm.learning import PersistentChains, train
from coursepkg.rng import seeded

D, HIDDEN = 64, 14
FAMILIES = ("alone", "mixture", "logistic", "rbm")
PARTS = (0.05, 0.5, 0.95)  # quantiles of what test images cost
WEIGHTS = LIVE / "draw-weights.js"


class Scored(Protocol):
    """What the figure asks of a model."""

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""


def fitted(split: Split, *, quick: bool) -> dict[str, Tensor]:
    """The numbers of the four models, by the names that the page knows."""
    mixtures = [mixture(split, M, quick=quick) for M in ((10,) if quick else (20, 40, 80))]
    best = min(mixtures, key=lambda each: -each.log_prob(split.valid.long()).mean().item())
    logistic = LogisticAutoregression(dim=D, strength=3.0).fit(split.train)
    rbm = RBM(D, HIDDEN, generator=seeded(0))
    rbm.start_from(split.train)
    train(
        rbm, split.train, negative=PersistentChains(100), epochs=1 if quick else 300,
        batch_size=50, step_size=0.2, last_step_size=0.0, average=0.99, generator=seeded(1),
    )  # fmt: skip
    state = {
        "alone.b": marginal_rates(split.train).logit(),
        "mixture.log_weights": best.log_weights,
        "mixture.logits": best.log_levels[..., 1] - best.log_levels[..., 0],
        "logistic.W": logistic.W.detach().triu(1), "logistic.b": logistic.b.detach(),
        "rbm.W": rbm.W.detach(), "rbm.b": rbm.b.detach(), "rbm.c": rbm.c.detach(),
    }  # fmt: skip
    state = {name: value.float() for name, value in state.items()}
    rounded = machine({name: value.double() for name, value in state.items()})
    return state | {"rbm.log_Z": Normalised(rounded).log_Z.float()}


def mixture(split: Split, components: int, *, quick: bool) -> CategoricalMixture:
    """Counts beside a prior; the number of components is chosen on validation."""
    model = CategoricalMixture(
        components, dim=D, levels=2, shrinkage=1.0, smoothing=0.5, steps=2 if quick else 100,
        tolerance=1e-3, generator=seeded(components),
    )  # fmt: skip
    return model.fit(split.train.long())


def models(state: dict[str, Tensor]) -> dict[str, Scored]:
    """The models with these numbers, in float64; log Z of the RBM by enumeration."""
    state = {name: value.double() for name, value in state.items()}
    alone, logistic = (LogisticAutoregression(dim=D).double() for _ in range(2))
    logits = state["mixture.logits"]
    mixed = CategoricalMixture(len(logits), dim=D, levels=2, generator=seeded(0)).double()
    with torch.no_grad():
        alone.b.copy_(state["alone.b"])
        logistic.b.copy_(state["logistic.b"])
        logistic.W.copy_(state["logistic.W"])
        mixed.log_weights.copy_(state["mixture.log_weights"].log_softmax(0))
        mixed.log_levels.copy_(torch.stack([-logits, logits], -1).div(2).log_softmax(-1))
    return {
        "alone": alone,
        "mixture": Levels(mixed),
        "logistic": logistic,
        "rbm": Normalised(machine(state)),
    }


class Levels:
    """A mixture of levels, asked about zeros and ones that are real numbers."""

    def __init__(self, model: CategoricalMixture) -> None:
        self.model = model

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        return self.model.log_prob(x.long())


def machine(state: dict[str, Tensor]) -> RBM:
    """The RBM with these numbers."""
    rbm = RBM(D, len(state["rbm.c"]), generator=seeded(0)).to(state["rbm.W"])
    with torch.no_grad():
        rbm.W.copy_(state["rbm.W"])
        rbm.b.copy_(state["rbm.b"])
        rbm.c.copy_(state["rbm.c"])
    return rbm


def costs(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """-log p(x) under each model, (4, N), nats."""
    found = models(state)
    with torch.no_grad():
        return torch.stack([-found[name].log_prob(x.double()) for name in FAMILIES])


def pictures(split: Split) -> Tensor:
    """The first test image of each digit 0 to 9, (10, 64), zeros and ones."""
    y = load_labels().test
    return split.test[[int((y == digit).nonzero()[0]) for digit in range(10)]].to(torch.uint8)


def main(
    quick: Annotated[bool, typer.Option(help="fit for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the weights")] = None,
) -> None:
    """Fits, scores, and writes the numbers."""
    torch.set_num_threads(1)
    start, split = time.process_time(), BINARISED.load()
    state = fitted(split, quick=quick)
    seconds = time.process_time() - start
    test = costs(state, split.test)
    quantiles = torch.quantile(test, torch.tensor(PARTS, dtype=test.dtype), dim=1).T  # (4, 3)
    made = provenance()
    means = zip(FAMILIES, costs(state, split.valid).mean(1), test.mean(1), strict=True)
    scores = ", ".join(f"{name} {valid:.2f} and {mean:.2f}" for name, valid, mean in means)
    comment = (
        f"Four models of the binarised 8×8 digits; exactly so many nats an image on validation and "
        f"test: {scores}. Fitted in {seconds:.0f} CPU seconds by `{made['command']}`, torch "
        f"{made['torch']}, {made['cpu']}, commit {made['commit'][:12]}, {made['date']}."
    )
    print(comment)
    if quick and out is None:
        return
    path = (out or LIVE) / WEIGHTS.name
    path.parent.mkdir(exist_ok=True)
    arrays = {**state, "digits": pictures(split), "typical": quantiles.float()}
    write_weights(path, arrays, textwrap.fill(comment, 100))


def load(path: Path = WEIGHTS) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Numbers of the models, the test images of the figure (10, 64), and quantiles (4, 3)."""
    arrays = read_weights(path)
    digits, typical = arrays.pop("digits"), arrays.pop("typical")
    return arrays, digits, typical


if __name__ == "__main__":
    typer.run(main)

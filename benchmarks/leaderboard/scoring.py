"""Trains entries of a board from each of their seeds, and scores them: a row of each."""

import math
import time
from collections.abc import Sequence
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any

import torch
from torch import Generator, Tensor

from benchmarks.leaderboard.board import Entry
from benchmarks.leaderboard.samples import (
    POOL,
    REPEATS,
    beside,
    judged,
    measures,
    own,
    some,
    summary,
)
from coursepkg.data.digits import Split
from coursepkg.evaluation import Nats, eval_mode, nats, over_seeds
from coursepkg.rng import seeded

DRAWS = 64  # of a bound, for each image
WORDS = ("log_prob", "elbo", "log_weight", "log_prob_estimate", "free_energy",
         "unnormalised_log_weight")  # fmt: skip
"""What a model may say about x, in the order in which `nats` asks."""


def run(entries: Sequence[Entry], split: Split, *, quick: bool) -> list[dict[str, Any]]:
    """Trains from each seed, once for all entries, which have one `fit`; their rows of the table.

    The generator that scores an entry goes on from where its training left it.
    """
    seconds, trained = [], []
    for seed in range(1 if quick else max(entry.seeds for entry in entries)):
        start = time.process_time()
        generator = seeded(seed)
        trained.append((entries[0].fit(split, generator, quick), generator.get_state()))
        seconds.append(time.process_time() - start)
    rows = []
    for entry in entries:
        models = [
            (entry.look(model, quick), Generator().set_state(state))
            for model, state in trained[: entry.seeds]
        ]
        rows.append(_row(entry, models, split, seconds[: entry.seeds], quick=quick))
    return rows


def _row(
    entry: Entry, models: Sequence[tuple[Any, Generator]], split: Split, seconds: Sequence[float],
    *, quick: bool,
) -> dict[str, Any]:  # fmt: skip
    scores = in_nats if entry.draw is None else by_samples
    start = time.process_time()
    return {
        "family": entry.family,
        **scores(entry, models, split, quick=quick),
        "cpu_seconds": sum(seconds) / len(seconds),
        "cpu_seconds_per_seed": list(seconds),
        "scoring_cpu_seconds": time.process_time() - start,
        "parameters": entry.learned(models[-1][0]),
    }


def in_nats(
    entry: Entry, models: Sequence[tuple[Any, Generator]], split: Split, *, quick: bool
) -> dict[str, Any]:
    """The negative log-likelihoods of trained models, with their sign and errors."""
    test, valid, each = [], [], []
    draws = 2 if quick else entry.draws or DRAWS
    for model, generator in models:
        log_Z, error = entry.log_z(model, split, generator) if entry.log_z else (None, 0.0)
        score = partial(scored, model, generator=generator, draws=draws, log_Z=log_Z, error=error)
        valid.append(score(split.valid)[0])
        found, by_image = score(split.test)
        test.append(found)
        each.append(by_image)
    mean = over_seeds(test) if len(test) > 1 else test[0]
    return {
        "sign": mean.sign,
        "nats": mean.value,
        "error_data": mean.error_data,
        "error_draws": mean.error_draws,
        "error_seeds": None if math.isnan(mean.error_seeds) else mean.error_seeds,
        "bits_per_dim": mean.bits_per_dim(split.test.shape[1]),
        "nats_per_seed": [result.value for result in test],
        "valid_per_seed": [result.value for result in valid],
        "per_image": packed(torch.stack(each).mean(0)),
        "measures": beside(entry.chain or own, models, split, repeats=2 if quick else REPEATS),
    }


def scored(
    model: Any, x: Tensor, *, generator: Generator, draws: int, log_Z: float | None, error: float
) -> tuple[Nats, Tensor]:
    """What `nats` says of all images, and the same of each, (N,): both from the same draws."""
    word = next((word for word in WORDS if hasattr(model, word)), WORDS[0])
    says, heard = getattr(model, word), list[Tensor]()

    @wraps(says)
    def overheard(batch: Tensor, **noise: Generator) -> Tensor:
        heard.append(says(batch, **noise))
        return heard[-1]

    with eval_mode(model):
        found = nats(SimpleNamespace(**{word: overheard}), x, generator=generator, draws=draws,
                     log_Z=log_Z, log_Z_error=error)  # fmt: skip
    said = torch.cat(heard).double().view(-1, len(x)).mean(0)
    each = said if word == "free_energy" else -said
    return found, each + (found.value - each.mean())  # log Z is the same for all


def packed(values: Tensor) -> str:
    """Nats to two digits: a line of the file for all images."""
    return " ".join(f"{value:.2f}" for value in values.tolist())


def unpacked(values: str) -> Tensor:
    """The numbers again, (N,)."""
    return torch.tensor([float(value) for value in values.split()], dtype=torch.float64)


def by_samples(
    entry: Entry, models: Sequence[tuple[Any, Generator]], split: Split, *, quick: bool
) -> dict[str, Any]:
    """A dash, and what the samples of trained models are worth beside the images."""
    assert entry.draw is not None
    asked, repeats = measures(split), 2 if quick else REPEATS
    test, valid = [], []
    for model, generator in models:
        pool = entry.draw(model, len(split.test) * (1 if quick else POOL), generator)
        look = partial(judged, partial(some, pool), repeats=repeats, generator=generator)
        test.append(look(split.test, asked))
        valid.append(look(split.valid, asked))
    found = summary(test, valid, split.test, asked, splits=5 if quick else 100)
    return {"sign": "—", "nats": None, "measures": found}

"""One epoch of an RBM beside scikit-learn's BernoulliRBM, and what its score_samples measures.

    python -m benchmarks.speed.rbm

writes `benchmarks/results/rbm_speed.json`. Both train by persistent chains on the same binarised
digits with the same minibatches and as many chains as examples in one, in one process on one
thread; the epochs take turns, and each library's fastest counts. Compare the ratios, not the
seconds. Centred gradients, which the peer does not have, are timed beside. The machine whose scores
are compared is small enough for its exact log Z.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from sklearn.neural_network import BernoulliRBM
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import binarise, load_split
from coursepkg.enumeration import Normalised
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.learning import PersistentChains, train
from coursepkg.rng import draw_seed, seeded

BATCH, REPEATS, SCORED = 50, 7, 16


def main(
    hidden: Annotated[list[int] | None, typer.Argument(help="numbers of hidden units")] = None,
    epochs: Annotated[int, typer.Option(help="epochs of the machine that is scored")] = 200,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Times every number of hidden units, scores one machine both ways, writes the results."""
    torch.set_num_threads(1)
    split = load_split()
    x, test = binarise(split.train).float(), binarise(split.test).float()
    rows = [speed(x, M) for M in hidden or (25, 50, 100, 200, 400)]
    for row in rows:
        print("M = {hidden}: {ours:.4f} s and {theirs:.4f} s, × {ratio:.2f}; "
              "centred × {centred_ratio:.2f}".format(**row))  # fmt: skip
    rows.append(scores(x, test, epochs=epochs))
    print("score_samples says {pseudo:.2f} where -log p is {exact:.2f} nats".format(**rows[-1]))
    write_results(out / "rbm_speed.json", rows)


def speed(x: Tensor, hidden: int) -> dict[str, Any]:
    """One row: CPU seconds of an epoch, ours as theirs and centred, and scikit-learn's."""
    generator = seeded(0)
    ours = RBM(x.shape[1], hidden, generator=generator).float()
    chains = PersistentChains(BATCH)
    theirs, array = _peer(hidden, epochs=1), x.numpy()
    theirs.fit(array)  # compiled, imported, its chains started

    def our_epoch(*, centre: bool) -> None:
        train(ours, x, negative=chains, epochs=1, batch_size=BATCH, step_size=0.05, centre=centre,
              generator=generator)  # fmt: skip

    def their_epoch() -> None:
        for start in range(0, len(array), BATCH):
            theirs.partial_fit(array[start : start + BATCH])

    works: list[Callable[[], None]] = [
        partial(our_epoch, centre=False),
        partial(our_epoch, centre=True),
        their_epoch,
    ]
    seconds = np.array([[_seconds(work) for work in works] for _ in range(1 + REPEATS)])[1:]
    same, centred, peer = seconds.min(0).tolist()
    return {"what": "epoch", "hidden": hidden, "ours": same, "centred": centred, "theirs": peer,
            "ratio": same / peer, "centred_ratio": centred / peer}  # fmt: skip


def scores(x: Tensor, test: Tensor, *, epochs: int) -> dict[str, Any]:
    """One row: score_samples of a machine trained by scikit-learn, and its exact -log p."""
    peer = _peer(SCORED, epochs=epochs).fit(x.numpy())
    rbm = translated(peer)
    generator = seeded(1)
    draws = np.stack([_score(peer, test, draw_seed(generator)) for _ in range(100)])
    return {
        "what": "score", "hidden": SCORED, "pseudo": -draws.mean().item(),
        "pseudo_error": draws.mean(1).std(ddof=1).item() / len(draws) ** 0.5,
        "exact": -Normalised(rbm).log_prob(test.to(rbm.W)).mean().item(),
    }  # fmt: skip


def translated(peer: BernoulliRBM) -> RBM:
    """The machine of ours with the peer's weights."""
    rbm = RBM(peer.components_.shape[1], len(peer.components_), generator=seeded(0)).double()
    with torch.no_grad():
        for ours, theirs in ((rbm.W, peer.components_.T), (rbm.b, peer.intercept_visible_),
                             (rbm.c, peer.intercept_hidden_)):  # fmt: skip
            ours.copy_(torch.from_numpy(np.asarray(theirs, dtype=float)))
    return rbm


def _peer(hidden: int, *, epochs: int) -> BernoulliRBM:
    return BernoulliRBM(hidden, learning_rate=0.05, batch_size=BATCH, n_iter=epochs, random_state=0)


def _score(peer: BernoulliRBM, test: Tensor, seed: int) -> Any:
    peer.random_state = seed
    return peer.score_samples(test.numpy())


def _seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    typer.run(main)

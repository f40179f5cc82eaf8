"""ICA of patches of photographs beside scikit-learn's FastICA, to the same likelihood.

    python -m benchmarks.speed.ica

writes `benchmarks/results/ica_speed.json`. Both get the same 30,000 whitened patches in single
precision, in one process on one thread. FastICA runs until it says that it has converged, and the
lengths of its rows, which it does not choose, are set to those of highest likelihood, untimed. Then
natural gradients climb to the mean log-likelihood that it reached: what counts is the time of all
passes up to the first that is there. Compare the ratios, not the seconds.
"""

import time
import warnings
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from sklearn.decomposition import FastICA
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.patches import draw_patches, whiten
from coursepkg.models.autoencoders.ica import ICA, climb, natural_gradient
from coursepkg.models.autoencoders.priors import Sech
from coursepkg.rng import seeded

SIDE, BATCH, STEP_SIZE, REPEATS = 12, 1000, 0.4, 3
EPOCHS = {64: 8, 100: 10, 128: 14}  # over which step sizes fall; shorter ones do not get there


def main(
    components: Annotated[list[int] | None, typer.Argument(help="numbers of sources")] = None,
    patches: Annotated[int, typer.Option(help="number of patches")] = 30_000,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Races at every number of sources, prints the ratios, writes the results."""
    torch.set_num_threads(1)
    x = draw_patches(patches, SIDE, generator=seeded(0), centre=True)
    rows = [race(whiten(x, components=M).z.float()) for M in components or (64, 100, 128)]
    for row in rows:
        print("{components} sources: {theirs:.2f} s to {their_level:.2f}, {ours:.2f} s to "
              "{our_level:.2f} nats: × {ratio:.1f}".format(**row))  # fmt: skip
    write_results(out / "ica_speed.json", rows)


def race(z: Tensor) -> dict[str, Any]:
    """One row: CPU seconds of both on white z, (N, D), the least of three runs each."""
    their_seconds, peer = min((theirs(z) for _ in range(REPEATS)), key=itemgetter(0))
    level = mean_log_prob(peer, z)
    epochs = EPOCHS.get(z.shape[1], 16)
    our_runs = (ours(z, level=level, epochs=epochs) for _ in range(REPEATS))
    our_seconds, model = min(our_runs, key=itemgetter(0))
    return {
        "components": z.shape[1], "patches": len(z), "theirs": their_seconds, "ours": our_seconds,
        "their_level": level, "our_level": mean_log_prob(model, z),
        "ratio": their_seconds / our_seconds,
    }  # fmt: skip


def theirs(z: Tensor) -> tuple[float, ICA]:
    """CPU seconds of FastICA on z, (N, D), and its matrix with rows of the best lengths."""
    peer, array = FastICA(whiten=False, random_state=0, max_iter=1000), z.numpy()
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it centres nothing
        peer.fit(array)
    seconds = time.process_time() - start
    model = empty(z)
    model.W.copy_(torch.from_numpy(peer.components_))
    for _ in range(100):  # a fixed point is E[ψ(s) s] = -1, the best length
        s = model.sources(z)
        model.W *= (1 + (1 + (model.prior.score(s) * s).mean(0)) / 2)[:, None]
    return seconds, model


def ours(z: Tensor, *, level: float, epochs: int) -> tuple[float, ICA]:
    """CPU seconds of the passes through z, (N, D), up to the first that reaches the level.

    Raises:
        RuntimeError: if none does.
    """
    model, generator, seconds = empty(z), seeded(0), 0.0
    for epoch in range(epochs):
        start = time.process_time()
        climb(model, z, direction=natural_gradient, step_size=STEP_SIZE * (1 - epoch / epochs),
              batch_size=BATCH, generator=generator)  # fmt: skip
        seconds += time.process_time() - start
        if mean_log_prob(model, z) >= level:
            return seconds, model
    raise RuntimeError(f"level: expected {level:.3f}, got {mean_log_prob(model, z):.3f}")


def empty(z: Tensor) -> ICA:
    """A model of white data that knows nothing yet."""
    return ICA(z.shape[1], prior=Sech(), generator=seeded(0)).to(z)


def mean_log_prob(model: ICA, z: Tensor) -> float:
    """The mean log-likelihood of z, nats."""
    return model.log_prob(z).double().mean().item()


if __name__ == "__main__":
    typer.run(main)

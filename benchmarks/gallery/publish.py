"""Writes what a command of this folder trained: weights in half precision, signed, and scores."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.provenance import RESULTS, first_process, provenance, write_results
from coursepkg.evaluation import Nats
from coursepkg.gallery import sign
from coursepkg.nets.trained import FOLDER


def publish(
    name: str, net: nn.Module, row: dict[str, Any], scores: Mapping[str, Callable[[], Nats]],
    *, dim: int, quick: bool, out: Path | None,
) -> None:  # fmt: skip
    """Rounds the weights to half precision, scores what is left, prints, and writes both.

    Args:
        name: of the files: `NAME.pt`, and `gallery-NAME.json`.
        net: the trained network; it is rounded.
        row: sizes and seconds; nats and bits per variable of each part are added.
        scores: by the names of the parts, what scores a model of this network on them.
        dim: number of variables.
        quick: whether nothing may be written but to `out`.
        out: folder for both files; None for the package's weights and the results.
    """

    def found() -> dict[str, Any]:
        return {
            part: {"nats": nats.value, "error_data": nats.error_data,
                   "bits_per_dim": nats.bits_per_dim(dim)}
            for part, nats in ((part, score()) for part, score in scores.items())
        }  # fmt: skip

    save(name, net, row, found, quick=quick, out=out)


def save(
    name: str, net: nn.Module, row: dict[str, Any], scores: Callable[[], dict[str, Any]],
    *, quick: bool, out: Path | None,
) -> None:  # fmt: skip
    """The same with any scores.

    Args:
        name: of the files: `NAME.pt`, and `gallery-NAME.json`.
        net: the trained network; it is rounded.
        row: sizes and seconds; the scores are added.
        scores: called when the network is rounded.
        quick: whether nothing may be written but to `out`.
        out: folder for both files; None for the package's weights and the results.
    """
    state = {
        key: value.half() if value.is_floating_point() else value  # an order stays whole numbers
        for key, value in net.state_dict().items()
    }
    net.load_state_dict(state)  # what is written is what is scored
    path = (out or FOLDER) / f"{name}.pt"
    new = path.with_name(path.name + ".new")
    kept = first_process() and not (quick and out is None)
    if kept:  # before the scores: if they are interrupted, the training is not lost
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, new)
    row |= scores()
    if first_process():
        print(row)
    if not kept:
        return
    made = provenance()
    new.replace(path)
    sign(name, {key: made[key] for key in ("command", "commit", "date", "torch")}, folder=out)
    write_results((out or RESULTS) / f"gallery-{name}.json", [row])

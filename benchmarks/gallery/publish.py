"""Writes what a command of this folder trained: weights in half precision, and their scores."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.evaluation import nats
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets.trained import FOLDER


def publish(
    name: str, model: ConditionalARM, row: dict[str, Any], parts: dict[str, tuple[Tensor, Tensor]],
    *, quick: bool, out: Path | None,
) -> None:  # fmt: skip
    """Rounds the weights to half precision, scores what is left, prints, and writes both.

    Args:
        name: of the files: `NAME.pt`, and `gallery-NAME.json`.
        model: the trained model; its network is rounded.
        row: sizes and seconds; exact nats and bits per variable of each part are added.
        parts: by their names, examples and their conditions.
        quick: whether nothing may be written but to `out`.
        out: folder for both files; None for the package's weights and the results.
    """
    state = {key: value.half() for key, value in model.net.state_dict().items()}
    model.net.load_state_dict(state)  # what is written is what is scored
    for part, (x, condition) in parts.items():
        found = nats(model, x, condition=condition, batch_size=50)
        row[part] = {"nats": found.value, "error_data": found.error_data,
                     "bits_per_dim": found.bits_per_dim(model.dim)}  # fmt: skip
    print(row)
    if quick and out is None:
        return
    (out or FOLDER).mkdir(exist_ok=True)
    torch.save(state, (out or FOLDER) / f"{name}.pt")
    write_results((out or RESULTS) / f"gallery-{name}.json", [row])

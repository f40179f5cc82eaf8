"""Weights of networks that train for minutes; a command of `benchmarks/gallery` writes each."""

from pathlib import Path

import torch
from torch import Tensor

FOLDER = Path(__file__).parents[1] / "weights"


def load_weights(name: str) -> dict[str, Tensor]:
    """A network's `state_dict`, in half precision as it is kept; `load_state_dict` makes it whole.

    Args:
        name: of the network, such as "pixelcnn".

    Raises:
        ValueError: if there is none of that name.
    """
    names = sorted(path.stem for path in FOLDER.glob("*.pt"))
    if name not in names:
        raise ValueError(f"name: expected one of {names}, got {name!r}")
    state: dict[str, Tensor] = torch.load(FOLDER / f"{name}.pt", weights_only=True)
    return state

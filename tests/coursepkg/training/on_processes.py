"""A script as users write it, for `fabric run`: it trains twice and says what each process got.

Without a word of Fabric. Arguments: a folder, and the rank whose third epoch fails, if any.
"""

import os
import sys
from pathlib import Path

import torch
from torch import Generator, Tensor

from coursepkg import training
from tests.coursepkg.training.toys import Line, line_data, recipe, weights


class Failing(Line):
    """Fails in its third epoch, when it has seen two."""

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        if self.rows >= 60:  # of its own: two epochs of half of 60
            raise RuntimeError("this process had bad luck")
        return super().loss(x, generator=generator)


def main(folder: Path, unlucky: int | None = None) -> None:
    torch.set_default_dtype(torch.float64)
    rank = int(os.environ["RANK"])
    first = (Failing if rank == unlucky else Line)(noise=0)
    history = training.fit(first, line_data(), checkpoint=folder / "run.pt", **recipe(first))
    second = Line(noise=0)
    training.fit(second, line_data(), ema=0.9, **recipe(second))
    torch.save((weights(first), weights(second), history.train, second.rows), folder / f"{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

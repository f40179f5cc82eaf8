"""Draws book/live/draw.png, which stands where the live figure of chapter 22 cannot run.

A test image under the four models of the figure, each with a lower half that it drew.
Run: python -m tools.figures.live_draw
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from benchmarks.live.draw import FAMILIES, D, load, machine, models
from coursepkg.models.rbm.completion import complete
from coursepkg.plotting import COLOURS, use_style
from coursepkg.rng import seeded
from tools.figures.still import save

TARGET = Path("book/live/draw.png")
NAMES = dict(zip(FAMILIES, ("pixels alone", "mixture", "autoregressive", "RBM"), strict=True))
HALF, DIGIT = D // 2, 3


def completed(state: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """A lower half by each model, given the upper one: x (64,) -> (64,) each."""
    generator, top = seeded(4), x[:HALF]
    found, p = {}, torch.zeros(D, dtype=x.dtype)

    def below(logits: Tensor) -> Tensor:
        return torch.cat([top, torch.bernoulli(logits.sigmoid(), generator=generator)])

    found["alone"] = below(state["alone.b"][HALF:])
    logits = state["mixture.logits"]
    log_p = -torch.nn.functional.softplus((1 - 2 * top) * logits[:, :HALF]).sum(1)
    share = (state["mixture.log_weights"] + log_p).softmax(0)
    found["mixture"] = below(logits[torch.multinomial(share, 1, generator=generator)[0], HALF:])
    y = torch.cat([top, p[HALF:]])
    for d in range(HALF, D):
        field = state["logistic.b"][d] + y[:d] @ state["logistic.W"][:d, d]
        y[d] = torch.bernoulli(field.sigmoid(), generator=generator)
    found["logistic"] = y
    known = torch.arange(D) < HALF
    rbm = machine(dict(state))
    found["rbm"] = complete(rbm, x[None], known, generator=generator)[0]
    return found


def draw(found: Mapping[str, Tensor], costs: Mapping[str, float], path: Path) -> None:
    """Writes the four pictures with their nats."""
    figure, axes = plt.subplots(1, len(found), figsize=(6.3, 1.9))
    for ax, (name, y) in zip(axes, found.items(), strict=True):
        ax.imshow(y.view(8, 8), cmap="gray", vmin=0, vmax=1)
        ax.axhline(3.5, color=COLOURS["samples"])
        ax.set(xticks=[], yticks=[], xlabel=f"{NAMES[name]}\n{costs[name]:.1f} nats")
    save(figure, path)


def main(say: Callable[[str], object] = print) -> None:
    """Draws the figure and prints what its caption may quote."""
    use_style()
    arrays, digits, _ = load()
    state = {name: value.double() for name, value in arrays.items()}
    x = digits[DIGIT].double()
    with torch.no_grad():
        costs = {name: -law.log_prob(x[None]).item() for name, law in models(state).items()}
        draw(completed(state, x), costs, TARGET)
    say(", ".join(f"{NAMES[name]} {cost:.1f} nats" for name, cost in costs.items()))
    say(f"wrote {TARGET}")


if __name__ == "__main__":
    main()

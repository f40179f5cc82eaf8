"""What is paid against what is gained: points whose marker says of which kind a number is."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from coursepkg.plotting.style import COLOURS

MARKERS = {"=": "o", "≤": "v", "≈": "D"}
WORDS = {"=": "exact", "≤": "bound", "≈": "estimate"}
ROLES = {"=": "model", "≤": "bound", "≈": "latent"}


def frontier(
    seconds: ArrayLike, nats: ArrayLike, signs: Sequence[str], names: Sequence[str], *, ax: Axes
) -> Axes:
    """Draws nats against seconds, on a logarithmic axis, and joins the points that none beats.

    A point is beaten if another costs no more and has fewer nats. Those that are not have numbers,
    and the numbers a key.

    Args:
        seconds: what each cost, (n,), at least 0; what cost less than 10 ms stands there.
        nats: negative log-likelihoods, (n,).
        signs: "=" (exact), "≤" (bound) or "≈" (estimate), n of them: the marker.
        names: n of them.
        ax: where to draw.

    Raises:
        ValueError: if a sign is none of these.
    """
    if unknown := [sign for sign in signs if sign not in MARKERS]:
        raise ValueError(f"signs: expected each of {', '.join(MARKERS)}, got {unknown[0]!r}")
    x, y = np.maximum(np.asarray(seconds, float), 0.01), np.asarray(nats, float)
    ax.set_xscale("log")
    best = unbeaten(x, y)
    ax.step(x[best], y[best], where="post", color="0.7", linewidth=1, zorder=0)
    for sign, marker in MARKERS.items():
        of = [i for i, each in enumerate(signs) if each == sign]
        if of:
            colour = COLOURS[ROLES[sign]]
            ax.scatter(
                x[of], y[of], marker=marker, color=colour, s=28, label=f"{sign} {WORDS[sign]}"
            )
    for numbers in neighbours(np.log10(x[best])):
        last = best[numbers[-1]]
        name = "–".join(str(n + 1) for n in dict.fromkeys((numbers[0], numbers[-1])))
        ax.annotate(name, (x[last], y[last]), xytext=(0, -5), textcoords="offset points",
                    ha="center", va="top", fontsize="small")  # fmt: skip
    key = [f"{n}  {names[i]}" for n, i in enumerate(best, 1)]
    ax.text(0.98, 0.98, "\n".join(key), transform=ax.transAxes, ha="right", va="top",
            fontsize="small", linespacing=1.3, multialignment="left")  # fmt: skip
    ax.legend(frameon=False, loc="lower left")
    return ax


def unbeaten(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[int]:
    """Indices of the points that no other beats, by rising x."""
    found: list[int] = []
    for i in np.lexsort((y, x)).tolist():
        if not found or y[i] < y[found[-1]]:
            found.append(i)
    return found


def neighbours(x: NDArray[np.float64], *, gap: float = 0.1) -> list[list[int]]:
    """Indices of rising x in groups, within which one number follows the other closely."""
    found: list[list[int]] = []
    for i in range(len(x)):
        if found and x[i] - x[i - 1] < gap:
            found[-1].append(i)
        else:
            found.append([i])
    return found

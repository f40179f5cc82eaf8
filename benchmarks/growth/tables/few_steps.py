"""What the derivative along a path costs as the number of variables D grows, for 16 points.

The network has D units a layer, so that a pass costs O(D²). "pass" is u itself, "product" is u with
its derivative along a direction by forward differentiation, and "matrix" the same from all D
columns of derivatives, one backward pass each.
"""

import torch
from torch import Tensor

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.few_steps import mean_flow_target
from coursepkg.nets import SpanMLP
from coursepkg.rng import seeded

POINTS, SIZES, KINDS = 16, (16, 32, 64, 128, 256, 512), ("pass", "product", "matrix")
REPEATS, LEAST = 7, 0.02


def cost(kind: str, dim: int) -> Row:
    """Least CPU seconds of one piece of work on D variables."""
    net, (x, v, t, r) = problem(dim)
    work = {
        "pass": lambda: net(x, t, r),
        "product": lambda: mean_flow_target(net, x, v, t, r),
        "matrix": lambda: by_matrix(net, x, v, t, r),
    }
    with torch.no_grad():
        seconds = fastest(work[kind], repeats=REPEATS, least=LEAST)
    return {"kind": kind, "dim": dim, "seconds": seconds}


def problem(dim: int) -> tuple[SpanMLP, tuple[Tensor, Tensor, Tensor, Tensor]]:
    """A network away from its start, and places, velocities and times."""
    net = SpanMLP(dim, hidden=dim, blocks=1, generator=seeded(0))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=seeded(1)), alpha=0.1)
    x, v = torch.randn(2, POINTS, dim, generator=seeded(2))
    t, r = torch.rand(2, POINTS, generator=seeded(3))
    return net, (x, v, t, r)


def by_matrix(net: SpanMLP, x: Tensor, v: Tensor, t: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    """The same as `mean_flow_target`, from every derivative by x and t."""
    by_x, by_t = torch.autograd.functional.jacobian(lambda y, s: net(y, s, r).sum(0), (x, t))
    rate = torch.einsum("dbe,be->bd", by_x, v) + by_t.T
    return net(x, t, r), v - (t - r)[:, None] * rate


TABLE = Table("few_steps_growth", [(kind, D) for kind in KINDS for D in SIZES], cost)

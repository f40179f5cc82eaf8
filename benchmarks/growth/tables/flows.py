"""What a layer of a flow costs as the number of variables D grows, for 16 points.

The networks are perceptrons with one hidden layer of D units, so that a pass costs O(D²). "there"
is z with its log-determinant, "back" is x of z: of a coupling, of a masked autoregressive layer,
and of a residual block, whose log-determinant "there" is exact; "estimate" is the residual block
with its series by random signs. "matrix" is the log-determinant of the coupling from the matrix of
its derivatives, as for a layer of which nothing is known.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.flows.autoregressive import AutoregressiveFlow
from coursepkg.models.flows.coupling import Coupling, half
from coursepkg.models.flows.elementwise import Affine
from coursepkg.models.flows.lipschitz import ContractiveMLP
from coursepkg.models.flows.residual import Residual
from coursepkg.nets.masked import MaskedMLP
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded

POINTS, CONTRACTION = 16, 0.9
SIZES = (16, 32, 64, 128, 256, 512)
KINDS = (
    ("coupling", "there"), ("coupling", "back"), ("coupling", "matrix"),
    ("masked", "there"), ("masked", "back"),
    ("residual", "there"), ("residual", "back"), ("residual", "estimate"),
)  # fmt: skip
REPEATS, LEAST = 7, 0.02  # runs to choose the fastest of, and CPU seconds that each takes at least


def cost(layer: str, what: str, dim: int) -> Row:
    """Least CPU seconds of one piece of work on D variables."""
    x = torch.randn(POINTS, dim, generator=seeded(0))
    half_moved, each_moved, block = coupling(dim), masked(dim), residual(dim)
    work: dict[tuple[str, str], Callable[[], object]] = {
        ("coupling", "there"): lambda: half_moved.encode(x),
        ("coupling", "back"): lambda: half_moved.decode(x),
        ("coupling", "matrix"): lambda: by_matrix(half_moved, x),
        ("masked", "there"): lambda: each_moved.encode(x),
        ("masked", "back"): lambda: each_moved.decode(x),
        ("residual", "there"): lambda: block.encode(x),
        ("residual", "back"): lambda: block.decode(x),
        ("residual", "estimate"): lambda: block.estimate(x, generator=seeded(1)),
    }
    with torch.no_grad():
        seconds = fastest(work[layer, what], repeats=REPEATS, least=LEAST)
    return {"layer": layer, "what": what, "dim": dim, "seconds": seconds}


def coupling(dim: int) -> Coupling:
    """Affine, of one half about the other."""
    net = MLP([dim // 2, dim, dim], generator=seeded(0))
    return Coupling(net, half(dim, parity=0), monotone=Affine())


def masked(dim: int) -> AutoregressiveFlow:
    """Affine, of each variable about those before it."""
    net = MaskedMLP(dim, 2, hidden=[dim], generator=seeded(0))
    return AutoregressiveFlow(net, monotone=Affine(), dim=dim)


def residual(dim: int) -> Residual:
    """A block whose branch shrinks every distance."""
    net = ContractiveMLP([dim, dim, dim], contraction=CONTRACTION, steps=5, generator=seeded(0))
    return Residual(net, dim=dim).eval()


def by_matrix(layer: Coupling, x: Tensor) -> Tensor:
    """log |det ∂z/∂x| of each point, (B,), with nothing known of the layer: D backward passes."""
    jacobians = torch.autograd.functional.jacobian(lambda y: layer.encode(y)[0].sum(0), x)
    return torch.linalg.slogdet(jacobians.movedim(1, 0)).logabsdet  # type: ignore[no-any-return]


TABLE = Table("flows_growth", [(*kind, D) for kind in KINDS for D in SIZES], cost)

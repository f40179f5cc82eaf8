"""Perceptrons: of a whole vector, and of a window of the past."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Generator, Tensor, nn
from torch.nn.functional import pad, silu

from coursepkg.counts import check_generator, check_integer_lists, check_integers
from coursepkg.rng import global_state_from

NO_PIXEL = -1.0  # outside [0, 1]: tells "before the start" from "black"


class MLP(nn.Module):
    r"""Linear maps with a nonlinearity between any two: x_(l+1) = a(W_l x_l + b_l), the last bare.

    Source: :eq:`mlp`. The default nonlinearity, SiLU, u·σ(u), is smooth, so that the gradient in x
    has a gradient, and its slope is bounded, so that the network is Lipschitz in x.

    Args:
        widths: sizes of the layers, input first and output last, at least two.
        activation: the nonlinearity a, elementwise, (B, M) -> (B, M).
        generator: draws the initial weights, PyTorch's default law for `nn.Linear`.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        activation: Callable[[Tensor], Tensor] = silu,
        generator: Generator,
    ) -> None:
        check_integer_lists(widths=widths)
        check_generator(generator)
        super().__init__()
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"widths: expected at least two sizes >= 1, got {list(widths)}")
        self.activation = activation
        with global_state_from(generator):
            self.layers = nn.ModuleList(
                nn.Linear(*sizes, device=generator.device) for sizes in pairwise(widths)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, widths[0]) to (B, widths[-1])."""
        *before, last = self.layers
        for layer in before:
            x = self.activation(layer(x))
        result: Tensor = last(x)
        return result


class WindowMLP(nn.Module):
    """Logits of x_d from the last L levels: Linear(L, M) - ReLU - Linear(M, K), shared by all d.

    Source: :eq:`window-mlp`. Input number l - 1 is x_{d-l}, scaled to [0, 1]; before the start of
    the sequence it is -1.

    Args:
        window: window length L >= 1.
        hidden: number of hidden units M.
        levels: number of levels K >= 2.
        generator: draws the initial weights.
    """

    def __init__(self, window: int, hidden: int, levels: int, *, generator: Generator) -> None:
        check_integers(window=window, hidden=hidden, levels=levels)
        super().__init__()
        if window < 1 or hidden < 1 or levels < 2:
            raise ValueError(
                f"expected window >= 1, hidden >= 1, levels >= 2, got {window}, {hidden}, {levels}"
            )
        self.window, self.levels = window, levels
        with global_state_from(generator):
            self.first, self.last = nn.Linear(window, hidden), nn.Linear(hidden, levels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps levels (B, D) to logits (B, D, K); those of x_d depend on x_{d-1}..x_{d-L} only."""
        value = x.to(self.first.weight.dtype) / (self.levels - 1)
        past = pad(value, (self.window, -1), value=NO_PIXEL)
        windows = past.unfold(1, self.window, 1).flip(-1)  # (B, D, L), the nearest pixel first
        logits: Tensor = self.last(self.first(windows).relu())
        return logits


def perceptron(width: int, *, generator: Generator) -> nn.Sequential:
    """The branch of a transformer that looks at one place alone: D -> 4 D -> D."""
    with global_state_from(generator):
        return nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )

"""Muon: steps of equal size in all directions of a matrix."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

QUINTIC = (
    3.4445,
    -4.7750,
    2.0315,
)  # brings singular values from (0, 1] to about 1, and does not stop


def orthogonalised(x: Tensor, steps: int = 5) -> Tensor:
    r"""About :math:`U V^\top` of :math:`x = U S V^\top`, (A, B) -> (A, B), from products alone.

    The odd polynomial :math:`a s + b s^3 + c s^5` of each singular value, five times. Source: K.
    Jordan et al., *Muon: an optimizer for hidden layers in neural networks* (2024). That of torch
    computes in bfloat16, for which a CPU takes four times as long as for float32.
    """
    a, b, c = QUINTIC
    upright = x.shape[0] > x.shape[1]
    wide = (x.T if upright else x) / x.norm().clamp(min=1e-7)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    result: Tensor = wide.T if upright else wide
    return result


class Muon(Optimizer):
    """Nesterov's momentum, made orthogonal; for the matrices of hidden layers.

    Args:
        matrices: parameters (A, B).
        lr: length of a step along each singular direction, times √(A / B) if there are more rows.
        weight_decay: shrinks the weights by lr · weight_decay a step.
        momentum: of the mean of the gradients.
    """

    def __init__(
        self, matrices: Iterable[Tensor], *, lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Moves each matrix that has a gradient."""
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is None:
                    continue
                mean = self.state[w].setdefault("mean", torch.zeros_like(w))
                mean.lerp_(w.grad, 1 - group["momentum"])
                way = orthogonalised(w.grad.lerp(mean, group["momentum"]))
                w.mul_(1 - group["lr"] * group["weight_decay"])
                w.sub_(way, alpha=group["lr"] * max(1, w.shape[0] / w.shape[1]) ** 0.5)

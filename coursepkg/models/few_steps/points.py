r"""The exact flow towards a list of points: nothing is learned, and a solver's error is its own.

.. math:: \hat x_1(x, t) = \sum_n w_n y_n , \qquad
   w_n \propto \exp(-\|x - t y_n\|^2 / (2 (1 - t)^2)) .
"""

from torch import Tensor, nn

from coursepkg.validate import ANY, check_real


class TowardsPoints(nn.Module):
    """v(x, t) = (E[x_1 | x_t = x] - x) / (1 - t) for data that are N equally likely points.

    Source: :eq:`finite-guess`.

    Args:
        points: the data y, (N, D).
    """

    def __init__(self, points: Tensor) -> None:
        super().__init__()
        check_real(points, event=(ANY,), name="points")
        self.points: Tensor
        self.register_buffer("points", points.clone(), persistent=False)

    def guess(self, x: Tensor, t: Tensor) -> Tensor:
        """E[x_1 | x_t = x], (B, D) and times (B,) below 1 -> (B, D)."""
        check_real(x, event=tuple(self.points.shape[1:]), like=self)
        away = (x[:, None] - t[:, None, None] * self.points).square().sum(2)  # (B, N)
        w = (-away / (2 * (1 - t[:, None]) ** 2)).softmax(1)
        return w @ self.points

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Maps x (B, D) and times (B,) below 1 to velocities (B, D)."""
        if (t >= 1).any():
            raise ValueError(f"t: expected times below 1, got {t.max():.4g}: there x is data")
        return (self.guess(x, t) - x) / (1 - t[:, None])

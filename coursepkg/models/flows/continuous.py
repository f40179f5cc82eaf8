r"""Continuous flows: x follows a velocity field from noise at t = 0 to data at t = 1.

Along a path dx/dt = v(x, t) the log-density changes by minus the divergence,

.. math:: \frac{d}{dt} \log p_t(x(t)) = -\operatorname{div} v(x(t), t) ,

the instantaneous change of variables: Chen, Rubanova, Bettencourt and Duvenaud, *Neural ordinary
differential equations* (2018), theorem 1; with random signs for the divergence: Grathwohl, Chen,
Bettencourt, Sutskever and Duvenaud, *FFJORD* (2019).
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator
from coursepkg.models.flows.ode import dormand_prince, rk4
from coursepkg.validate import check_methods, check_real

Divergence = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # of x and t: v, and div v


class Continuous(nn.Module):
    """z = x(0) where x(1) = x and dx/dt = field(x, t), by `steps` Runge–Kutta steps.

    `encode` says the log-determinant of the path from exact divergences, D passes a slope;
    `estimate` from random signs, one pass a slope. Both up to the error of the steps.

    Args:
        field: maps x (B, D) and times (B,) to velocities (B, D).
        dim: number of variables D.
        steps: number of steps.
    """

    def __init__(self, field: nn.Module, *, dim: int, steps: int) -> None:
        check_methods(field, "__call__", name="field")
        super().__init__()
        check_counts(dim=dim, steps=steps)
        self.field, self.dim, self.steps = field, dim, steps

    def velocity(self, t: float, x: Tensor) -> Tensor:
        """v(x, t) at one time for all, (B, D).

        Raises:
            ValueError: if the field's velocities have not the shape of x.
        """
        v: Tensor = self.field(x, torch.full_like(x[:, 0], t))
        if v.shape != x.shape:
            raise ValueError(f"field: expected shape {tuple(x.shape)}, got {tuple(v.shape)}")
        return v

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and log |det ∂z/∂x|, (B,), nats."""
        return self._integrate(x, torch.eye(self.dim).to(x)[:, None])

    def estimate(self, x: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and an estimate of log |det ∂z/∂x| without bias, (B,), nats."""
        check_generator(generator)
        check_real(x, event=(self.dim,), like=self)
        eps = 2.0 * torch.randint(2, x.shape, generator=generator, device=x.device).to(x) - 1
        return self._integrate(x, eps[None])

    def decode(self, z: Tensor) -> Tensor:
        """x(1) of x(0) = z, (B, D) -> (B, D)."""
        check_real(z, event=(self.dim,), name="z", like=self)
        return rk4(self.velocity, z, start=0, end=1, steps=self.steps)

    def path(self, z: Tensor, *, points: int) -> Tensor:
        """x at the times 0, 1/points, ..., 1, (points + 1, B, D), each by adaptive steps."""
        check_counts(points=points)
        check_real(z, event=(self.dim,), name="z", like=self)
        path = [z]
        for n in range(points):
            x, _ = dormand_prince(
                self.velocity, path[-1], start=n / points, end=(n + 1) / points
            )  # fmt: skip
            path.append(x)
        return torch.stack(path)

    def _integrate(self, x: Tensor, probes: Tensor) -> tuple[Tensor, Tensor]:
        """x(0), and minus the integral of Σ εᵀ (∂v/∂x) ε over the probes ε, (·, B or 1, D)."""
        check_real(x, event=(self.dim,), like=self)
        keep = torch.is_grad_enabled()

        def slope(t: float, state: Tensor) -> Tensor:
            with torch.enable_grad():
                y = state[:, :-1]
                y = y if y.requires_grad else y.detach().requires_grad_()
                v = self.velocity(t, y)
                div = torch.zeros_like(y[:, 0])
                for probe in probes:
                    (row,) = torch.autograd.grad(
                        v, y, probe.expand_as(v), retain_graph=True, create_graph=keep
                    )
                    div = div + (row * probe).sum(1)
            return torch.cat([v, div[:, None]], dim=1)

        # from t = 1 back to 0: the integral of the divergence comes out with its minus
        state = torch.cat([x, torch.zeros_like(x[:, :1])], dim=1)
        state = rk4(slope, state, start=1, end=0, steps=self.steps)
        return state[:, :-1], state[:, -1]

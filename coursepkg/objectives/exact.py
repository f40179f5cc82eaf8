"""Maximum likelihood with the exact log Z: the truth beside which the other objectives stand."""

from torch import Generator, Tensor, nn

from coursepkg.protocols import Enumerable
from coursepkg.validate import check_methods


class ExactLikelihood(nn.Module):
    r"""-log p(x) = F(x) + log Z, with log Z summed anew at each call.

    Its gradient is :math:`\nabla F(x) - \mathbb{E}_p[\nabla F]`: the sum over all states in log Z
    turns, when differentiated, into a mean over the model.   Source: :eq:`energy-gradient`. A step
    costs as much as log Z: for D binary units, in general, 2^D free energies.

    Args:
        model: has `free_energy` and an exact, differentiable `log_z`.
    """

    def __init__(self, model: Enumerable) -> None:
        check_methods(model, "free_energy", "log_z")
        super().__init__()
        self.model = model

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log p(x), (B, D) -> (B,), nats; draws nothing."""
        return self.model.free_energy(x) + self.model.log_z()

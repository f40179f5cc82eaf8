"""The Dirac-GAN: the smallest GAN, with one parameter for each player.

All data are 0; the generator's samples are all θ; the critic is D(x) = ψ x. The players meet their
equilibrium θ = ψ = 0 or do not, and the eigenvalues of the field's Jacobian there say which: real
parts below 0 draw in as fast as an exponential, above 0 they drive out. Purely imaginary ones
circle to the first order, and leave the rest to what is smaller: the zero-sum games circle for
ever, the non-saturating one creeps in. Source: Mescheder, Geiger and Nowozin 2018.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.functional import jacobian
from torch.func import grad

from coursepkg.games.dynamics import Field
from coursepkg.models.gan.losses import AdversarialLoss
from coursepkg.models.gan.penalties import Penalty
from coursepkg.validate import check_methods


def dirac_field(objective: AdversarialLoss, penalties: Sequence[Penalty] = ()) -> Field:
    """Where θ and ψ want to go: minus the gradient of each player's loss in its own parameter.

    The slope of the critic is ψ everywhere, so that a penalty's points do not matter.

    Args:
        objective: what the two players want.
        penalties: what the critic pays for its slope.

    Returns:
        A field for the rules of `coursepkg.games`: θ (1,) and ψ (1,) to the two velocities.
    """
    check_methods(objective, "critic", "generator", name="objective")

    def field(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        def generator_loss(x: Tensor) -> Tensor:
            return objective.generator(0 * y, x * y).sum()

        def critic_loss(y: Tensor) -> Tensor:
            paid = sum((penalty.price(y.square()) for penalty in penalties), start=0 * y)
            return (objective.critic(0 * y, x * y) + paid).sum()

        return -grad(generator_loss)(x), -grad(critic_loss)(y)

    return field


def dirac_eigenvalues(objective: AdversarialLoss, penalties: Sequence[Penalty] = ()) -> Tensor:
    """Eigenvalues of the field's Jacobian at θ = ψ = 0, (2,) complex.

    By hand, with s = ½ for `NonSaturating`, `Minimax` and `Relativistic`, s = 1 for `LeastSquares`
    and `Wasserstein`, and γ the total weight of zero-centred penalties: -γ/2 ± √(γ²/4 - s²), which
    is ±i s without a penalty. `UnitSlope` has no derivative there.
    """
    field = dirac_field(objective, penalties)
    at = torch.zeros(1, dtype=torch.float64)

    def velocity(x: Tensor, y: Tensor) -> Tensor:
        return torch.cat(field(x, y))

    eigenvalues: Tensor = torch.linalg.eigvals(torch.cat(jacobian(velocity, (at, at)), dim=1))
    return eigenvalues

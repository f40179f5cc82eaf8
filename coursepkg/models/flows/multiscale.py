"""The architecture of flows for larger images: couplings at several scales."""

from torch import Generator, nn

from coursepkg.counts import check_counts
from coursepkg.models.flows.chain import Chain, FactorOut, Permutation, squeeze_order
from coursepkg.models.flows.coupling import Coupling, half
from coursepkg.models.flows.elementwise import Monotone
from coursepkg.models.flows.linear import LULinear, rotation
from coursepkg.nets.residual import ResidualCNN


def multi_scale(
    shape: tuple[int, int, int], *, scales: int, couplings: int, monotone: Monotone, hidden: int,
    dropout: float = 0.0, generator: Generator,
) -> Chain:  # fmt: skip
    """At each scale a squeeze, couplings with mixed channels before each, and half leaves.

    The couplings' networks have one residual block. Dinh, Sohl-Dickstein and Bengio (2017), section
    3.6, with the channels mixed as by Kingma and Dhariwal (*Glow*, 2018).

    Args:
        shape: channels C, height H, width W of the images; 2 to the power of `scales` divides both
            sides.
        scales: how often the image is squeezed.
        couplings: at each scale.
        monotone: the increasing map of the couplings.
        hidden: channels of their networks.
        dropout: probability that a feature of a network is dropped.
        generator: draws the initial weights.

    Returns:
        A chain of maps of (B, C·H·W).

    Raises:
        ValueError: if a number is not positive, or a side cannot be halved so often.
    """
    check_counts(scales=scales, couplings=couplings, hidden=hidden)
    squeeze = Permutation(squeeze_order(shape))
    C, H, W = 4 * shape[0], shape[1] // 2, shape[2] // 2
    layers: list[nn.Module] = [squeeze]
    for n in range(couplings):
        mixing = LULinear(rotation(C, generator=generator), places=H * W)
        net = ResidualCNN(
            (C // 2, H, W), monotone.size * C // 2, hidden=hidden, blocks=1, dropout=dropout,
            generator=generator,
        )  # fmt: skip
        layers += [mixing, Coupling(net, half(C * H * W, parity=n), monotone=monotone)]
    if scales > 1:
        deeper = multi_scale(
            (C // 2, H, W), scales=scales - 1, couplings=couplings, monotone=monotone,
            hidden=hidden, dropout=dropout, generator=generator,
        )  # fmt: skip
        layers.append(FactorOut(deeper, kept=C // 2 * H * W, dim=C * H * W))
    return Chain(layers)

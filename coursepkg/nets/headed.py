"""A network and the head that reads it."""

from torch import Tensor, nn


class Headed(nn.Module):
    """A network whose result a head reads; what is told beside x goes to the network.

    Args:
        net: maps x, and whatever is told, to features (B, ·).
        head: maps the features to (B, ·).
    """

    def __init__(self, net: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.net, self.head = net, head

    def forward(self, x: Tensor, *told: Tensor) -> Tensor:
        """The head's result, (B, ·)."""
        result: Tensor = self.head(self.net(x, *told))
        return result

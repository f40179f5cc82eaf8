"""Images in patches and back."""

import pytest
import torch
from torch import Tensor, nn

from coursepkg.nets import InPatches, Patches
from coursepkg.rng import seeded

SHAPE = (2, 4, 6)
Z = torch.randn(3, 48, generator=seeded(0))


def test_a_patch_holds_its_square():
    """By slices, channel by channel. Kills: rows for columns, squares of other places."""
    patches = Patches(SHAPE, 2)
    found, image = patches.split(Z), Z.view(3, *SHAPE)
    assert found.shape[1:] == patches.shape == (8, 2, 3)
    for i in range(2):
        for j in range(3):
            square = image[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            torch.testing.assert_close(found[:, :, i, j], square.flatten(1))


def test_what_is_said_stands_pixel_by_pixel():
    """Kills: channels first, patches joined in another order, height for width."""
    said = torch.randn(3, 6, 12, generator=seeded(1))  # A = 3 numbers of 4 pixels
    found = Patches(SHAPE, 2).join(said).view(3, 4, 6, 3)
    for row in range(4):
        for column in range(6):
            patch, inside = 3 * (row // 2) + column // 2, 2 * (row % 2) + column % 2
            torch.testing.assert_close(found[:, row, column], said[:, patch, inside::4])


class Repeats(nn.Module):
    """Says z + λ + c of what it is shown, pixel by pixel."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.channels = size**2

    def forward(self, z: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        said = z + log_snr[:, None] + (0 if condition is None else condition)
        return said.view(len(z), self.channels, -1).movedim(1, -1).flatten(1)


@pytest.mark.parametrize("size", [1, 2])
def test_a_network_sees_patches_and_its_words_come_back(size):
    """The one that repeats z repeats it. Kills: noise or condition kept back, another order."""
    levels, told = torch.tensor([-1.0, 0.0, 4.0]), torch.tensor([[1.0], [2.0], [3.0]])
    net = InPatches(Repeats(size), Patches((1, 4, 6), size))
    z = Z[:, :24]
    torch.testing.assert_close(net(z, levels), z + levels[:, None])
    torch.testing.assert_close(net(z, levels, told), z + levels[:, None] + told)


@pytest.mark.parametrize("size", [0, 3, 4])
def test_a_patch_that_does_not_fit_is_refused(size):
    """Kills: one of the sides unasked, division by zero."""
    with pytest.raises(ValueError, match=f"expected a divisor of 4 and 6, got {size}"):
        Patches(SHAPE, size)


@pytest.mark.parametrize("shape", [(3, 96), (6, 24), (3, 2, 4, 6), (48,)])
def test_images_of_another_size_are_refused(shape):
    """Kills: two images made of one."""
    with pytest.raises(ValueError, match=r"z: expected shape \(B, 48\), got"):
        Patches(SHAPE, 2).split(torch.zeros(shape))

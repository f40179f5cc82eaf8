from importlib.resources import files

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA

from coursepkg.data import patches
from tests.statistics import assert_probs


def test_grey_is_what_pillow_makes_of_the_files():
    """Kills: a plain mean of the channels, blue and red exchanged, 0..255 left."""
    for mine, file in zip(patches.load_photographs(), load_sample_images().images, strict=True):
        theirs = torch.tensor(list(Image.fromarray(file).convert("L").tobytes())).reshape(427, 640)
        assert (255 * mine - theirs).abs().max() <= 1.01  # theirs is rounded


def test_other_photographs_are_refused(monkeypatch):
    files = load_sample_images()
    files.images = [image[:, :-1] for image in files.images]
    monkeypatch.setattr(patches, "load_sample_images", lambda: files)
    with pytest.raises(ValueError, match=r"expected two of shape \(427, 640, 3\), got \[\(427, 63"):
        patches.load_photographs()


def test_other_files_are_refused_before_they_are_decoded(monkeypatch, tmp_path):
    """Kills: a check of the shape alone."""
    for name in ("china.jpg", "flower.jpg"):
        content = (files("sklearn.datasets.images") / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-1] + b"\0")
    monkeypatch.setattr(patches, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"expected files with sha256 \w{64}, got \w{64}; re"):
        patches.load_photographs()


def test_a_patch_is_a_block_and_every_place_is_equally_likely(generator):
    """Kills: rows and columns exchanged, the last place left out, one image never visited."""
    M, H, W, p = 2, 4, 5, 2
    images = torch.arange(float(M * H * W)).reshape(M, H, W)
    x = patches.draw_patches(60_000, p, generator=generator, images=images)
    corner = x[:, 0].long()
    assert torch.equal(x - x[:, :1], torch.tensor([0.0, 1, W, W + 1]).expand_as(x))
    place = torch.zeros(M, H, W)
    place[:, : H - p + 1, : W - p + 1] = 1 / (M * (H - p + 1) * (W - p + 1))
    assert_probs(corner, place.flatten(), detects=0.1)


def test_log_and_centre(generator):
    """Kills: the mean over the batch instead of the patch; the logarithm of zero."""
    images = torch.tensor([[[0.0, 1.0], [0.5, 0.25]]])
    x = patches.draw_patches(1, 2, generator=generator, images=images, log=True)
    expected = torch.log(torch.tensor([[0.0, 1.0, 0.5, 0.25]]) + 1 / 255)
    torch.testing.assert_close(x, expected)
    images = torch.rand(1, 9, 9, generator=generator)
    x = patches.draw_patches(50, 3, generator=generator, images=images, centre=True)
    torch.testing.assert_close(x.mean(1), torch.zeros(50))
    assert x.mean(0).abs().max() > 1e-3


@pytest.mark.parametrize("size", [0, 5])
def test_a_patch_larger_than_the_image_is_refused(size, generator):
    with pytest.raises(ValueError, match=rf"expected 1\.\.4 pixels, got {size}"):
        patches.draw_patches(1, size, generator=generator, images=torch.zeros(1, 4, 6))


def test_whitened_data_have_covariance_one_and_come_back(generator):
    """Kills: the divisor N - 1, the mean left in, matrix and inverse exchanged."""
    x = 3 + torch.randn(200, 5, generator=generator) @ torch.randn(5, 5, generator=generator)
    white = patches.whiten(x)
    torch.testing.assert_close(white.z.T @ white.z / 200, torch.eye(5))
    torch.testing.assert_close(white.z.mean(0), torch.zeros(5))
    torch.testing.assert_close((x - white.mean) @ white.matrix.T, white.z)
    torch.testing.assert_close(white.z @ white.inverse.T + white.mean, x)


def test_whitening_keeps_the_axes_that_scikit_learn_keeps(generator):
    """Up to the axes' signs and its divisor N - 1. Kills: the smallest axes kept."""
    x = torch.randn(100, 6, generator=generator) * torch.arange(1.0, 7)
    mine = patches.whiten(x, components=2).z
    theirs = torch.from_numpy(PCA(2, whiten=True, svd_solver="full").fit_transform(x.numpy()))
    torch.testing.assert_close(mine.abs(), theirs.abs() * (100 / 99) ** 0.5)


def test_centred_patches_lose_one_axis(generator):
    x = patches.draw_patches(400, 4, generator=generator, centre=True)
    assert patches.whiten(x).z.shape == (400, 15)
    with pytest.raises(ValueError, match=r"expected 1\.\.15, the rank of the data, got 16"):
        patches.whiten(x, components=16)


def test_whitening_far_from_zero_in_single_precision():
    """Kills: a mean in float32, whose error stays in z."""
    x = torch.randn(501, 3, generator=torch.Generator().manual_seed(0)) * 1e-1
    white = patches.whiten((x + 1e4).float())
    assert white.z.dtype == torch.float32
    assert white.z.double().mean(0).abs().max() < 1e-5

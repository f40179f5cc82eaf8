import functools
import hashlib
import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image, ImageDraw, ImageFont

from coursepkg.data import glyphs
from coursepkg.rng import seeded


@functools.cache
def drawn():
    return glyphs.draw_glyphs(generator=seeded(5))


def by_pillow(character):
    """The same font drawn by another renderer, cut to its box and fitted into 16×13 of 20×16."""
    path = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    sheet = Image.new("L", (200, 200))
    font = ImageFont.truetype(path, 120)
    ImageDraw.Draw(sheet).text((40, 20), character, fill=255, font=font)
    box = sheet.crop(sheet.getbbox())
    width = min(13, round(box.width * 16 / box.height))
    image = np.zeros((20, 16))
    left = (16 - width) // 2
    image[2:18, left : left + width] = np.asarray(box.resize((width, 16)))
    return image.reshape(-1)


def test_39_of_each_of_36_characters_in_black_and_white():
    x, y = drawn()
    assert x.shape == (1404, 320)
    assert x.unique().tolist() == [0, 1]
    assert x.dtype == torch.get_default_dtype()
    assert torch.equal(torch.bincount(y), torch.full((36,), 39))


def test_each_character_looks_most_like_itself_drawn_by_pillow():
    """Kills: labels in another order, mirrored or upside down, holes filled, ink inverted."""
    x = drawn().images.reshape(36, 39, 320)[:, :6].mean(1).numpy()  # DejaVu Sans, plain and bold
    theirs = np.stack([by_pillow(c) for c in glyphs.CHARACTERS])
    correlation = np.corrcoef(x - x.mean(0), theirs - theirs.mean(0))[:36, 36:]
    assert "".join(glyphs.CHARACTERS[k] for k in correlation.argmax(1)) == glyphs.CHARACTERS
    assert np.median(np.diag(correlation)) > 0.6


def test_other_fonts_are_refused(monkeypatch, tmp_path):
    """Kills: glyphs that silently differ after an upgrade of matplotlib."""
    folder = tmp_path / "fonts" / "ttf"
    folder.mkdir(parents=True)
    for font in glyphs.FONTS:
        (folder / f"{font}.ttf").write_bytes(b"DejaVu, but another year's")
    monkeypatch.setattr(mpl, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(ValueError, match=r"expected fonts with sha256 \w{64}, got \w{64}; re"):
        glyphs._distances.__wrapped__()


def test_every_drawing_is_another_and_none_is_empty_or_full():
    """Kills: three equal draws a font, a distortion shared by all."""
    x, _ = drawn()
    assert len(x.unique(dim=0)) > 1400
    assert x.sum(1).min() >= 12
    assert x.mean(1).max() < 0.7


def test_characters_are_centred_on_average():
    """Kills: pixel corners taken for pixel centres, half a pixel off."""
    images = drawn().images.reshape(-1, 20, 16)
    for axis, length in ((2, 20), (1, 16)):
        ink = images.amax(axis)  # (1404, length)
        place = torch.arange(length).expand_as(ink)
        first = torch.where(ink > 0, place, length).amin(1)
        last = torch.where(ink > 0, place, -1).amax(1)
        assert ((first + last) / 2).mean().item() == pytest.approx((length - 1) / 2, abs=0.15)


def test_distortions_are_an_affine_map_and_a_bend_of_about_a_pixel(generator):
    """Kills: no bend, x and y units exchanged, a turn about the corner."""
    n, half = 300, torch.tensor([8.0, 10.0])
    places = glyphs._distorted_places(n, generator=generator) * half
    pixels = torch.tensor([
        [x - 7.5, y - 9.5, 1.0] for y, x in itertools.product(range(20), range(16))
    ])  # fmt: skip
    fit = torch.linalg.lstsq(pixels, places.permute(1, 2, 0, 3).reshape(320, -1)).solution
    residual = pixels @ fit - places.permute(1, 2, 0, 3).reshape(320, -1)
    assert 0.2 < residual.std() < 1
    matrix = fit.reshape(3, n, 2).permute(1, 2, 0)  # (n, 2, 3), acts on (x, y, 1)
    torch.testing.assert_close(
        matrix.mean(0), torch.tensor([[1.0, 0, 0], [0, 1, 0]]), atol=0.15, rtol=0
    )
    assert (matrix.std(0) > 0.04).all()
    assert matrix[:, :, :2].det().min() > 0.5


def test_the_seed_decides_and_the_default_dtype_does_not():
    """Kills: noise from elsewhere; arithmetic in float32 where numbers should compare."""
    again = glyphs.draw_glyphs(generator=seeded(5))
    assert torch.equal(again.images, drawn().images)
    assert not torch.equal(glyphs.load_glyphs().images, drawn().images)
    torch.set_default_dtype(torch.float32)
    try:
        single = glyphs.draw_glyphs(generator=seeded(5))
    finally:
        torch.set_default_dtype(torch.float64)
    assert single.images.dtype == torch.float32
    assert torch.equal(single.images.double(), drawn().images)


# The real file: one that we write, with cells of random pixels


def cells(shape=(20, 16), n=(36, 39), high=2):
    rng = np.random.default_rng(0)
    dat = np.empty(n, dtype=object)
    for i in np.ndindex(*n):
        dat[i] = rng.integers(high, size=shape, dtype=np.uint8)
    return dat


@pytest.fixture
def real(tmp_path):
    path = tmp_path / "binaryalphadigs.mat"
    scipy.io.savemat(path, {"dat": cells()})
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_is_ours(found):
    dat = cells()
    assert found.images.shape == (1404, 320)
    assert found.images.dtype == torch.get_default_dtype()
    for k, j in ((0, 0), (0, 38), (1, 0), (35, 38)):
        np.testing.assert_array_equal(found.images[39 * k + j].reshape(20, 16), dat[k, j])
        assert found.labels[39 * k + j] == k


def test_a_path_is_read_row_by_row(real):
    """Kills: characters and samples exchanged, images transposed (MATLAB's order)."""
    assert_is_ours(glyphs.load_binary_alphadigits(real, sha256=sha256(real)))
    assert_is_ours(glyphs.load_binary_alphadigits(str(real), sha256=sha256(real).upper()))


@pytest.fixture
def server(real, monkeypatch):
    """Serves the file on this machine; /other.mat is 404 and /broken.mat breaks off."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path != "/other.mat"
            content = real.read_bytes() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:99] if self.path == "/broken.mat" else content)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_a_url_is_downloaded_and_checked(server, real):
    url = f"{server}/binaryalphadigs.mat"
    assert_is_ours(glyphs.load_binary_alphadigits(url, sha256=sha256(real)))
    with pytest.raises(ValueError, match=f"expected sha256 {'0' * 64}, got {sha256(real)}"):
        glyphs.load_binary_alphadigits(url, sha256="0" * 64)


def test_a_url_that_does_not_answer_says_what_else_to_do(server):
    """Kills: half a file taken for a wrong checksum, a bare "connection refused"."""
    for url in (f"{server}/other.mat", f"{server}/broken.mat", "http://127.0.0.1:1/x.mat"):
        with pytest.raises(OSError, match=r"expected to download it, got .*load_glyphs"):
            glyphs.load_binary_alphadigits(url, sha256="0" * 64)


def test_a_wrong_checksum_is_refused_and_nothing_changes(real):
    """Kills: the checksum compared after reading, or not at all; a damaged file tidied away."""
    before, others = real.read_bytes(), sorted(real.parent.iterdir())
    with pytest.raises(ValueError, match=f"expected sha256 abc, got {sha256(real)}"):
        glyphs.load_binary_alphadigits(real, sha256="abc")
    assert real.read_bytes() == before
    assert sorted(real.parent.iterdir()) == others


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"dat": cells(n=(36, 38))}, r"expected `dat` of \(36, 39\) cells, got \(36, 38\)"),
        ({"dat": cells(shape=(16, 20))}, r"expected images of shape \(20, 16\), got \[\(16, 20\)"),
        ({"dat": cells(high=3)}, r"expected pixels 0 and 1, got \[0, 1, 2\]"),
        ({"dat": np.zeros((36, 39))}, r"expected `dat` of \(36, 39\) cells, got .* of float64"),
        ({"other": cells()}, "expected a MATLAB 5 file with `dat`"),
    ],
)
def test_other_content_is_refused(tmp_path, content, message):
    path = tmp_path / "other.mat"
    scipy.io.savemat(path, content)
    with pytest.raises(ValueError, match=message):
        glyphs.load_binary_alphadigits(path, sha256=sha256(path))


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_damaged_file_is_refused(real, damage):
    whole = real.read_bytes()
    real.write_bytes(
        {"cut": whole[: len(whole) // 2], "text": b"<html>" * 50, "empty": b""}[damage]
    )
    with pytest.raises(ValueError, match="expected a MATLAB 5 file"):
        glyphs.load_binary_alphadigits(real, sha256=sha256(real))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.mat"):
        glyphs.load_binary_alphadigits(tmp_path / "no.mat", sha256="0" * 64)

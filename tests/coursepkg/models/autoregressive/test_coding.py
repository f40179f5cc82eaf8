"""Files of images: exact both ways, as long as the surprise, and nobody else's."""

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from coursepkg.models.autoencoders.ans import slots
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.coding import (
    BITS,
    HEADER,
    compress,
    decompress,
    fingerprint,
    pixel_by_pixel,
)
from coursepkg.nets.pixelcnn import PixelCNN
from coursepkg.rng import global_state_from, seeded

D, K = 9, 4


def model(seed=0, dropout=0.0, scale=3.0):
    net = PixelCNN(
        (3, 3), levels=K, embedding=3, channels=6, window=3, blocks=2, dropout=dropout,
        generator=seeded(seed),
    )  # fmt: skip
    with torch.no_grad():
        net.head.weight.mul_(scale)
    return CachedARM(net, dim=D, levels=K).eval()


def images(n, seed=0):
    return torch.randint(K, (n, D), generator=seeded(seed))


def surprise(model, x):
    """-log2 p of the images together, bits."""
    with torch.no_grad():
        return -model.log_prob(x).double().sum().item() / math.log(2)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 30), st.integers(0, 10**6), st.sampled_from([0.1, 3.0, 200.0]))
@pytest.mark.equation("arithmetic-length")
def test_every_file_comes_back_and_is_as_long_as_its_surprise(n, seed, scale):
    """Laws from almost flat to almost certain, and images that they did not expect.

    Kills: levels of the pixel before, an image's law for its neighbour's, bytes that are not sent.
    """
    coder, x = model(seed, scale=scale), images(n, seed)
    file = compress(coder, x)
    assert torch.equal(decompress(coder, file), x)
    bits, quantised = surprise(coder, x), quantised_surprise(coder, x)
    body = 8 * (len(file) - HEADER.size)
    assert quantised - 8 <= body <= quantised + 1 + 8
    assert quantised <= bits + n * D * K * 2**-23


def quantised_surprise(coder, x):
    """A slow loop: each image's slots, pixel by pixel, as the receiver makes them."""
    total, seen = 0.0, torch.zeros_like(x)
    for d in range(D):
        with torch.no_grad():
            p = coder.net(seen)[:, d].double().softmax(-1)
        share = slots(p, bits=BITS).diff().gather(1, x[:, d, None]) / 2**BITS
        total -= share.log2().sum().item()
        seen[:, d] = x[:, d]
    return total


def test_the_receiver_never_sees_what_it_does_not_know():
    """Kills: a pass of the whole images on the sender's side, whose last digits are others."""
    x, coder, seen = images(5), model(), []

    class Watched(nn.Module):
        def forward(self, levels):
            seen.append(levels.clone())
            return coder.net(levels)

    compress(ARM(Watched(), dim=D, levels=K).eval(), x)
    for d, levels in enumerate(seen):
        assert torch.equal(levels[:, :d], x[:, :d])
        assert (levels[:, d:] == 0).all()
    assert len(seen) == D


def test_impossible_levels_cost_but_do_not_fail():
    """A conditional that is certain of another level: its slot is 2^-24. Kills: a level lost."""
    x = images(3)
    certain = torch.full((D, K), -1e4)
    certain[:, 0] = 0

    class Sure(nn.Module):
        def forward(self, levels):
            return certain.expand(len(levels), D, K)

    coder = ARM(Sure(), dim=D, levels=K).eval()
    file = compress(coder, x)
    assert torch.equal(decompress(coder, file), x)
    rare = int((x != 0).sum())
    assert len(file) - HEADER.size == pytest.approx(rare * 24 / 8, abs=2)


def test_fingerprints_tell_models_apart():
    """Kills: names, types or values that are not looked at."""
    marks = {fingerprint(model(seed)) for seed in range(20)}
    assert len(marks) == 20
    assert fingerprint(model(3)) == fingerprint(model(3)) in marks
    assert fingerprint(model(3).float()) not in marks  # tests run in float64
    with global_state_from(seeded(0)):
        same = [nn.Linear(1, 1), nn.Linear(1, 1)]
    for each in same:
        nn.init.ones_(each.weight)
        nn.init.ones_(each.bias)
    assert fingerprint(nn.Sequential(same[0])) != fingerprint(same[1])


def test_a_fingerprint_of_every_type():
    """NumPy has no bfloat16. Kills: bytes by way of an array of the same type."""
    kinds = (torch.bfloat16, torch.float16, torch.float32, torch.float64)
    assert len({fingerprint(model().to(kind)) for kind in kinds}) == len(kinds)


def damaged(file, place, flip=1):
    return file[:place] + bytes([file[place] ^ flip]) + file[place + 1 :]


def test_no_other_file_is_read():
    """Every truncation and every flipped bit. Kills: a check left out, a header not covered."""
    coder, x = model(), images(4)
    file = compress(coder, x)
    for end in range(len(file)):
        with pytest.raises(ValueError, match="file: expected"):
            decompress(coder, file[:end])
    for place in range(len(file)):
        for bit in range(8):
            with pytest.raises(ValueError, match="file: expected"):
                decompress(coder, damaged(file, place, 1 << bit))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda file: b"\x89PNG" + file[4:], r"begins with b'ARM\\x01', got b'\\x89PNG'"),
        (lambda file: b"", "begins with .* got b''"),
        (lambda file: file[:20], "expected a header of 24 bytes, got 20 bytes"),
        (lambda file: file[:-1], "bytes after the header, got"),
        (lambda file: file + b"\0", "bytes after the header, got"),
        (lambda file: damaged(file, 30), "expected the checksum of its header.*damaged"),
        (lambda file: damaged(file, 11), "expected the checksum of its header.*damaged"),
        (lambda file: damaged(file, 5), "expected one of the model [0-9a-f]{8}, got one of"),
        (lambda file: damaged(file, 23), "computes other last digits"),
    ],
)
def test_errors_say_what_is_wrong_with_a_file(change, complaint):
    coder = model()
    with pytest.raises(ValueError, match=complaint):
        decompress(coder, change(compress(coder, images(20))))


def test_another_model_s_file_is_refused():
    file = compress(model(1), images(4))
    with pytest.raises(ValueError, match="expected one of the model"):
        decompress(model(2), file)


@pytest.mark.parametrize(
    ("call", "error", "complaint"),
    [
        (lambda: compress(model().train(), images(2)), ValueError, "expected eval mode"),
        (lambda: compress(model(), images(2) + 1), ValueError, "expected levels 0..3"),
        (lambda: compress(model(), images(2)[:, :3]), ValueError, "expected shape"),
        (lambda: compress(model(), images(2)[:0]), ValueError, "at least one example"),
        (lambda: compress(model(), images(2).float()), TypeError, "expected integer levels"),
        (lambda: pixel_by_pixel(model().train(), 1, print), ValueError, "expected eval mode"),
    ],
)
def test_what_cannot_be_coded_is_refused(call, error, complaint):
    with pytest.raises(error, match=complaint):
        call()

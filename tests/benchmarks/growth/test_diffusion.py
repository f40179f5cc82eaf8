"""What the table of diffusion's growth says, where it can be known."""

import pytest

from benchmarks.growth.tables import diffusion
from coursepkg.data.digits import LEVELS, load_split


def test_the_known_likelihood_is_that_of_counted_levels(float32):
    """A slow count.   Kills: counts of validation images, no smoothing, another axis."""
    split, log_p = load_split(), diffusion.log_frequencies()
    for d, k in ((0, 0), (28, 16), (36, 5)):
        count = sum(level == k for level in split.train[:, d].tolist())
        expected = (count + 0.3) / (len(split.train) + 0.3 * LEVELS)
        assert log_p[d, k].exp().item() == pytest.approx(expected, rel=1e-5)


def test_more_steps_lose_less_and_take_longer(float32):
    """Kills: what is lost with its sign changed, levels that do not reach noise."""
    few, more = diffusion.cost(20), diffusion.cost(80)
    assert few["known"] == more["known"] == pytest.approx(110.47, abs=0.01)
    assert few["lacks"] > 4 * more["lacks"] > 0
    assert more["seconds"] > 2 * few["seconds"]
    ends = diffusion.even(5).log_snr
    assert ends.tolist() == pytest.approx([11, 6, 1, -4, -9], abs=1e-6)

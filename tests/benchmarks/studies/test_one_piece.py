"""The sum over frontiers is the sum over all grids."""

import json

import pytest
import torch
from scipy import ndimage

from benchmarks.studies import one_piece
from benchmarks.studies.one_piece import in_one_piece
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke
from tests.oracles import states


@pytest.mark.parametrize(("rows", "columns"), [(1, 5), (5, 1), (3, 4), (4, 3), (2, 6)])
def test_frontiers_sum_to_what_all_grids_do(rows, columns):
    """Kills: neighbours across the margin, a piece left behind, no diagonal, an empty grid."""
    bright = torch.rand(rows, columns, generator=seeded(rows))
    grids = states(2, rows * columns)
    p = torch.where(grids == 1, bright.flatten(), 1 - bright.flatten()).prod(1)
    pieces = [ndimage.label(x.view(rows, columns), structure=torch.ones(3, 3))[1] for x in grids]
    exact = p[torch.tensor(pieces) == 1].sum().item()
    assert in_one_piece(bright)[0] == pytest.approx(exact, rel=1e-12)


def test_the_command_writes_both_kinds_of_grid(tmp_path):
    result = invoke(one_piece.main, 2, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    digits, half = json.loads((tmp_path / "one_piece.json").read_text())["rows"]
    assert (digits["grid"], digits["side"]) == ("digits", 8)
    assert half["probability"] == pytest.approx(15 / 16), "all but the empty grid"

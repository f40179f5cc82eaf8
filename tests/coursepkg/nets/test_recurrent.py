"""Recurrent networks against their cells' equations, one pixel after the other."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.causality import dependence
from coursepkg.nets.recurrent import RasterGRU, RowLSTM
from tests.coursepkg.nets.causal import SHAPE, D, K, causal, check_seeds

ROWS, COLUMNS = SHAPE


def gates(inputs, state, w_in, w_state, b_in, b_state, n):
    """Σ w x + b from the input and from the state, cut into n gates."""
    return (w_in @ inputs + b_in).chunk(n), (w_state @ state + b_state).chunk(n)


@pytest.mark.equation("raster-gru")
def test_the_raster_state_is_a_gru_of_the_pixel_before(generator):
    """The gates written out. Kills: the pixel itself, the input of another place, no bias."""
    net, x = causal("GRU", generator), torch.randint(K, (3, D), generator=generator)
    weights = list(net.gru.parameters())
    for n in range(3):
        h = torch.zeros(6)
        for d in range(D):
            before = net.embed.weight[x[n, d - 1]] if d else torch.zeros(3)
            (r, z, a), (r_h, z_h, a_h) = gates(before + net.place[d], h, *weights, 3)
            r, z = torch.sigmoid(r + r_h), torch.sigmoid(z + z_h)
            h = (1 - z) * torch.tanh(a + r * a_h) + z * h
            assert_close(net(x)[n, d], net.head.weight @ h + net.head.bias + net.bias[d])


def test_a_row_moves_down_by_lstm_cells_that_hear_their_neighbours(generator):
    """Pixel by pixel, the gates written out.

    Kills: neighbours exchanged or of this row, a row that sees itself, no state of the own column.
    """
    net, x = causal("row-LSTM", generator), torch.randint(K, (2, D), generator=generator)
    conv, weights = net.left.conv, list(net.cell.parameters())
    for n in range(2):
        pixels = net.embed.weight[x[n]].view(ROWS, COLUMNS, -1)
        h = torch.zeros(ROWS + 1, COLUMNS + 3, 6)  # a row above, a column on each side
        c = torch.zeros_like(h)
        for i in range(ROWS):
            for j in range(COLUMNS + 1):
                left = conv.bias + net.place[i, j]
                for lag in range(1, min(j, COLUMNS) + 1):
                    left = left + conv.weight[:, :, -lag] @ pixels[i, j - lag]
                inputs = torch.cat([left, h[i, j], h[i, j + 2]])
                own = h[i, j + 1]
                mine, heard = gates(inputs, own, *weights, 4)
                into, forget, new, out = (a + b for a, b in zip(mine, heard, strict=True))
                cell = torch.sigmoid(forget) * c[i, j + 1] + torch.sigmoid(into) * torch.tanh(new)
                c[i + 1, j + 1] = cell.detach()
                h[i + 1, j + 1] = (torch.sigmoid(out) * torch.tanh(cell)).detach()
                if j == COLUMNS:  # the cell behind the row, which says nothing itself
                    continue
                expected = net.head.weight @ h[i + 1, j + 1] + net.head.bias + net.bias[i, j]
                assert_close(net(x)[n, i * COLUMNS + j], expected)


def test_the_gru_remembers_all_of_the_past(generator):
    slope = dependence(causal("GRU", generator), dim=D, levels=K, generator=generator)
    assert torch.equal(slope > 0, torch.ones(D, D).tril(-1).bool())


@pytest.mark.equation("row-lstm-field")
def test_a_row_sees_all_but_a_wedge_on_the_right(generator):
    """In the row r above, the pixels left of j + r. Kills: a neighbour that is not heard."""
    slope = dependence(causal("row-LSTM", generator), dim=D, levels=K, generator=generator)
    for d in range(D):
        i, j = divmod(d, COLUMNS)
        for e in range(D):
            above, column = i - e // COLUMNS, e % COLUMNS
            assert (slope[d, e] > 0) == (above >= 0 and column < j + above), (d, e)


def test_dropout_acts_in_training_only(generator):
    x = torch.zeros(1, D, dtype=torch.int64)
    for net in (
        RasterGRU(dim=D, levels=K, embedding=2, hidden=8, dropout=0.5, generator=generator),
        RowLSTM(SHAPE, levels=K, embedding=2, hidden=8, dropout=0.5, generator=generator),
    ):
        with torch.random.fork_rng():
            assert not torch.equal(net(x), net(x))
        net.eval()
        assert torch.equal(net(x), net(x))


def test_every_weight_is_drawn_from_the_generator():
    """Kills: a layer that draws from the global state."""
    check_seeds(lambda g: RasterGRU(dim=D, levels=K, embedding=2, hidden=8, generator=g))
    check_seeds(lambda g: RowLSTM(SHAPE, levels=K, embedding=2, hidden=8, generator=g))

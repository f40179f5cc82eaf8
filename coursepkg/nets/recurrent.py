"""Recurrent networks over pixels: one state along the raster, or one a column, row by row."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from coursepkg.counts import check_counts, check_integer_lists, check_share
from coursepkg.nets.conv import CausalConv1d
from coursepkg.nets.levels import LevelEmbedding
from coursepkg.rng import global_state_from


class RasterGRU(nn.Module):
    r"""One state that has read all pixels so far: h_d = GRU(x_{d-1}, h_{d-1}), logits from h_d.

    The past is as long as it likes, but all of it passes through H
    numbers, and D steps must follow one another in training as well. Each place has its own input
    (nothing else tells the state where it is) and its own bias of the logits. Source:
    :eq:`raster-gru`.

    Args:
        dim: number of variables D.
        levels: number of levels K.
        embedding: channels of an embedded level.
        hidden: size H of the state.
        dropout: probability that a feature of the state is dropped before the logits.
        generator: draws the initial weights.
    """

    def __init__(
        self, *, dim: int, levels: int, embedding: int, hidden: int, dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_counts(dim=dim, levels=levels, embedding=embedding, hidden=hidden)
        check_share(dropout=dropout)
        super().__init__()
        self.embed = LevelEmbedding(levels, embedding, generator=generator)
        with global_state_from(generator):
            self.place = nn.Parameter(0.3 * torch.randn(dim, embedding))
            self.gru = nn.GRU(embedding, hidden, batch_first=True)
            self.head = nn.Linear(hidden, levels)
        self.bias = nn.Parameter(torch.zeros(dim, levels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Maps levels (B, D), or soft ones (B, D, K), to logits (B, D, K)."""
        before = pad(self.embed(x)[:, :-1], (0, 0, 1, 0))
        h, _ = self.gru(before + self.place)
        logits: Tensor = self.head(self.dropout(h)) + self.bias
        return logits

    def start(self, n: int) -> list[Tensor]:
        """The memory before the first variable: the state, (1, n, H)."""
        return [self.bias.new_zeros(1, n, self.gru.hidden_size)]

    def step(self, memory: list[Tensor], x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (B, K), from x_{d-1} and the state, which moves on, in `memory`."""
        before = self.embed(x[:, d - 1]) * (d > 0)
        h, memory[0] = self.gru((before + self.place[d])[:, None], memory[0])
        logits: Tensor = self.head(h[:, 0]) + self.bias[d]
        return logits


class RowLSTM(nn.Module):
    """PixelRNN's row: a state for each column, all of which move down by one row at once.

    The cell of column j reads what stands to the left in its own row, through a strict
    convolution, and the states of columns j - 1 and j + 1 one row above; its own state is that of
    column j above. One step a row, not one a pixel. It can see all but a wedge on the right,
    :eq:`row-lstm-field`. Behind the last pixel of a row stands one more cell, which has read all of
    it. Source: van den Oord, Kalchbrenner and Kavukcuoglu, "Pixel recurrent neural networks"
    (2016), section 3.1, where the window on the row is short; the states of the neighbours enter as
    inputs here, so that the cell is torch's own.

    Args:
        shape: rows and columns of the image.
        levels: number of levels K.
        embedding: channels of an embedded level.
        hidden: size H of the state of a column.
        dropout: probability that a feature of the state is dropped before the logits.
        generator: draws the initial weights.
    """

    def __init__(
        self, shape: tuple[int, int], *, levels: int, embedding: int, hidden: int,
        dropout: float = 0.0, generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(shape=shape)
        check_counts(levels=levels, embedding=embedding, hidden=hidden)
        check_share(dropout=dropout)
        super().__init__()
        self.shape, self.hidden = shape, hidden
        self.embed = LevelEmbedding(levels, embedding, generator=generator)
        self.left = CausalConv1d(embedding, hidden, shape[1], strict=True, generator=generator)
        with global_state_from(generator):
            self.cell = nn.LSTMCell(3 * hidden, hidden)
            self.head = nn.Linear(hidden, levels)
        self.place = nn.Parameter(torch.zeros(shape[0], shape[1] + 1, hidden))
        self.bias = nn.Parameter(torch.zeros(*shape, levels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Maps levels (B, D), or soft ones (B, D, K), to logits (B, D, K)."""
        rows = self.embed(x).unflatten(1, self.shape)  # (B, H, W, E)
        state, logits = self._blank(len(x)), []
        for i in range(self.shape[0]):
            inputs = self._inputs(rows[:, i], state[0], i)  # (B, W + 1, 3 H)
            h, c = self.cell(inputs.flatten(0, 1), tuple(s.flatten(0, 1) for s in state))
            state = h.view_as(state[0]), c.view_as(state[1])
            logits.append(self.head(self.dropout(state[0][:, :-1])) + self.bias[i])
        return torch.cat(logits, dim=1)

    def start(self, n: int) -> list[Tensor]:
        """The memory before the first pixel: h and c of the row above, and of this row."""
        return [*self._blank(n), *self._blank(n)]

    def step(self, memory: list[Tensor], x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (B, K), from its row and the states above; writes its own to `memory`."""
        i, j = divmod(d, self.shape[1])
        if j == 0:
            if i > 0:
                self._fill_in(memory, x, i - 1, self.shape[1])
            memory[:] = [memory[2], memory[3], *self._blank(len(x))]
        self._fill_in(memory, x, i, j)
        logits: Tensor = self.head(memory[2][:, j]) + self.bias[i, j]
        return logits

    def _fill_in(self, memory: list[Tensor], x: Tensor, i: int, j: int) -> None:
        """Moves the cell of column j, which has read the row up to there, down to row i."""
        h_above, c_above, h, c = memory
        row = self.embed(x.unflatten(1, self.shape)[:, i])
        inputs = self._inputs(row, h_above, i)[:, j]
        h[:, j], c[:, j] = self.cell(inputs, (h_above[:, j], c_above[:, j]))

    def _inputs(self, row: Tensor, h: Tensor, i: int) -> Tensor:
        """What cells read, (B, W + 1, 3 H): row i's pixels (B, W, E), states h of the row above."""
        near, left = pad(h, (0, 0, 1, 1)), self.left(pad(row.mT, (0, 1))).mT
        return torch.cat([left + self.place[i], near[:, :-2], near[:, 2:]], dim=-1)

    def _blank(self, n: int) -> tuple[Tensor, Tensor]:
        zeros = self.bias.new_zeros(n, self.shape[1] + 1, self.hidden)
        return zeros, zeros.clone()

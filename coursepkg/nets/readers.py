"""Networks that read text before the transformer: a window, and a state."""

from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from coursepkg.counts import check_counts, check_share
from coursepkg.rng import global_state_from
from coursepkg.validate import check_levels


class WindowReader(nn.Module):
    """The last L symbols, each as a vector, side by side through a perceptron.

    Source: :eq:`window-reader`; Bengio, Ducharme, Vincent and Jauvin (2003), section 2. Before the
    start stands a symbol of its own.

    Args:
        symbols: number of symbols K.
        window: how many symbols it sees, L.
        width: features of a symbol.
        hidden: units of the hidden layer.
        dropout: probability that a hidden unit is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, *, symbols: int, window: int, width: int, hidden: int, dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_share(dropout=dropout)
        super().__init__()
        check_counts(symbols=symbols, window=window, width=width, hidden=hidden)
        self.symbols, self.window = symbols, window
        with global_state_from(generator):
            self.embed = nn.Embedding(symbols + 1, width)
            self.first = nn.Linear(window * width, hidden)
            self.last = nn.Linear(hidden, symbols)
        self.dropout = nn.Dropout(dropout)

    def forward(self, y: Tensor) -> Tensor:
        """Maps symbols (B, T) to scores of the symbol that follows each, (B, T, K)."""
        check_texts(y, self.symbols)
        before = pad(y.long(), (self.window - 1, 0), value=self.symbols)
        seen = self.embed(before).unfold(1, self.window, 1).flatten(2)  # (B, T, width L)
        scores: Tensor = self.last(self.dropout(self.first(seen).relu()))
        return scores


class RecurrentReader(nn.Module):
    """One state that has read all symbols so far, h_t = GRU(y_t, h_(t-1)); scores from h_t.

    Args:
        symbols: number of symbols K.
        width: features of a symbol.
        hidden: size of the state.
        dropout: probability that a feature of the state is dropped before the scores.
        generator: draws the initial weights.
    """

    def __init__(
        self, *, symbols: int, width: int, hidden: int, dropout: float = 0.0, generator: Generator
    ) -> None:
        check_share(dropout=dropout)
        super().__init__()
        check_counts(symbols=symbols, width=width, hidden=hidden)
        self.symbols = symbols
        with global_state_from(generator):
            self.embed = nn.Embedding(symbols, width)
            self.gru = nn.GRU(width, hidden, batch_first=True)
            self.last = nn.Linear(hidden, symbols)
        self.dropout = nn.Dropout(dropout)

    def forward(self, y: Tensor) -> Tensor:
        """Maps symbols (B, T) to scores of the symbol that follows each, (B, T, K)."""
        check_texts(y, self.symbols)
        h, _ = self.gru(self.embed(y.long()))
        scores: Tensor = self.last(self.dropout(h))
        return scores


def check_texts(y: Tensor, symbols: int) -> None:
    """Checks that y holds texts of at least one symbol each, of 0..symbols-1.

    Raises:
        TypeError: if y holds no whole numbers.
        ValueError: if the shape is not (B, T), there is no symbol, or an unknown one.
    """
    shape = tuple(getattr(y, "shape", ()))
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"y: expected texts (B, T) of at least one symbol, got {shape}")
    check_levels(y, levels=symbols)

"""The table of writing has both kinds at every length."""

import torch

from benchmarks.growth.tables import writing
from coursepkg.models.language.writing import Remembering


def test_a_row_has_both_costs(monkeypatch, float32):
    """Kills: one kind timed twice under two names, lengths that are not written."""
    seen, real = [], writing.write

    def spy(net, prompt, length, *, generator):
        y = real(net, prompt, length, generator=generator)
        seen.append((isinstance(net, Remembering), tuple(y.shape)))
        return y

    monkeypatch.setattr(writing, "write", spy)
    row = writing.naive_and_kept(6)
    assert {(False, (8, 7)), (True, (8, 7))} == set(seen)
    assert row["ratio"] == row["naive_seconds"] / row["kept_seconds"]
    assert row["naive_seconds"] > 0 < row["kept_seconds"]
    assert [size for (size,) in writing.TABLE.sizes] == [16, 32, 64, 128, 256]
    assert torch.get_default_dtype() == torch.float32

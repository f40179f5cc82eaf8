"""Weights that lie in the package."""

import pytest
import torch

from coursepkg.nets import trained


def test_each_network_gets_its_own_weights(tmp_path, monkeypatch):
    """Kills: the first file whatever the name."""
    monkeypatch.setattr(trained, "FOLDER", tmp_path)
    for value, name in enumerate(["one", "two"]):
        torch.save({"w": torch.full((2,), value, dtype=torch.float16)}, tmp_path / f"{name}.pt")
    assert trained.load_weights("two")["w"].tolist() == [1.0, 1.0]


def test_what_is_no_name_is_told_the_names(tmp_path, monkeypatch):
    """Kills: a file outside the folder, torch's own words."""
    monkeypatch.setattr(trained, "FOLDER", tmp_path / "inside")
    (tmp_path / "inside").mkdir()
    torch.save({}, tmp_path / "secret.pt")
    torch.save({}, tmp_path / "inside" / "one.pt")
    with pytest.raises(ValueError, match=r"expected one of \['one'\], got '\.\./secret'"):
        trained.load_weights("../secret")


def test_weights_are_data_and_never_code(tmp_path, monkeypatch):
    """Kills: weights_only=False."""
    monkeypatch.setattr(trained, "FOLDER", tmp_path)
    torch.save({"w": print}, tmp_path / "one.pt")
    with pytest.raises(Exception, match="weights_only"):
        trained.load_weights("one")

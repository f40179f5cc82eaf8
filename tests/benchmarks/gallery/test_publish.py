"""What was trained for hours is not lost for want of a score."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.gallery.publish import save


def test_weights_whose_scores_are_interrupted_are_not_lost(tmp_path: Path):
    """Kills: scores before the weights, a folder that is missed after the training."""
    folder, net = tmp_path / "not" / "there", nn.LayerNorm(2)

    def interrupted() -> dict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save("vae", net, {}, interrupted, quick=False, out=folder)
    state = torch.load(folder / "vae.pt.new", weights_only=True)
    assert set(state) == {"weight", "bias"}
    assert not (folder / "vae.pt").exists()
    save("vae", net, {"seconds": 1.0}, dict, quick=False, out=folder)
    assert {path.name for path in folder.iterdir()} == {"vae.pt", "vae.json", "gallery-vae.json"}

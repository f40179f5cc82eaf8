"""The lecture's setting: what is wasted, and what is scored."""

import json
import math

import pytest
import torch

from benchmarks.studies import lecture_setting
from coursepkg.data.digits import load_split
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.nets.mlp import WindowMLP
from tests.benchmarks.invoke import invoke


def test_waste_is_what_the_impossible_levels_cost(generator):
    """A flat softmax over 256 levels wastes 64 log(256/17). Kills: base 2, a mean over pixels."""
    net = WindowMLP(1, 2, 256, generator=generator)
    torch.nn.init.zeros_(net.last.weight)
    torch.nn.init.zeros_(net.last.bias)
    model = ARM(net, dim=64, levels=256)
    x = load_split().valid[:5]
    assert lecture_setting.waste(model, x) == pytest.approx(64 * math.log(256 / 17))


@pytest.mark.slow
def test_lecture_setting_scores_images_it_did_not_train_on(tmp_path, float32):
    result = invoke(lecture_setting.main, "--epochs", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "lecture_setting.json").read_text())["rows"]
    assert [(row["levels"], row["epoch"]) for row in rows] == [(17, 0), (17, 1), (256, 0), (256, 1)]
    assert rows[1]["nats"] < rows[0]["nats"]
    assert rows[3]["waste"] < rows[2]["waste"]

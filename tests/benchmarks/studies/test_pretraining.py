import json

import pytest
import torch

from benchmarks.studies.pretraining import (
    Labelled,
    error_rate,
    main,
    pretrain,
    some,
    starts,
    tune,
)
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.fixture
def toy(generator):
    """Digits 0 and 1, told by the first of four pixels."""
    x = torch.randint(2, (40, 64), generator=generator).double()
    return Labelled(x, x[:, 0].long())


def test_error_rate_counts_wrong_answers(toy):
    always_zero = MLP([64, 10], generator=seeded(0)).layers[0]
    with torch.no_grad():
        always_zero.weight.zero_()
        always_zero.bias.copy_(torch.eye(10)[0])
    assert error_rate(always_zero, toy) == pytest.approx(toy.y.double().mean().item())


def test_some_draws_pairs_without_replacement(toy):
    numbered = Labelled(torch.arange(40.0), torch.arange(40))
    few = some(numbered, 30, generator=seeded(1))
    assert torch.equal(few.x.long(), few.y)
    assert len(set(few.y.tolist())) == 30


def test_tuning_keeps_the_weights_that_validation_likes_best(toy, generator):
    """A rate that is far too large spoils the last weights. Kills: the last weights kept."""
    dbn = pretrain(toy.x, epochs=1, generator=generator)
    model = starts(dbn)["pretrained"](generator)
    fewest = tune(model, toy, toy, step_size=0.02, steps=60)
    assert fewest < 0.2
    assert error_rate(model, toy) == fewest
    wild = starts(dbn)["logistic"](generator)
    before = error_rate(wild, toy)
    fewest = tune(wild, toy, Labelled(1 - toy.x, toy.y), step_size=1.0, steps=30)
    assert error_rate(wild, Labelled(1 - toy.x, toy.y)) == fewest <= before + 1


def test_all_start_from_the_same_shapes_and_the_pretrained_from_the_network(toy, generator):
    dbn = pretrain(toy.x, epochs=1, generator=generator)
    models = {name: start(seeded(1)) for name, start in starts(dbn).items()}
    assert list(models) == ["pretrained", "random", "ReLU", "logistic"]
    shapes = {name: [p.shape for p in model.parameters()] for name, model in models.items()}
    assert shapes["pretrained"] == shapes["random"] == shapes["ReLU"]
    assert torch.equal(models["pretrained"].layers[0].weight, dbn.machines[0].W.T)
    assert not torch.equal(models["random"].layers[0].weight, dbn.machines[0].W.T)


@pytest.mark.slow
def test_the_benchmark_writes_one_row_for_each_start_and_number_of_labels(tmp_path, float32):
    result = invoke(main, 30, 60, "--seeds", 2, "--epochs", 1, "--steps", 10, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "pretraining.json").read_text())["rows"]
    assert [(row["labels"], row["start"]) for row in rows] == [
        (n, s) for n in (30, 60) for s in ("pretrained", "random", "ReLU", "logistic")
    ]
    for row in rows:
        assert row["test_error"] == pytest.approx(sum(row["test_errors"]) / 2)
        assert 0 <= row["test_error"] <= 1
        assert row["error"] >= 0

"""The study of few steps trains and measures what it says; the gallery writes what it scored."""

import json

import pytest
import torch
from torch.testing import assert_close

from benchmarks.gallery import few_steps as gallery
from benchmarks.gallery import words
from benchmarks.studies import few_steps
from coursepkg.data.languages import even_a
from coursepkg.evaluation import nats
from coursepkg.models.few_steps import Jumps, Restarts
from coursepkg.models.masked import AnyOrder
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
def test_every_way_is_trained_and_written(tmp_path, float32, monkeypatch):
    """Kills: a way left out, one network under two names."""
    monkeypatch.setattr(few_steps, "EXAMPLES", 300)
    done = invoke(few_steps.main, "--seeds", "1", "--epochs", "1", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "few_steps.json").read_text())["rows"]
    pairs = [(row["way"], row["calls"]) for row in rows]
    assert pairs == [(way, calls) for way in few_steps.WAYS for calls in few_steps.CALLS]
    assert len({row["mmd2"] for row in rows}) > 20


def test_samplers_are_those_of_their_ways(float32):
    """Kills: Euler's step for a flow map, restarts for jumps."""
    _, nets = few_steps.ring(generator=seeded(0))
    assert set(few_steps.WAYS.values()) == set(nets)
    for way in few_steps.WAYS:
        made = few_steps.sampler(way, nets, calls=3)
        assert isinstance(made, Restarts if way.startswith("consistency") else Jumps)
        assert made.steps == 3
        inner = getattr(made.average, "field", getattr(made.average, "net", made.average))
        assert few_steps.WAYS[way] in {name for name, net in nets.items() if net in (
            inner, made.average)}  # fmt: skip


def test_near_is_within_three_deviations(float32):
    """Kills: deviations that are not in radii."""
    x = few_steps.data(4000, generator=seeded(0))
    assert few_steps.near(x) == pytest.approx(0.989, abs=0.01)
    assert few_steps.near(torch.zeros(10, 2)) == 0


@pytest.mark.slow
def test_the_gallery_writes_what_it_scored(tmp_path, float32):
    done = invoke(gallery.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-few_steps.json").read_text())["rows"]
    _, nets = few_steps.ring(generator=seeded(1))
    nets.load_state_dict(torch.load(tmp_path / "few_steps.pt", weights_only=True))
    x = few_steps.sampler("mean flow", nets, calls=2).sample(few_steps.DRAWS, generator=seeded(200))
    assert row["mean flow, 2"]["near"] == few_steps.near(x)


def test_words_are_symbols_and_back():
    """Kills: the end in the middle, a word that is too long."""
    found = words.encoded(["", "abba", "b"])
    assert found[1].tolist() == [0, 1, 1, 0, *[2] * 6]
    assert found[0].tolist() == [2] * 10
    x = words.symbols(300, generator=seeded(0))
    assert x.shape == (300, 10)
    assert (x[:, -1] == 2).all()
    assert ((x == 0).sum(1) % 2 == 0).all()
    assert ((x[:, :-1] == 2) <= (x[:, 1:] == 2)).all()


def test_the_entropy_is_that_of_the_draws():
    """A mean of -log p over draws. Kills: the law of words of any length."""
    H, length = words.truth()
    x = words.symbols(20_000, generator=seeded(1))
    texts = ["".join(words.ALPHABET[int(k)] for k in row).rstrip(".") for row in x]
    inside = sum(even_a().log_prob([w for w in set(texts)]).exp().tolist())
    log_p = even_a().log_prob(texts)
    assert (-log_p.mean()).item() + torch.tensor(inside).log().item() == pytest.approx(H, abs=0.03)
    assert sum(len(w) + 1 for w in texts) / len(texts) == pytest.approx(length, abs=0.1)


@pytest.mark.slow
def test_the_words_written_are_those_that_were_scored(tmp_path, float32, monkeypatch):
    monkeypatch.setattr(words, "TRAIN", 400)
    done = invoke(words.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-words.json").read_text())["rows"]
    _, net = words.built(generator=seeded(1))
    net.load_state_dict(torch.load(tmp_path / "words.pt", weights_only=True))
    model = AnyOrder(net, dim=words.D, levels=3)
    x = words.symbols(words.TEST, generator=seeded(100))
    found = nats(model, x, generator=seeded(101), draws=words.SCORED).value
    assert row["nats"] == [pytest.approx(found / row["length"], rel=1e-5)]
    assert_close(torch.tensor(row["excess"][0]), torch.tensor(row["nats"][0] - row["entropy"]),
                 atol=0.05, rtol=0)  # fmt: skip

"""The study of text counts every character once, in every spelling, and mixes with a chain."""

import json

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.recipe import on_text
from benchmarks.studies import text as study
from coursepkg.data.text import Text, Vocabulary, load_text, shakespeare_folder
from coursepkg.nets.readers import WindowReader
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

SHORT = 3000


def written(out, model):
    return json.loads((out / f"text-{model}.json").read_text())["rows"]


@pytest.mark.slow
def test_a_few_steps_are_written(tmp_path, float32):
    """Kills: seeds that are one, a mixture that is not with the chain, no source."""
    done = invoke(
        study.main, "counts", "window", "tokens", "bytes", "--text", "reference", "--seeds", "2",
        "--steps", "2", "--short", str(SHORT), "--out", tmp_path,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    chains = written(tmp_path, "counts")
    assert [row.get("order") for row in chains] == [*study.ORDERS, None]
    assert chains[-1]["model"] == "bz2"
    symbols = {"window": len(set(load_text().train[:SHORT])), "tokens": 512, "bytes": 256}
    for model, number in symbols.items():
        rows = written(tmp_path, model)
        assert [row["seed"] for row in rows] == [0, 1]
        assert rows[0]["valid"] != rows[1]["valid"]
        for row in rows:
            assert row["sha256"] == load_text().sha256
            assert row["valid_mixed"] < max(row["valid"], row["valid_chain"])
            assert row["symbols"] == number
    best = min(row["valid"] for row in chains[1:-1])
    assert written(tmp_path, "tokens")[0]["valid_chain"] != pytest.approx(best)
    assert written(tmp_path, "window")[0]["valid_chain"] == pytest.approx(best)


def test_all_characters_are_counted_in_every_spelling():
    """Kills: tokens for characters; the first symbol counted as one character."""
    whole = Text("abcabcabc abc" * 30, "abcab abc", "here", "", "cabc")
    for learn in (Vocabulary.from_text, study.CODES["tokens"]):
        spelt = study.spelling(whole, learn, short=None)
        for part, piece in (("valid", "abcab abc"), ("test", "cabc")):
            skipped = len(piece) - spelt.characters[part]
            assert skipped >= 1
            assert (skipped > 1) == (learn is study.CODES["tokens"] and part == "valid")
            assert len(spelt.parts[part]) <= len(piece)
    assert set(study.spelling(whole._replace(test=""), Vocabulary.from_text, short=None).parts) == {
        "train", "valid",
    }  # fmt: skip
    odd = study.spelling(whole._replace(valid="abxyc"), Vocabulary.from_text, short=None)
    assert odd.characters["valid"] == 2


def test_bytes_spell_in_one_way_and_are_paid_by_the_character():
    """Kills: bytes for characters below the line; a sign that the training part lacks kept.

    Of signs of one byte the chain's price is that of characters, but for what 256 symbols share.
    """
    whole = Text("naïve — or not? " * 20, "a naïve — one", "here", "", "ïa—")
    spelt = study.spelling(whole, study.CODES["bytes"], short=None)
    assert spelt.symbols == 256
    for part, piece in (("valid", "a naïve — one"), ("test", "ïa—")):
        assert spelt.parts[part].tolist() == list(piece.encode())
        assert spelt.characters[part] == len(piece) - 1 < len(spelt.parts[part]) - 1
        assert study.Bytes().decode(spelt.parts[part]) == piece
    unknown = study.spelling(whole._replace(valid="aéb"), study.CODES["bytes"], short=None)
    assert unknown.parts["valid"].tolist() == [97]
    plain = Text("abcabd" * 30, "abcabdabd", "here", "", "abc")
    rows = [study.chain_row(study.spelling(plain, learn, short=None), 3)
            for learn in (Vocabulary.from_text, study.CODES["bytes"])]  # fmt: skip
    assert rows[0]["numbers"] == rows[1]["numbers"]
    assert rows[0]["valid"] == pytest.approx(rows[1]["valid"], rel=0.1)


def test_a_trained_network_knows_a_text_by_heart(float32):
    """Kills: a loss that is not lowered, a network left in training mode."""
    y = torch.tensor([0, 1, 2, 3, 2] * 40)
    net = WindowReader(symbols=4, window=2, width=4, hidden=16, dropout=0.1, generator=seeded(0))
    found = on_text(net, y, steps=150, length=8, batch_size=8, rate=0.02, generator=seeded(1))
    assert found is net
    assert not net.training
    assert -study.stream_log_prob(net, y, context=8).mean().item() < 0.1


def test_what_is_frozen_stays(float32):
    """As in fine-tuning. Kills: decay of weights that do not learn."""
    net = WindowReader(symbols=4, window=2, width=4, hidden=16, generator=seeded(0))
    net.first.requires_grad_(False)
    before = net.first.weight.clone(), net.last.weight.clone()
    y = torch.tensor([0, 1, 2, 3, 2] * 40)
    on_text(net, y, steps=3, length=8, batch_size=8, rate=0.02, generator=seeded(1))
    assert torch.equal(before[0], net.first.weight)
    assert not torch.equal(before[1], net.last.weight)


@pytest.mark.skipif(not (RESULTS / "text-transformer.json").exists(), reason="the study's run")
def test_the_mixture_beats_the_best_chain_by_a_tenth_of_a_bit():
    """What chapter 21 says of the plays, and what tokens do alone."""
    rows = json.loads((RESULTS / "text-transformer.json").read_text("utf8"))["rows"]
    plays = [row for row in rows if row["text"] == "shakespeare"]
    assert len(plays) >= 3
    gains = [row["test_chain"] - row["test_mixed"] for row in plays]
    assert min(gains) > 0.10
    reference = [row for row in rows if row["text"] == "reference"]
    assert len(reference) >= 3
    assert max(row["valid_mixed"] for row in reference) <= 1.58
    assert max(row["valid"] for row in reference) <= 1.82
    tokens = json.loads((RESULTS / "text-tokens.json").read_text("utf8"))["rows"]
    alone = [row["test"] for row in tokens if row["text"] == "shakespeare"]
    assert len(alone) >= 3
    assert max(alone) < plays[0]["test_chain"] - 0.05


@pytest.mark.skipif(not shakespeare_folder().exists(), reason="needs the plays")
def test_both_texts_are_there():
    assert {name: bool(load().test) for name, load in study.TEXTS.items()} == {
        "shakespeare": True, "reference": False,
    }  # fmt: skip

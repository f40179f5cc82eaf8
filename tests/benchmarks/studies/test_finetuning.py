"""The study of fine-tuning: fair starts, a rate that validation chooses, a test kept apart."""

import json
import math

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies import finetuning as study
from coursepkg.data.text import Text, Vocabulary, load_shakespeare, load_text, shakespeare_folder
from coursepkg.models.language.kneser_ney import KneserNey
from coursepkg.nets.lowrank import learnt
from coursepkg.nets.readers import WindowReader
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

PLAYS = pytest.mark.skipif(not shakespeare_folder().exists(), reason="needs the plays")
COMPETITORS = ["scratch", "full", "rank 1", "rank 4", "rank 16", "rank 128"]
MAPS = 3 * ((128 + 384) + (128 + 128) + (128 + 512) + (512 + 128))  # rows and columns, all layers
OLD = Text("abcd dcba " * 30, "abc?!dd", "old", "", "")
NEW = Text("xyz zyx " * 30, "xyzzy\n\n\nzz\n\n\nyyyy", "new", "", "zyxxx\n\n\nxx\n\n\nxyzz")
WITH_LINES = NEW._replace(train=NEW.train + "\n")


@pytest.fixture
def short(monkeypatch):
    """Stretches of 40 characters, contexts of 8."""
    for name, value in {"CHARACTERS": 40, "CONTEXT": 8, "FEW": 4, "BATCH": 4}.items():
        monkeypatch.setattr(study, name, value)
    return study.parts(OLD, WITH_LINES, 3)


def reader(symbols):
    return lambda generator: WindowReader(
        symbols=symbols, window=2, width=4, hidden=16, dropout=0.1, generator=generator
    )


def size(symbols):
    return 128 * symbols + 3 * (12 * 128**2 + 13 * 128) + 2 * 128


@PLAYS
@pytest.mark.slow
def test_a_quick_run_writes_all_competitors(tmp_path, monkeypatch, float32):
    """Kills: seeds that are one, no source, embeddings that adapters learn."""
    monkeypatch.setattr(study, "FEW", 1)
    monkeypatch.setattr(study, "RATES", (1e-3, 3e-3))
    done = invoke(study.main, "--quick", "--seeds", "2", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "finetuning.json").read_text())["rows"]
    assert [row["model"] for row in rows] == [
        "before", "chain", "chain", *(name for name in COMPETITORS for _ in range(2))
    ]  # fmt: skip
    symbols = len(set(load_text().train + load_shakespeare().train))
    for row in rows:
        assert row["sha256"] == [load_text().sha256, load_shakespeare().sha256]
        if row["model"].startswith("rank"):
            assert row["learnt"] == int(row["model"].split()[1]) * MAPS
        elif row["model"] != "chain":
            assert row["learnt"] == size(symbols)
        assert all(0 < row[part] < 9 for part in ("valid", "test", "reference"))
    for a, b in zip(rows[3::2], rows[4::2], strict=True):
        assert (a["seed"], b["seed"]) == (0, 1)
        assert a["test"] != b["test"]
        assert set(a["tried"]) == {"0.001", "0.003"}
        assert a["rate"] == b["rate"]


def test_the_parts_are_beginnings_in_shared_characters():
    """Kills: one play for three, characters of one text alone, a sign that no training part has."""
    found = study.parts(OLD, WITH_LINES, 3)
    code = Vocabulary.from_text(OLD.train + WITH_LINES.train)
    assert found.symbols == len(code) == 9
    assert code.decode(found.known) == "abcdd"
    assert code.decode(found.valid) == "xyz\n\n\nzz\n\n\nyyy"
    assert code.decode(found.test) == "zyx\n\n\nxx\n\n\nxyz"
    assert code.decode(found.reference) == OLD.train
    assert code.decode(found.plays) == WITH_LINES.train
    assert len(study.parts(OLD, WITH_LINES, 1).known) == 4


def test_each_seed_has_its_own_stretch(short):
    """Kills: the beginning for all, a stretch that is cut off at the end."""
    numbered = torch.arange(100)
    found = [study.stretch(numbered, seed) for seed in range(200)]
    assert all(torch.equal(y, torch.arange(int(y[0]), int(y[0]) + 40)) for y in found)
    assert torch.equal(study.stretch(numbered, 3), found[3])
    starts = {int(y[0]) for y in found}
    assert min(starts) < 5
    assert max(starts) > 55
    assert torch.equal(study.stretch(numbered[:40], 0), numbered[:40])


def test_competitors_start_where_they_should(float32):
    """Kills: a fresh network for adapters, the one trained network shared and changed."""
    trained = study.transformer(9, 0.1, seeded(0)).eval()
    y = torch.randint(9, (2, 10), generator=seeded(1))
    made = {name: start(seeded(2)).eval() for name, start in study.starts(trained, 9).items()}
    assert list(made) == COMPETITORS
    for name, net in made.items():
        assert torch.allclose(net(y), trained(y), atol=1e-5) == (name != "scratch")
        assert not {id(p) for p in net.parameters()} & {id(p) for p in trained.parameters()}
    assert learnt(made["rank 128"]) == 128 * MAPS
    for name, p in made["rank 128"].named_parameters():
        if name.endswith(".A"):
            assert p.shape[0] == 128, "full rank"
    assert learnt(made["full"]) == learnt(trained)


def test_validation_chooses_the_rate_for_all_seeds(short, monkeypatch, float32, capsys):
    """Kills: the last rate, the worst, one for each seed; a test score of a rate not chosen."""
    monkeypatch.setattr(study, "RATES", (0.03, 1e-7))
    short, scored = short._replace(valid=short.plays[:50]), []
    price = study.price
    monkeypatch.setattr(study, "price", lambda m, y: scored.append(y is short.test) or price(m, y))
    rows = study.tuned("x", reader(short.symbols), short, 3, 20)
    assert sum(scored) == 3, "the test plays"
    assert [row["rate"] for row in rows] == [0.03] * 3
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert rows[0]["valid"] == rows[0]["tried"]["0.03"] < rows[0]["tried"]["1e-07"] - 0.1
    assert len({row["valid"] for row in rows}) == 3
    assert capsys.readouterr().out.count("'model': 'x'") == 3


def test_a_chain_counts_the_stretch_and_validation_chooses_its_order(short, capsys):
    """Kills: all plays counted, the order of the test."""
    row = study.counted(short, 1)
    y = study.stretch(short.plays, 1)
    tries = {}
    for order in study.ORDERS:
        chain = KneserNey(order, symbols=9).fit(y[None])
        tries[order] = chain, study.price(chain, short.valid)
    best = min(tries, key=lambda order: tries[order][1])
    assert row["order"] == best
    assert row["test"] == study.price(tries[best][0], short.test)
    assert row["learnt"] == sum(len(counts) for counts in tries[best][0].counts)
    assert "'model': 'chain'" in capsys.readouterr().out


def test_the_price_is_bits_of_all_but_the_first(short):
    """Uniform laws. Kills: nats, the first symbol counted, dropout left on."""
    assert study.price(KneserNey(2, symbols=9), short.test) == pytest.approx(math.log2(9))
    trained, row = study.pretrained(short, 1)
    assert row["model"] == "before"
    assert not trained.training
    with torch.no_grad():
        trained.norm.weight.zero_()
        trained.norm.bias.zero_()
    assert study.price(trained, short.test) == pytest.approx(math.log2(9))


@pytest.mark.skipif(not (RESULTS / "finetuning.json").exists(), reason="the study's run")
def test_the_results_are_of_three_seeds_and_of_the_rates_that_were_tried():
    """What chapter 21 prints."""
    rows = json.loads((RESULTS / "finetuning.json").read_text("utf8"))["rows"]
    for name in ["chain", *COMPETITORS]:
        assert [row["seed"] for row in rows if row["model"] == name] == [0, 1, 2]
    for row in rows:
        if "tried" in row:
            assert row["valid"] == min(row["tried"].values())
            assert row["tried"][str(row["rate"])] == row["valid"]

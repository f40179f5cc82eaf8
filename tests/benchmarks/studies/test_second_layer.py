"""What `second_layer` and `deep_joint` measure is what they say, on machines of a few units."""

import json
import math
from pathlib import Path
from statistics import mean, stdev

import pytest
import torch
from torch.testing import assert_close

from benchmarks.provenance import RESULTS
from benchmarks.studies import deep_joint, second_layer
from coursepkg.models.boltzmann.dbm import DBM
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke
from tests.coursepkg.models.rbm.machines import binary, bits, joint

ROOT = Path(__file__).parents[3]


def test_the_likelihood_given_each_state_of_h():
    """Against the joint table. Kills: the normaliser of p(v | h) left out."""
    machine = binary(4, 3)
    _, _, p = joint(machine)
    assert_close(second_layer.log_likelihood(machine, bits(4)), (p / p.sum(0)).log())


def test_the_best_prior_is_one_and_a_stationary_point():
    """Mean posterior = prior. Kills: one step of EM, no normalisation."""
    machine = binary(4, 3, scale=2.0)
    given = second_layer.log_likelihood(machine, bits(4)[[1, 2, 6, 8, 15]])
    prior = second_layer.best_prior(given, torch.full((8,), 1 / 8))
    assert_close(prior.sum(), torch.tensor(1.0))
    assert_close(torch.softmax(given + prior.log(), 1).mean(0), prior, atol=2e-3, rtol=0)


def test_the_bound_of_a_second_machine_is_one(generator):
    """Exact values lie below it, and none below that of the best prior."""
    x = torch.bernoulli(torch.full((40, 6), 0.4), generator=generator)
    rows = {row["name"]: row for row in second_layer.greedy(x, x[:20], seed=0, epochs=2)}
    assert rows["best prior"]["train"] <= rows["upside down"]["train"]
    for name in ("upside down", "fresh"):
        assert rows[name]["train"] < rows[name]["bound"]
    assert rows["first machine"]["ceiling"] > 0


def test_masks_have_the_same_number_of_links():
    links = {name: int(mask.sum()) for name, mask in second_layer.masks(seed=0).items()}
    assert list(links.values()) == [256, 256, 256, 1024]


def test_measured_is_exact_and_the_gap_is_a_divergence():
    """Kills: a constant left out, a gap of the wrong sign."""
    dbm = DBM((4, 3, 2), generator=seeded(1), scale=1.5)
    x = bits(4)
    energies = torch.stack([
        -dbm.energy([x, *(h.expand(len(x), -1) for h in bits(5)[i].split([3, 2]))])
        for i in range(32)
    ])  # fmt: skip
    log_p = torch.logsumexp(energies, 0) - torch.logsumexp(energies.flatten(), 0)
    found = deep_joint.measured(dbm, x)
    assert found["valid"] == pytest.approx(-log_p.mean().item())
    assert 0 < found["gap"] < 1


@pytest.mark.slow
def test_every_machine_has_its_row(tmp_path, monkeypatch, float32):
    monkeypatch.setattr(deep_joint, "SIZES_OF_STEPS", [0.1])
    ran = invoke(deep_joint.main, "--seeds", 1, "--head-start", 1, "--leg", 1, "--out", tmp_path)
    assert ran.exit_code == 0, ran.output
    rows = json.loads((tmp_path / "deep_joint.json").read_text())["rows"]
    assert len({(row["machine"], row["start"]) for row in rows}) == len(rows) == 4


@pytest.mark.slow
def test_every_study_of_second_layers_has_its_rows(tmp_path, monkeypatch, float32):
    def short(machine, x, negative, *, seed, epochs, size, batch=50, last=0.01):
        second_layer.train(machine, x, negative=negative, epochs=1, batch_size=batch,
                           step_size=size, generator=seeded(seed))  # fmt: skip

    monkeypatch.setattr(second_layer, "learn", short)
    monkeypatch.setattr(second_layer, "EM_STEPS", 2)
    ran = invoke(second_layer.main, "--seeds", 1, "--out", tmp_path)
    assert ran.exit_code == 0, ran.output
    rows = json.loads((tmp_path / "second_layer.json").read_text())["rows"]
    assert [row["study"] for row in rows] == 4 * ["greedy"] + 2 * ["real"] + 4 * ["sparse"]


def study(name: str) -> list[dict]:
    return json.loads((RESULTS / f"{name}.json").read_text("utf8"))["rows"]


def said(differences: list[float]) -> str:
    """Mean and standard error as the book prints them."""
    error = stdev(differences) / math.sqrt(len(differences))
    return f"{mean(differences):.2f} ± {error:.2f}"


def test_the_book_says_what_the_study_of_second_layers_found():
    """The sentences over five seeds in chapter 8: greedy starts, sparse links, real pixels."""
    text = (ROOT / "notebooks/08_deep_boltzmann.md").read_text("utf8")
    rows = {(row["study"], row["name"], row["seed"]): row for row in study("second_layer")}

    def runs(part: str, name: str, value: str = "valid") -> list[float]:
        return [rows[part, name, seed][value] for seed in range(5)]

    alone = runs("greedy", "first machine", "train")
    for start in ("upside down", "fresh", "best prior"):
        gains = [a - b for a, b in zip(alone, runs("greedy", start, "train"), strict=True)]
        assert said(gains) in text
    assert f"ceiling is {said(runs('greedy', 'first machine', 'ceiling'))}" in text
    windows = runs("sparse", "16 units, windows")
    for other in ("4 units, all pixels", "16 units, random pixels"):
        worse = [a - b for a, b in zip(runs("sparse", other), windows, strict=True)]
        assert f"({said(worse)}" in text
    four, windows, anywhere, full = (runs("sparse", name) for name in second_layer.masks(seed=0))
    assert max(full) < min(four + windows + anywhere)
    pairs = zip(runs("real", "machine"), runs("real", "network"), strict=True)
    assert f"({said([a - b for a, b in pairs])} over five seeds)" in text


def test_the_book_says_what_the_study_of_joint_training_found():
    """The paragraph under the figure of joint training in chapter 8."""
    text = (ROOT / "notebooks/08_deep_boltzmann.md").read_text("utf8")
    rows = {(row["machine"], row["start"], row["seed"]): row for row in study("deep_joint")}

    def gains(better: tuple[str, str], worse: tuple[str, str]) -> list[float]:
        return [rows[*worse, s]["valid"] - rows[*better, s]["valid"] for s in range(8)]

    small, trained = "small weights", "pretrained"
    assert f"by {said(gains(('deep', trained), ('deep', small)))} nats" in text
    head_start = said(gains(("restricted", trained), ("restricted", small)))
    assert f"That gains {head_start}," in text
    depth = said(gains(("deep", trained), ("restricted", trained)))
    assert f"second layer is {depth}: nothing" in text
    for seed in range(8):
        asleep, awake = rows["deep", small, seed], rows["deep", trained, seed]
        assert asleep["gap"] <= 0.001
        assert asleep["norm"] < 0.5
        assert awake["norm"] < awake["norm_before"]
        assert awake["gap"] < 0.02

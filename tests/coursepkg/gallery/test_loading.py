"""Trained models come whole, or not at all; what is built is what the command trains."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import coursepkg
from benchmarks.gallery import captions, diffusion, judge, pixelcnn, realnvp, shakespeare, vae
from benchmarks.gallery import gan as pair
from benchmarks.gallery import wavenet as vowels
from benchmarks.gallery import words as even
from benchmarks.studies import few_steps, induction
from coursepkg.data.text import Vocabulary
from coursepkg.gallery import WORKS, loading, sign, signature
from coursepkg.gallery.sequences import reader as studied
from coursepkg.nets.trained import FOLDER
from coursepkg.rng import seeded

ALPHABET = Vocabulary("".join(map(chr, range(80))))
COMMANDS = {  # what each command trains, before it trains it
    "captions": captions.network, "diffusion": diffusion.network, "distilled": diffusion.network,
    "few_steps": lambda: few_steps.ring(generator=seeded(0))[1], "gan": lambda: pair.players().net,
    "induction": lambda: studied(2, induction.DIM, generator=seeded(0)),
    "judge": judge.network, "pixelcnn": lambda: pixelcnn.network().net, "plane": vae.plane,
    "realnvp": lambda: realnvp.couplings(generator=seeded(0)),
    "shakespeare": lambda: shakespeare.network(ALPHABET), "vae": vae.grey_levels,
    "wavenet": lambda: vowels.network().net, "words": lambda: even.built(generator=seeded(0))[1],
}  # fmt: skip


def halves(values: Iterable[Tensor]) -> set[tuple]:
    """Shape and numbers of each tensor, in half precision as the files have it."""
    return {(*v.shape, *v.detach().half().flatten().tolist()) for v in values}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with the weights of "words", signed."""
    for file in FOLDER.glob("words.*"):
        shutil.copy(file, tmp_path)
    return tmp_path


def test_every_file_has_its_work_and_every_work_its_file():
    """≤ 2 MB each. Kills: weights that nobody can load, a work without weights."""
    assert {path.stem for path in FOLDER.glob("*.pt")} == set(WORKS)
    assert {path.stem for path in FOLDER.glob("*.json")} == set(WORKS)
    assert max(path.stat().st_size for path in FOLDER.glob("*.pt")) <= 2 * 2**20


@pytest.mark.parametrize("name", sorted(WORKS))
def test_what_is_loaded_has_the_weights_of_the_file_in_eval_mode(name: str):
    """Kills: an untrained model, one of two parts loaded, train mode."""
    whole = coursepkg.load(name)
    assert type(whole) is type(WORKS[name].build(generator=seeded(0))[0])
    assert not any(module.training for module in whole.modules())
    state = torch.load(FOLDER / f"{name}.pt", weights_only=True)
    learnt = {key: value for key, value in whole.named_parameters()}
    assert {value.dtype for value in learnt.values()} == {torch.get_default_dtype()}
    assert halves(learnt.values()) <= halves(state.values()) <= halves(whole.state_dict().values())
    assert len(learnt) > 3, "vacuous: nothing is learnt"


@pytest.mark.parametrize("name", sorted(WORKS))
def test_what_is_built_is_what_the_command_starts_from(name: str):
    """The same random numbers. Kills: a size in one of two places, a generator used up before."""
    _, part = WORKS[name].build(generator=seeded(0))
    starts, state = COMMANDS[name](), part.state_dict()
    assert type(starts) is type(part)
    for key, value in starts.state_dict().items():
        assert key == "characters" or torch.equal(value, state.pop(key)), key
    assert set(state) <= {"characters"}


@pytest.mark.parametrize("name", sorted(WORKS))
def test_the_signature_names_the_command(name: str):
    """Kills: a command that is not there, a folder of somebody's disk."""
    command = signature(name)["command"].split()
    assert command[:2] == ["python", "-m"]
    assert (Path(coursepkg.__file__).parents[1] / f"{command[2].replace('.', '/')}.py").is_file()
    assert "/tmp" not in command


@pytest.mark.parametrize("name", ["vea", "", "../weights/vae", "VAE", 3])
def test_an_unknown_name_is_told_the_known_ones(name):
    """Kills: a path in place of a name, a KeyError."""
    with pytest.raises(ValueError, match=r"name: expected one of \['captions', .*'words'\], got"):
        coursepkg.load(name)


def test_only_load_comes_with_the_package():
    """Kills: all models imported with any of our modules; a name that is not there answered."""
    program = (
        "import sys, coursepkg.rng; print([m for m in sys.modules if 'coursepkg.models' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    assert coursepkg.load is loading.load
    with pytest.raises(AttributeError, match="'coursepkg' has no attribute 'lode'"):
        _ = coursepkg.lode


def test_a_folder_of_ones_own(copied: Path):
    """What a command wrote with --out. Kills: the package's weights whatever the folder."""
    state = torch.load(copied / "words.pt", weights_only=True)
    key = next(key for key, value in state.items() if value.is_floating_point())
    torch.save({**state, key: torch.zeros_like(state[key])}, copied / "words.pt")
    sign("words", {"command": "python -m mine"}, folder=copied)
    assert signature("words", folder=copied)["command"] == "python -m mine"
    mine, published = (coursepkg.load("words", folder=f).net.state_dict() for f in (copied, None))
    assert not mine[key].any()
    assert published[key].any()


def test_weights_of_another_version_are_named_and_nothing_is_built(copied: Path, monkeypatch):
    """Kills: the version not looked at, or only after loading."""
    work = WORKS["words"]._replace(version=2, build=lambda generator: pytest.fail("built"))
    monkeypatch.setitem(loading.WORKS, "words", work)
    with pytest.raises(ValueError, match=r"words\.pt: expected weights of version 2, got 1; .*-m"):
        coursepkg.load("words", folder=copied)


def other(state: dict, change: str) -> dict:
    """A state with a weight too many, one too few, or one of another shape, the last by name."""
    last = max(state)
    return {"more": {**state, "extra": torch.zeros(2)},
            "fewer": {k: v for k, v in state.items() if k != last},
            "shape": {**state, last: torch.zeros(3, 5, 7)}}[change]  # fmt: skip


@pytest.mark.parametrize("change", ["more", "fewer", "shape"])
def test_weights_of_another_architecture_are_never_half_loaded(copied, monkeypatch, change: str):
    """The rest would fit. Kills: load_state_dict left to find out, strict=False."""
    state = torch.load(copied / "words.pt", weights_only=True)
    torch.save(other(state, change), copied / "words.pt")
    sign("words", {"command": "python -m mine"}, folder=copied)
    built = WORKS["words"].build(generator=seeded(0))
    before = {k: v.clone() for k, v in built[0].state_dict().items()}
    monkeypatch.setitem(
        loading.WORKS, "words", WORKS["words"]._replace(build=lambda generator: built)
    )
    with pytest.raises(ValueError, match=r"words\.pt: weights of another architecture; .*differ"):
        coursepkg.load("words", folder=copied)
    for key, value in built[0].state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize("damage", ["cut", "swapped", "gone"])
def test_a_file_that_is_not_the_signed_one_is_refused(copied: Path, damage: str):
    """Kills: weights of another model or of half a download under this name."""
    path = copied / "words.pt"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "swapped":
        shutil.copy(FOLDER / "plane.pt", path)
    else:
        path.unlink()
    with pytest.raises(ValueError, match=r"words\.pt: expected the file that words\.json signs"):
        coursepkg.load("words", folder=copied)


def test_weights_of_another_model_are_named_though_they_would_fit(tmp_path: Path):
    """`distilled` has the shapes of `diffusion`. Kills: a signature that does not say whose."""
    for file in FOLDER.glob("diffusion.*"):
        shutil.copy(file, tmp_path / f"distilled{file.suffix}")
    with pytest.raises(
        ValueError, match=r"d\.json: .* of distilled\.pt, got that of diffusion\.pt"
    ):
        coursepkg.load("distilled", folder=tmp_path)


def test_weights_beside_the_signature_of_another_file_are_refused(tmp_path: Path):
    """The name is right, the shapes are. Kills: the sum not compared."""
    shutil.copy(FOLDER / "distilled.json", tmp_path)
    shutil.copy(FOLDER / "diffusion.pt", tmp_path / "distilled.pt")
    with pytest.raises(ValueError, match=r"distilled\.pt: expected the file that distilled\.json"):
        coursepkg.load("distilled", folder=tmp_path)


@pytest.mark.parametrize("text", [None, "", "[1]", '{"name": "words", "version": 1}', "no json"])
def test_weights_without_a_signature_are_refused(copied: Path, text):
    """Kills: unsigned weights taken for this version's, a KeyError."""
    path = copied / "words.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=r"words\.json: expected the signature of words\.pt, got"):
        coursepkg.load("words", folder=copied)


def test_weights_are_data_and_never_code(copied: Path):
    """Kills: weights_only=False."""
    torch.save({"w": print}, copied / "words.pt")
    sign("words", {"command": "python -m mine"}, folder=copied)
    with pytest.raises(Exception, match="weights_only"):
        coursepkg.load("words", folder=copied)


def test_a_signature_says_what_was_written(copied: Path):
    """Kills: a version of 1 for all, the sum of another file."""
    sign("words", {"command": "python -m mine", "commit": "c"}, folder=copied)
    said = json.loads((copied / "words.json").read_text())
    published = signature("words")
    assert said == {
        "name": "words", "version": 1, "sha256": published["sha256"],
        "command": "python -m mine", "commit": "c",
    }  # fmt: skip

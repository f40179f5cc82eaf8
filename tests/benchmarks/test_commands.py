"""Every command says how it is used; and what it writes says how it was run."""

import json
import pkgutil
import runpy
import subprocess
import sys

import pytest

import benchmarks
from benchmarks import speed, studies

HELPERS = {"benchmarks.speed.chains", "benchmarks.speed.peers"}  # of `speed.samplers`
COMMANDS = {  # and the modules that hold them
    name: f"{name}.__main__" for name in ("benchmarks.leaderboard", "benchmarks.growth")
} | {
    module.name: module.name
    for package in (speed, studies)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    if module.name not in HELPERS
}


def test_all_kinds_are_asked():
    kinds = {m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.ispkg}
    assert kinds == {"leaderboard", "growth", "speed", "studies", "gallery", "live"}
    assert len(COMMANDS) >= 12


@pytest.mark.filterwarnings("ignore")  # of peers, where they are installed
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_how_it_is_used(command, monkeypatch, capsys):
    """`python -m COMMAND --help`. Kills: a module that is no command, an import that is gone."""
    monkeypatch.setattr(sys, "argv", [command, "--help"])
    monkeypatch.delitem(sys.modules, COMMANDS[command], raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(command, run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert "--out" in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_that_is_recorded_is_the_one_that_was_typed(tmp_path):
    """Kills: `benchmarks.growth.__main__`, which nobody types."""
    typed = ["-m", "benchmarks.growth", "--only", "lattice", "--quick", "--out", str(tmp_path)]
    subprocess.run([sys.executable, *typed], check=True, stdout=subprocess.DEVNULL)
    written = json.loads((tmp_path / "lattice_growth.json").read_text())
    assert written["provenance"]["command"] == " ".join(["python", *typed])

"""The workflows run nothing that a contributor cannot: make, and apt for what make cannot bring."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.search(r"(?m)^\.PHONY: (.*)$", MAKEFILE)[1].split())
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EACH = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
SYSTEM = (r"sudo apt-get (update|install) .*", r"sudo sysctl -q -w kernel\.apparmor_restrict_\w+=0")


def load(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def strangers(command: str) -> list[str]:
    """What is wrong with a command: a target that make does not have, or another program."""
    if re.search(r"[;&|\n`$<>]", command):
        return [command]
    if any(re.fullmatch(rule, command) for rule in SYSTEM):
        return []
    program, *words = command.split()
    names = [word for word in words if "=" not in word]
    return [command] if program != "make" or not names else [n for n in names if n not in TARGETS]


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("make check", []), ("make mutants ALL=1", []), ("make check test", []),
        ("make chekc", ["chekc"]), ("make", ["make"]), ("make check && curl x", None),
        ("pip install x", None), ("sudo apt-get install -y bubblewrap", []),
        ("sudo apt-get install -y x; sh y", None), ("make check\nmake test", None),
    ],
)  # fmt: skip
def test_a_stranger_is_found(command, wrong):
    """Kills: a check that lets everything through."""
    assert strangers(command) == ([command] if wrong is None else wrong)


@EACH
def test_each_command_is_a_target_that_runs_anywhere(file):
    """Kills: a target that was renamed; a script that only this service can run."""
    commands = [step["run"] for step in steps(load(file)) if "run" in step]
    assert any(command.startswith("make ") for command in commands)
    assert [wrong for command in commands for wrong in strangers(command)] == []


@EACH
def test_actions_have_a_version_and_come_from_github(file):
    used = [step["uses"] for step in steps(load(file)) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+(\.\d+)*", action) for action in used)


@EACH
def test_jobs_end_and_can_write_only_what_they_publish(file):
    """Kills: six hours of a hanging test; a token that may write where pull requests run."""
    workflow = load(file)
    assert workflow["permissions"] == {"contents": "read"}
    assert "concurrency" in workflow
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 350
        writes = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        if writes:
            assert job["if"] == "github.ref == 'refs/heads/main'", name
            assert job["needs"] == "test"
            assert writes in ({"pages", "id-token"}, {"contents"})


def test_a_pull_request_runs_what_ci_runs():
    """Kills: a stage of .ci/run that the workflow forgot."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    runs = re.findall(r"(?m)^stage .* make --no-print-directory((?: --.+?)* (?:\w+ ?)+)$", script)
    stages = re.findall(r" (test|pages|grader|mutants)\b", " ".join(runs))
    workflow = load(ROOT / ".github" / "workflows" / "course.yml")
    run = [step.get("run") for step in workflow["jobs"]["test"]["steps"]]
    assert stages == ["test", "pages", "grader", "mutants"]
    assert {f"make {stage}" for stage in stages} <= set(run)
    assert {"pull_request", "push"} == set(workflow[True])  # YAML reads `on` as true


def test_every_week_all_mutants_are_planted():
    commands = [step.get("run") for step in steps(load(ROOT / ".github/workflows/weekly.yml"))]
    assert "make mutants ALL=1" in commands
    assert "make example" in commands

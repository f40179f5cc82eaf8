"""A file is the old one or the new one, whatever happens while it is written."""

import re
from pathlib import Path

import pytest

from coursepkg.files import replacing, write_whole


def test_a_text_replaces_what_was_there(tmp_path: Path):
    """Kills: another encoding than UTF-8."""
    path = tmp_path / "a.txt"
    for text in ("θ first\n", "ü then\n"):
        write_whole(path, text)
        assert path.read_bytes() == text.encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("no space left on device")])
def test_what_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path, error):
    """Kills: writing in place, replacing by half a file, leaving the half behind."""
    path = tmp_path / "a.json"
    path.write_text("old", encoding="utf-8")

    def broken() -> None:
        with replacing(path) as new:
            new.write_text("ha", encoding="utf-8")
            raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        broken()
    assert path.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_not_there_is_not_there_after_an_interruption(tmp_path: Path):
    path = tmp_path / "a.json"
    with pytest.raises(TypeError):
        write_whole(path, 3)
    assert not list(tmp_path.iterdir())


WRITES = re.compile(r"\.write_text\(|\.write_bytes\(|\.savefig\(|torch\.save\(")
BESIDE = re.compile(r"\bnew\b|\(value, file\)")  # what `replacing` gave, or a file in memory
# into a scratch folder, into memory, into a build
OTHERWISE = {"coursepkg/data/fetch.py", "tools/figures/still.py", "tools/redirects.py"}


@pytest.mark.parametrize("folder", ["benchmarks", "tools", "coursepkg"])
def test_the_course_s_own_programs_do_not_write_in_place(folder: str):
    """Kills: a table, a figure, weights or a record that an interruption cuts off."""
    root = Path(__file__).parents[2]
    files = {path.relative_to(root).as_posix(): path for path in (root / folder).rglob("*.py")}
    in_place = [
        f"{name}: {line.strip()}"
        for name, path in sorted(files.items())
        for line in path.read_text("utf-8").splitlines()
        if WRITES.search(line)
        and name not in OTHERWISE
        and not re.search(r"\bnew\b|BytesIO|, file\)", line)
    ]
    assert not in_place, in_place

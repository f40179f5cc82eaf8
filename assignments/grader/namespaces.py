"""The command lines that build a sandbox: bubblewrap, or util-linux alone, or nothing."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from assignments.grader.stage import ROOT, GraderError

UID = 64123  # who the student's code is when the grader is root: nobody else
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
FILES = ("/etc/ld.so.cache", "/etc/localtime", "/sys/devices/system/cpu")
LAST = ("choom", "-n", "1000", "--")  # out of memory, the kernel ends the student first
DEBIAN = Path("/usr/lib/python3/dist-packages")
SHARES = ("/dev/shm", "/tmp")  # the two scratch folders, each of limited size


@dataclass(frozen=True)
class Isolation:
    """How student code is kept in, and what was measured of it.

    Attributes:
        backend: ``bwrap``, ``unshare`` or ``none``.
        checks: what was tried from inside, and whether it was prevented.
        hidden: folders that the sandbox must not show (besides all that is not shown anyway).
        trouble: why it did not start, if it did not.
    """

    backend: str
    checks: dict[str, bool] = field(default_factory=dict)
    hidden: tuple[Path, ...] = ()
    trouble: str = ""

    @property
    def strong(self) -> bool:
        """Whether every check held."""
        return bool(self.checks) and all(self.checks.values())

    def hiding(self, *paths: Path) -> Isolation:
        """The same isolation that also hides these folders."""
        return replace(self, hidden=(*self.hidden, *(path.resolve() for path in paths)))

    def closing(self, modules: Iterable[str]) -> Isolation:
        """The same isolation that also hides these packages of others, wherever they lie.

        A module that is one file is not hidden: `Cells.start` closes it to `import` alone.
        """
        found = [top / module.replace(".", "/") for module in modules for top in copies()]
        both = [path for folder in found for path in (folder, folder.resolve())]
        return replace(self, hidden=(*self.hidden, *dict.fromkeys(both)))


def command(
    isolation: Isolation, folder: Path, scratch: int, worker: list[str], rules: int
) -> list[str]:
    """The command that runs `worker` in a sandbox that shows `folder` as ``/grader``.

    Args:
        isolation: which tool, and what to hide.
        folder: what becomes ``/grader``.
        scratch: bytes that ``/tmp`` and ``/dev/shm`` may each hold.
        worker: the worker's command line.
        rules: the file descriptor of the filter of system calls.
    """
    match isolation.backend:
        case "bwrap":
            return [*LAST, *bubblewrap(layout(isolation.hidden), folder, scratch, worker, rules)]
        case "unshare":
            return [*LAST, *unshare(layout(isolation.hidden), folder, scratch, worker)]
        case "none":
            return [*become(), *worker]
    raise ValueError(f"backend must be bwrap, unshare or none, got {isolation.backend!r}")


def layout(hidden: tuple[Path, ...]) -> list[tuple[Path, bool]]:
    """The folders to show and, within those, to hide; a folder comes before what it holds."""
    shown = [Path(p) for p in (*SYSTEM, *FILES, sys.base_prefix, sys.prefix) if Path(p).exists()]
    shown += [Path(sys.base_prefix).resolve(), Path(sys.executable).resolve().parent.parent]
    shown += package_folders()
    if become():  # what `UID` may not enter is of no use to it, and would close what lies within
        shown = [path for path in shown if path.is_file() or path.stat().st_mode & 0o001]
    site = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    hide = [ROOT, *hidden, *(p / name for p in site for name in ("coursepkg", "assignments"))]
    wanted = dict.fromkeys((path for path in hide if path.is_dir()), False)
    wanted |= dict.fromkeys(shown, True)
    # what is shown below a scratch folder hangs there in a folder that is sealed, not in scratch
    tops = {Path(*p.parts[: len(Path(share).parts) + 1]) for share in SHARES for p in shown
            if p.is_relative_to(share)} - wanted.keys()  # fmt: skip
    wanted |= dict.fromkeys(tops, False)
    result: list[tuple[Path, bool]] = []
    for path in sorted(wanted, key=lambda path: len(path.parts)):
        above = [show for folder, show in result if path.is_relative_to(folder)]
        if wanted[path] != (above[-1] if above else path in tops):
            result.append((path, wanted[path]))
    return result


def package_folders() -> list[Path]:
    """Where this Python's packages are; not what else happens to be on its path."""
    folders = [
        *site.getsitepackages(),
        *(sysconfig.get_path(kind) for kind in ("purelib", "platlib")),
    ]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return [folder for folder in map(Path, dict.fromkeys(folders)) if folder.is_dir()]


def copies() -> list[Path]:
    """Where the sandbox shows packages, whether or not its Python looks there."""
    base = sysconfig.get_path("purelib", vars={"base": sys.base_prefix})
    return [*package_folders(), Path(base), DEBIAN]


def check_reach(isolation: Isolation, folder: Path) -> None:
    """Without namespaces nothing is mounted: `UID` must find Python and `folder` where they are.

    Raises:
        GraderError: a folder above them, or above what they link to, is closed to others.
    """
    if isolation.backend != "none" or not become():
        return
    for path in (folder, Path(sys.executable), *package_folders()):
        for above in (*path.parents, *path.resolve().parents):
            if not above.stat().st_mode & 0o001:
                raise GraderError(
                    f"as root you run student code as user {UID}, who may not enter {above}"
                )


def become() -> list[str]:
    """Root drops to `UID` first, so that limits on processes bind; others stay who they are."""
    if os.geteuid() != 0:
        return []
    drop = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return ["setpriv", f"--reuid={UID}", f"--regid={UID}", *drop, "--"]


@functools.cache
def options(tool: str) -> str:
    """What the tool's --help says; empty where there is no such tool."""
    if shutil.which(tool) is None:
        return ""
    done = subprocess.run([tool, "--help"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def bubblewrap(
    places: list[tuple[Path, bool]], folder: Path, scratch: int, worker: list[str], rules: int
) -> list[str]:
    """The command with bwrap; two of them as root, who can read what `UID` cannot reach."""
    mounts = _mounts(places)
    mounts += ["--ro-bind", str(folder), "/grader", "--perms", "0755", "--dir", "/var"]
    mounts += ["--dir", "/tmp", "--dir", "/dev", "--dir", "/proc"]
    size = ["--size", str(scratch)] if "--size" in options("bwrap") else []
    # shared mappings of /dev/zero are memory that no limit counts
    private = ["--proc", "/proc", "--dev", "/dev", "--ro-bind", "/dev/null", "/dev/zero"]
    private += ["--remount-ro", "/dev"]
    for share in SHARES:
        private += [*size, "--tmpfs", share]
        # a course that lives below /tmp is shown again on top of the empty /tmp
        private += _mounts([place for place in places if place[0].is_relative_to(share)])
    private += ["--remount-ro", "/", "--chdir", "/tmp", "--seccomp", str(rules), "--", *worker]
    start = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    if "--disable-userns" in options("bwrap"):
        start.append("--disable-userns")
    if os.geteuid() != 0:
        return [*start, *mounts, *private]
    outer = ["--bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev"]
    caps = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [  # a namespace of processes in each: no death signal passes from root to `UID`
        *("bwrap", "--unshare-pid", "--die-with-parent", *mounts, *outer, *caps, "--"),
        *(*become(), *start, "--ro-bind", "/", "/", *private),
    ]


def _mounts(places: list[tuple[Path, bool]]) -> list[str]:
    """What shows and hides the places, in bwrap's words."""
    mounts: list[str] = []
    for path, show in places:
        for parent in reversed(path.parents[:-1]):
            mounts += ["--perms", "0755", "--dir", str(parent)]
        if path.is_symlink() and path.parent == Path("/"):
            mounts += ["--symlink", os.readlink(path), str(path)]
        elif show:
            mounts += ["--ro-bind", str(path), str(path)]
        else:
            mounts += ["--perms", "0755", "--tmpfs", str(path)]
    for path in _hidden(places):  # last: what a hidden folder shows is mounted within it
        mounts += ["--remount-ro", str(path)]
    return mounts


def _hidden(places: list[tuple[Path, bool]]) -> list[Path]:
    return [path for path, show in places if not show]


BUILD = """
set -eu
umask 022
PATH=/usr/sbin:/sbin:$PATH
root=$FOLDER/root
mount -t tmpfs -o size=4m,mode=755 tmpfs "$root"
mkdir -p "$root/tmp" "$root/dev/shm"
for share in tmp dev/shm; do
  mount -t tmpfs -o nosuid,nodev,mode=1777,size=$SCRATCH,nr_inodes=10k tmpfs "$root/$share"
done
show() {
  if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$(dirname "$root$1")"; : > "$root$1"; fi
  mount --rbind "$1" "$root$1"
  mount -o remount,bind,ro "$root$1"
}
hide() { mkdir -p "$root$1"; mount -t tmpfs -o size=4k,mode=755 tmpfs "$root$1"; }
seal() { mount -o remount,bind,ro "$root$1"; }
$PLACES
mkdir -p "$root/grader" "$root/var" "$root/proc" "$root/old"
mount --bind "$FOLDER" "$root/grader"
mount -o remount,bind,ro "$root/grader"
for name in null full random urandom; do
  : > "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"
done
mount --rbind /proc "$root/proc"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
"""
# One namespace more, and the last: in it nobody is root, as who built the first had to be.
ENTER = f"""
set -eu
mount -t proc proc /proc
mount -o remount,bind,ro /
echo 1 > /proc/sys/user/max_user_namespaces
cd /tmp
exec unshare --user --map-user={UID} --map-group={UID} --keep-caps -- setpriv --no-new-privs \
  --bounding-set=-all --ambient-caps=-all --inh-caps=-all -- $FILTER sh -c $WORKER
"""
PRIVATE = ["--user", "--map-root-user", "--net", "--ipc", "--pid", "--fork", "--kill-child=KILL"]


def unshare(
    places: list[tuple[Path, bool]], folder: Path, scratch: int, worker: list[str]
) -> list[str]:
    """The command with util-linux alone: the same folders, mounted one by one.

    Root builds the root file system first and then drops to `UID`; another user builds it
    inside the user namespace that gives the right to.
    """
    (folder / "root").mkdir(exist_ok=True)
    lines = []
    for path, show in places:
        if path.is_symlink() and path.parent == Path("/"):
            lines.append(f'ln -s {shlex.quote(os.readlink(path))} "$root"{shlex.quote(str(path))}')
        else:
            lines.append(f"{'show' if show else 'hide'} {shlex.quote(str(path))}")
    lines += [f"seal {shlex.quote(str(path))}" for path in _hidden(places)]
    values = {
        "FOLDER": shlex.quote(str(folder)),
        "PLACES": "\n".join(lines),
        "SCRATCH": str(scratch),
        "FILTER": shlex.join([sys.executable, "-I", "-S", "-B", "/grader/seccomp.py"]),
        "WORKER": shlex.quote(f"{shlex.join(worker)}; exit $?"),  # sh is init, not the worker
    }
    build, enter = (_fill(script, values) for script in (BUILD, ENTER))
    last = ["setpriv", "--pdeathsig=KILL", "--", "unshare", *PRIVATE, "--mount", "--", "sh", "-c"]
    if os.geteuid() != 0:
        return [*last, build + enter]
    return [
        "unshare",
        "--mount",
        "--",
        "sh",
        "-c",
        f"{build}exec {shlex.join([*become(), *last, enter])}",
    ]


def _fill(script: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        script = script.replace(f'"${name}"', value).replace(f"${name}", value)
    return script

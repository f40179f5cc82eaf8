"""Where a number came from, written into the same file, in one piece or not at all."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coursepkg.files import write_whole
from tools.machine import cpu

RESULTS = Path(__file__).parent / "results"


def provenance() -> dict[str, Any]:
    """Command, date, git commit, versions, CPU and threads of the running process."""
    return {
        "command": _command(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "cpu": cpu(),
        "threads": torch.get_num_threads(),
    }


def first_process() -> bool:
    """Whether this process runs alone, or is the first of several: the one that writes files."""
    return int(os.environ.get("RANK", "0")) == 0  # set by `fabric run`, as by torchrun


def write_results(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows and provenance as JSON: beside the file first, so that nothing is half written.

    Of several processes only the first writes.

    Raises:
        ValueError: if a number is NaN or infinite, which JSON cannot hold.
    """
    if not first_process():
        return
    text = json.dumps(
        {"provenance": provenance(), "rows": list(rows)},
        indent=1, ensure_ascii=False, allow_nan=False,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text + "\n")


def _command() -> str:
    """The command as a reader would type it: `python -m benchmarks.x`, not a path on this disk."""
    if os.environ.get("LT_CLI_USED") == "1":
        said = [f"--{key}={os.environ[name]}" for key in ("accelerator", "devices", "precision")
                if (name := f"LT_{key.upper()}") in os.environ]  # fmt: skip
        script = os.path.relpath(sys.argv[0], RESULTS.parents[1])
        return shlex.join(["fabric", "run", *said, script, *sys.argv[1:]])
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    module = ["-m", spec.name.removesuffix(".__main__")] if spec else [Path(sys.argv[0]).name]
    return shlex.join(["python", *module, *sys.argv[1:]])


def _commit() -> str:
    """Hash of the commit, with "+" if tracked files but results differ; "none" without git."""
    try:
        git = ["git", "-C", str(Path(__file__).parent)]
        commit = subprocess.check_output([*git, "rev-parse", "HEAD"], stderr=subprocess.DEVNULL)
        but_results = ["--", ":/", ":(top,exclude)benchmarks/results"]
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD", *but_results], check=False)
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return commit.decode().strip() + ("+" if changed.returncode else "")

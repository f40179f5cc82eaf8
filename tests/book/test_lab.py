"""`make lab` renders MyST: its extension fits the JupyterLab that constraints.txt pins."""

import subprocess
import sys


def test_the_myst_extension_fits_this_jupyterlab():
    """Kills: a JupyterLab pinned past what jupyterlab-myst supports; it then stays silent."""
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = done.stdout + done.stderr
    (line,) = [line for line in said.splitlines() if "jupyterlab-myst v" in line]
    assert "enabled" in line
    assert "OK" in line
    assert "not compatible" not in said

"""Makes the working copy that `make lab` opens: chapters as plain notebooks, and the assignments.

``python -m tools.lab`` writes them into lab/, which git ignores and `make clean` leaves alone. A
notebook of which a cell was changed is never overwritten: a newer version is put beside it, as
01_bayes-2.ipynb. Outputs are nobody's work, since running the cells brings them back.
"""

import base64
import json
import mimetypes
import re
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tools import assignments, launch
from tools.site import repository_url, site_url

LAB = Path("lab")
MADE = ".made.json"  # in it: what this program wrote last into each file
DROPPED = "newer"


def work(text: str) -> str:
    """What a student may have changed in a notebook: kinds and sources of its cells.

    Where the text is no notebook, all of it.
    """
    try:
        cells = json.loads(text)["cells"]
        return json.dumps([(cell["cell_type"], "".join(cell["source"])) for cell in cells])
    except (ValueError, LookupError, TypeError):
        return text

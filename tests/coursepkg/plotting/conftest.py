"""An `ax` in the course's style, put away afterwards."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes

from coursepkg.plotting import use_style


@pytest.fixture
def ax() -> Iterator[Axes]:
    with mpl.rc_context():
        use_style()
        fig, ax = plt.subplots()
        settings = dict(mpl.rcParams)
        yield ax
        assert plt.get_fignums() == [fig.number], "opened a figure of its own"
        assert dict(mpl.rcParams) == settings, "changed the global settings"
        plt.close(fig)

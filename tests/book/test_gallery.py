"""The page of trained models: its programs print what it says they print."""

import contextlib
import io
import re
from pathlib import Path

import torch

import coursepkg
from coursepkg.gallery import WORKS, signature
from tools import devices, gallery

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "gallery.md").read_text("utf8")


def test_every_program_prints_what_stands_below_it():
    """One after the other, as a reader would. Kills: a page that has drifted from the package."""
    programs = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert len(programs) == PAGE.count("```python") == 4
    names: dict[str, object] = {}
    torch.set_default_dtype(torch.float32)
    try:
        for program, expected in programs:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(program, names)
            assert said.getvalue().strip() == expected.strip()
    finally:
        torch.set_default_dtype(torch.float64)


def test_every_model_is_in_the_table_and_drawn_on_the_page():
    """Kills: a model without a row, or that the page never loads or shows."""
    table = gallery.page(ROOT)
    shown = PAGE + (ROOT / "tools" / "figures" / "gallery.py").read_text("utf8")
    for name, work in WORKS.items():
        (row,) = re.findall(rf"(?m)^\| {name} \|.*$", table)
        assert work.what in row
        assert f"`{signature(name)['command'].removeprefix('python -m ')}`" in row
        assert f'"{name}"' in shown
    assert PAGE.startswith("# The trained models\n\nFourteen")
    assert len(WORKS) == 14


def test_the_table_of_devices_says_so_where_nothing_was_measured(tmp_path):
    """Kills: a build that fails before the first measurement; gains upside down."""
    assert "Nothing was measured yet" in devices.page(tmp_path)
    results = tmp_path / "benchmarks" / "results"
    results.mkdir(parents=True)
    (results / "devices.json").write_text(
        '{"provenance": {"cpu": "C", "torch": "t", "date": "2026-11-30T00"}, "rows": [{"net": "n", '
        '"weights": 12345, "alone": 0.4, "half": 0.2, "together": 0.25, "exchange": 0.01, '
        '"gain": 1.6, "predicted": {"2": 0.2, "8": 0.1, "64": 0.05}}]}'
    )
    assert "| n | 12,345 | 400.0 | 250.0 | × 1.60 | 10.0 | × 2.0 | × 4.0 | × 8.0 |" in devices.page(
        tmp_path
    )


def test_only_the_models_of_the_package_are_promised():
    """Kills: a name on the page that cannot be loaded."""
    for name in re.findall(r'coursepkg\.load\("(\w+)"\)', PAGE):
        assert name in WORKS
    assert coursepkg.load.__name__ == "load"

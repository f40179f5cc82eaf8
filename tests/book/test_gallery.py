"""The page of trained models: its programs print what it says they print."""

import contextlib
import io
import re
from pathlib import Path

import pytest
import torch

import coursepkg
from coursepkg.gallery import WORKS, signature
from coursepkg.models.language.stream import bits_per_character, stream_log_prob
from tools import devices, gallery

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "gallery.md").read_text("utf8")


PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the programs print, one after the other, as a reader would run them."""
    names: dict[str, object] = {}
    outputs = [io.StringIO() for _ in PROGRAMS]
    torch.set_default_dtype(torch.float32)
    try:
        for (program, _), output in zip(PROGRAMS, outputs, strict=True):
            with contextlib.redirect_stdout(output):
                exec(program, names)
    finally:
        torch.set_default_dtype(torch.float64)
    return [output.getvalue() for output in outputs]


def test_shapes_levels_and_what_the_judge_reads_stand_below_the_programs(said: list[str]):
    """All but the last program. Kills: a page that has drifted from the package."""
    assert len(PROGRAMS) == PAGE.count("```python") == 5
    for output, (_, expected) in zip(said[:-1], PROGRAMS, strict=False):
        assert output == expected


@pytest.mark.parametrize("where", ["package", "page"])
def test_text_is_such_as_the_models_write(said: list[str], where: str):
    """Never letter by letter, since another CPU may round otherwise. Kills: text of other models.

    A character of the play costs some 2.2 bits, with a standard deviation of 0.25 over 120 of them.
    """
    *play, words, first, second = (said[-1] if where == "package" else PROGRAMS[-1][1]).splitlines()
    text, writer = "\n".join(play), coursepkg.load("shakespeare")
    assert (text[:4], len(text)) == ("KING", 124)
    log_p = stream_log_prob(writer.net, writer.code.encode(text), context=256)
    assert 1.0 < bits_per_character(log_p, len(log_p)) < 3.5
    drawn = words.replace("(empty)", "-").split()
    assert len(drawn) == 8
    assert sum(word.count("a") % 2 == 0 and set(word) <= set("ab-") for word in drawn) >= 6
    assert all(re.fullmatch(r"[a-z]{40}", stream) for stream in (first, second))
    assert min(len(set(stream)) for stream in (first, second)) < 20, "nothing comes again"


def test_every_model_is_in_the_table_and_drawn_on_the_page():
    """Kills: a model without a row, or that no program of the page loads."""
    table, shown = gallery.page(ROOT), "".join(program for program, _ in PROGRAMS)
    for name, work in WORKS.items():
        (row,) = re.findall(rf"(?m)^\| {name} \|.*$", table)
        assert work.what in row
        command = signature(name)["command"].removeprefix("python -m benchmarks.gallery.")
        assert f"| `{command}` |" in row
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
    assert (
        "| n | 12,345 | 400.0 | 250.0 | ×&nbsp;1.60 | 10.0 | ×&nbsp;2.0 | ×&nbsp;4.0 | ×&nbsp;8.0 |"
        in devices.page(tmp_path)
    )


def test_only_the_models_of_the_package_are_promised():
    """Kills: a name on the page that cannot be loaded."""
    for name in re.findall(r'coursepkg\.load\("(\w+)"\)', PAGE):
        assert name in WORKS
    assert coursepkg.load.__name__ == "load"

"""The API pages hold every module once, and find the homes of what faces offer."""

import json
import re
from pathlib import Path

import pytest

from tools import api
from tools.site import toc_pages
from tools.sphinx_course import names_used

ROOT = Path(__file__).parents[2]
FILES = {
    "coursepkg/__init__.py": '"""All."""\nfrom importlib.metadata import version\n',
    "coursepkg/rng.py": "def seeded(): ...\n",
    "coursepkg/_hidden.py": "",
    "coursepkg/models/__init__.py": '"""Families."""\n',
    "coursepkg/models/energy.py": "class Energy: ...\n",
    "coursepkg/models/new/__init__.py": '"""A new family."""\n'
    "from coursepkg.models.new.net import SIZE, Net, train as learn\n"
    "from coursepkg.models.new.parts import Layer\n",
    "coursepkg/models/new/net.py": "SIZE = 1\nclass Net: ...\ndef train(): ...\n",
    "coursepkg/models/new/parts/__init__.py": "from coursepkg.models.new.parts.layer import Layer",
    "coursepkg/models/new/parts/layer.py": "from coursepkg.rng import seeded\nclass Layer: ...\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A package with a face, and behind it a second one."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("models.new.Net", "models.new.net.Net"),
        ("models.new.learn", "models.new.net.train"),
        ("models.new.SIZE", "models.new.net.SIZE"),  # a constant does not know its module
        ("models.new.Layer", "models.new.parts.layer.Layer"),
        ("models.new.net.Net", "models.new.net.Net"),
        ("models.new.net", "models.new.net"),
        ("models.new.parts.layer.seeded", "models.new.parts.layer.seeded"),  # no face, no offer
        ("rng.seeded", "rng.seeded"),
        ("version", "version"),
    ],
)
def test_the_home_of_what_a_face_offers(root: Path, name: str, home: str):
    """Kills: one step only, the new name for the old one, modules taken for faces."""
    assert api.home(f"coursepkg.{name}", root) == f"coursepkg.{home}"


def test_a_chapter_uses_what_it_imports_and_what_it_takes_from_that(root: Path):
    """Kills: the face's name is kept, which no entry has; an attribute of a variable counts."""
    code = """\
%matplotlib inline
import torch
from coursepkg import rng
from coursepkg.models import new
from coursepkg.models.new import Net as N, SIZE
x = torch.zeros(SIZE)
rng.seeded(0); new.learn(x.T); show(N.forward)
"""
    cells = [
        {"cell_type": "markdown", "source": ["from coursepkg.models.new import Layer"]},
        {"cell_type": "code", "source": code.splitlines(keepends=True)},
    ]
    file = root / "01_a.ipynb"
    file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert names_used(file, root) == {
        "coursepkg.rng", "coursepkg.rng.seeded",
        "coursepkg.models.new", "coursepkg.models.new.net.train",
        "coursepkg.models.new.net.Net", "coursepkg.models.new.net.Net.forward",
        "coursepkg.models.new.net.SIZE",
    }  # fmt: skip


def test_a_new_family_is_on_the_page_of_models_without_an_edit(root: Path):
    """Kills: a list that must be kept, a constant linked to an entry that it has not."""
    text = api.pages(root)
    assert "## `coursepkg.models.new`" not in text["api"]
    assert re.findall(r"(?m)^##+ `coursepkg\.?(.*)`$", text["api"]) == ["", "rng"]
    headings = re.findall(r"(?m)^(##+) `coursepkg\.models\.?(.*)`$", text["api-models"])
    assert headings == [
        ("##", ""), ("###", "energy"), ("##", "new"), ("###", "new.net"),
        ("##", "new.parts"), ("###", "new.parts.layer"),
    ]  # fmt: skip
    assert text["api-models"].count(":no-members:") == 3
    assert (
        "It offers `SIZE`, {py:obj}`Net <coursepkg.models.new.net.Net>`, "
        "{py:obj}`learn <coursepkg.models.new.net.train>`, "
        "{py:obj}`Layer <coursepkg.models.new.parts.layer.Layer>`." in text["api-models"]
    )


def test_every_module_stands_on_one_api_page():
    """Kills: a module that no reader can look up, or one on two pages."""
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in (ROOT / "coursepkg").rglob("*.py")
    }
    pages = api.pages(ROOT)
    listed = [name for text in pages.values() for name in re.findall(r"automodule:: (\S+)", text)]
    assert sorted(listed) == sorted(modules)
    for page in pages:
        assert f"book/{page}" in toc_pages(ROOT)
        source = (ROOT / "book" / f"{page}.md").read_text("utf8")
        assert f"```{{include}} generated/{page}.md\n```" in source

"""The source shown in a notebook is the source that runs, without docstrings and checks."""

import ast
import inspect
import textwrap
from pathlib import Path

import pytest

from coursepkg import evaluation, source
from coursepkg.bayes import huffman
from coursepkg.divergences import excess
from coursepkg.graphs import JointTable
from coursepkg.models.autoregressive import MarkovChain
from coursepkg.models.gan import LeastSquares
from coursepkg.models.rbm import RBM
from coursepkg.samplers import MetropolisHastings, annealed

PACKAGE = Path(__file__).parents[2] / "coursepkg"
FOLDERS = ("bayes", "graphs", "samplers")


def shown(thing: object) -> str:
    block = source.show(thing).data
    assert block.startswith("```python\n")
    assert block.endswith("\n```")
    return block[10:-3]


def test_what_has_no_checks_is_the_same_program():
    """Compares syntax trees. Kills: a line of code lost with the docstring, a mark for nothing."""
    for thing in (evaluation.Nats.__str__, LeastSquares, excess):
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
                del node.body[0]
        assert ast.dump(ast.parse(shown(thing))) == ast.dump(tree)
        assert '"""' not in shown(thing)
        assert source.MARK not in shown(thing)


def test_the_whole_can_be_shown_and_methods_are_dedented():
    """Kills: methods stay indented; `whole` is ignored, or drops the checks."""
    assert shown(RBM.free_energy).startswith("def free_energy")
    whole = source.show(RBM.free_energy, whole=True).data
    assert whole[10:-3] == textwrap.dedent(inspect.getsource(RBM.free_energy))
    assert '"""' in whole
    assert "self.check_visible(x)" in whole


FREE_ENERGY = """\
def free_energy(self, x: Tensor) -> Tensor:
    # … checks, not shown
    return -(x @ self.b) - softplus(self.c + x @ self.W).sum(-1)
"""
STEP = """\
def step(self, state: State, *, generator: Generator) -> tuple[State, Info]:
    x_new = self.propose(state.x, generator=generator)
    # … checks, not shown
    new = evaluate(self.log_density, x_new)
"""
FOLLOW = """\
    for old, new in pairs:
        log_w += path.log_density(x, new).double() - path.log_density(x, old).double()
        # … checks, not shown
        x = path.step(x, new, generator=generator)
    return log_w, x
"""
HUFFMAN = """\
def huffman(p: Tensor) -> list[str]:
    # … checks, not shown
    words = [""] * len(p)
    # the second entry breaks ties by age, so that the code is the same everywhere
"""


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (RBM.free_energy, FREE_ENERGY),
        (MetropolisHastings.step, STEP),
        (annealed.follow, FOLLOW),
        (huffman, HUFFMAN),
    ],
)
def test_checks_leave_one_comment(thing: object, expected: str):
    """Kills: a check stays (a call, a method, a raise), the mark is missing, twice or askew."""
    assert expected in shown(thing)
    assert shown(thing).count(source.MARK) == 1
    assert "raise" not in shown(thing)
    assert "check_" not in shown(thing)


def test_a_class_is_marked_once_and_keeps_its_methods():
    """Kills: a mark for every check; a method lost with the checks in it."""
    text = shown(MarkovChain)
    assert text.count(source.MARK) == 1
    assert [node.name for node in ast.parse(text).body[0].body] == [
        "__init__", "fit", "forward", "log_prob", "sample", "_rows",
    ]  # fmt: skip
    assert "raise" not in text


def test_what_is_mathematics_stays():
    """Kills: an `if` without raise, an early return, or a name that is still used goes too."""
    text = shown(JointTable.marginal)
    assert (
        "    given = dict(given or {})\n    # … checks, not shown\n    p = self.p.double()\n"
        in text
    )
    assert "        axis = self.names.index(name)\n        p = p.narrow(axis, level, 1)" in text
    assert "    if M <= D:\n        return log_sum_exp(" in shown(RBM.log_z)


PROGRAM = '''\
class Law:
    """A law.

    With a long docstring.
    """

    size: int

    def __post_init__(self) -> None:
        """Checks."""
        check_positive(size=self.size)

    @property
    def width(self) -> int:

        return 2 * self.size

    def check_visible(self, v):
        for name, x in v.items():
            if not x.ok:
                raise TypeError(name)

    def loss(self, x, limit):
        """Formula.

        Source.
        """

        shape = x.shape  # for the message
        low, high = x.min(), x.max()
        known = check_names(x)
        if low < 0:
            message = f"{shape}"
            raise ValueError(message)
        if (n := len(x)) < 1 or n > limit:
            raise ValueError(n)
        # a comment on what comes
        if high > limit:
            raise OverflowError(high)
        if n == 2:
            return None
        elif n == 3:
            check(x)
        else:
            raise ValueError("a case of a formula")
        if n == 5:
            raise ValueError("another")
        else:
            return -n
        return known, n

    def nothing(self):
        """Only words."""
'''
ESSENCE = """\
class Law:
    size: int

    # … checks, not shown
    @property
    def width(self) -> int:

        return 2 * self.size

    def loss(self, x, limit):
        low, high = x.min(), x.max()
        known = check_names(x)
        if (n := len(x)) < 1 or n > limit:
            raise ValueError(n)
        # a comment on what comes
        if high > limit:
            raise OverflowError(high)
        if n == 2:
            return None
        elif n == 3:
            check(x)
        else:
            raise ValueError("a case of a formula")
        if n == 5:
            raise ValueError("another")
        else:
            return -n
        return known, n

    def nothing(self):
        \"\"\"Only words.\"\"\"
"""


def test_only_what_serves_checks_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Kills: a name used elsewhere goes, or one used in checks alone stays; an empty block."""
    (tmp_path / "law_of_test_source.py").write_text(PROGRAM, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    law = __import__("law_of_test_source").Law
    assert shown(law) == ESSENCE


@pytest.mark.parametrize("folder", FOLDERS)
def test_all_that_the_package_holds_can_be_shown(folder: str):
    """Kills: a block left empty, a line cut in two: what is shown is no Python."""
    for module in sorted((PACKAGE / folder).glob("*.py")):
        text = module.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                lines = text.splitlines(keepends=True)[node.lineno - 1 : node.end_lineno]
                essence = source._essence("".join(lines))
                assert ast.parse(essence).body[0].name == node.name

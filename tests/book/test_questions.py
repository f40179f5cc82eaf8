"""Questions are well formed, and each has its test; test_question_page.py opens them."""

from pathlib import Path

import pytest

from tools import questions, quiz
from tools.questions import marked, options, problems

CHOICE = """\
- [ ] It tends to $\\frac12$.
  The distance never *shrinks*.

  It has the eigenvalue $-1$.
- [x] It goes on.
  Yes: {eq}`chain`.
"""
SWAP = f"```{{question}} Two states $P$ swap. What then?\n:label: q-04-swap\n{CHOICE}```\n"
NUMBER = """\
```{question} How likely?
:label: q-04-ratio
:answer: 3/10
:tolerance: 0.005
The ratio itself.
```
"""
CHAPTER = f"""\
# Chains

$$
a
$$ (chain)

## Check yourself

{SWAP}
{NUMBER}
"""


# --- the format --------------------------------------------------------------------------------


def test_a_choice_has_its_options_with_their_reasons():
    """Kills: reasons that lose a paragraph, or go to the option after."""
    question = quiz.parse("What then? ", {"label": "q-04-swap"}, CHOICE.split("\n"))
    reason = "The distance never *shrinks*.\n\nIt has the eigenvalue $-1$."
    assert question == quiz.Choice("q-04-swap", "What then?", (
        quiz.Option("It tends to $\\frac12$.", False, reason),
        quiz.Option("It goes on.", True, "Yes: {eq}`chain`."),
    ))  # fmt: skip
    assert question.right == "It goes on."


def test_a_number_has_its_answer_and_reason():
    settings = {"label": "q", "answer": "3/10", "tolerance": "0.005"}
    question = quiz.parse("How likely?", settings, ["The ratio", "itself.", ""])
    assert question == quiz.Number("q", "How likely?", "3/10", 0.005, "The ratio\nitself.")
    assert question.right == pytest.approx(0.3, rel=1e-15)


SPELLINGS = {
    "0.3": 0.3, " 0,3 ": 0.3, ".3": 0.3, "3/10": 0.3, "30 %": 0.3, "3e-1": 0.3, "−2": -2, "+2": 2,
    "2.": 2, "-1,5/3": -0.5, "1E3": 1000, "50/2%": 0.25, "0": 0, "1/3": 1 / 3, "12 000": 12000,
}  # fmt: skip
NO_NUMBERS = ["", "a", "1/0", "1/0.0", "1.2.3", "1,000,000", "1/-2", "--1", "e3", ".", "0x10",
              "Infinity", "nan", "1/2/3", "½"]  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_number_is_read_as_a_student_types_it(text: str):
    assert quiz.number(text) == pytest.approx(SPELLINGS[text], rel=1e-15)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_refused(text: str):
    """Kills: 1/0 as a number, digits taken from the middle of words."""
    with pytest.raises(ValueError, match="expected a number such as"):
        quiz.number(text)


LABEL = {"label": "q-04-a"}
NUMERIC = LABEL | {"answer": "1", "tolerance": "0"}


@pytest.mark.parametrize(
    ("settings", "body", "message"),
    [
        ({}, CHOICE, "expected a question with a :label:"),
        (LABEL, CHOICE.replace("[x]", "[ ]"), "exactly one right option .*, got 0"),
        (LABEL, CHOICE.replace("[ ]", "[X]"), "exactly one right option .*, got 2"),
        (LABEL, "- [x] Yes\n  Reason.", "two options or more"),
        (LABEL, CHOICE.replace("It goes on.", "It tends to $\\frac12$."), "all different"),
        (LABEL, CHOICE.replace("  Yes: {eq}`chain`.", ""), "a reason below `It goes on.`"),
        (LABEL, CHOICE.replace("  Yes", "Yes"), "or its indented reason, got `Yes"),
        (LABEL, f"Lost.\n{CHOICE}", "or its indented reason, got `Lost.`"),
        (NUMERIC, "", "expected a :tolerance: and a reason"),
        (LABEL | {"answer": "1"}, "Reason.", "expected a :tolerance: and a reason"),
        (NUMERIC | {"answer": "many"}, "Reason.", "expected a number .*, got `many`"),
        (LABEL, CHOICE.replace("It goes on.", "It is {eq}`chain`."), r"role .*, got `It is \{eq"),
        (NUMERIC | {"tolerance": "-1"}, "Reason.", "expected a tolerance >= 0, got -1"),
    ],
)
def test_what_is_missing_or_too_much_is_named(settings: dict[str, str], body: str, message: str):
    with pytest.raises(ValueError, match=message):
        quiz.parse("Why?", settings, body.split("\n"))
    with pytest.raises(ValueError, match="expected a question"):
        quiz.parse("  ", LABEL, CHOICE.split("\n"))


@pytest.mark.parametrize(("settings", "body"), [(LABEL, CHOICE), (NUMERIC, "Reason.")])
def test_a_role_in_what_is_asked_is_refused(settings: dict[str, str], body: str):
    """It would end the build with a bare AssertionError. Kills: only options looked at."""
    with pytest.raises(ValueError, match=r"^q-04-a: expected no role but in a reason, got `Why, "):
        quiz.parse("Why, by {cite}`neal2011`?", settings, body.split("\n"))


# --- the tie to the tests ----------------------------------------------------------------------

MORE = "".join(NUMBER.replace("ratio", f"more-{i}") for i in range(3))
TESTED = "\n".join(
    f'@pytest.mark.question("{label}")\ndef test_{i}():\n    assert truth == marked("{label}")\n'
    for i, label in enumerate(("q-04-swap", "q-04-ratio", *(f"q-04-more-{i}" for i in range(3))))
)
CHAPTER_FILE, TEST_FILE = "notebooks/04_chains.md", "tests/book/questions/test_04.py"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository in which every question is tied."""
    files = {CHAPTER_FILE: f"{CHAPTER}{MORE}\n## Exercises\n\nNone.\n", TEST_FILE: TESTED}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text(encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_tied_repository_has_no_problem(tree: Path):
    assert problems(tree) == []


CHANGES = {
    "a question without a test": (
        (TEST_FILE, '@pytest.mark.question("q-04-swap")\n', ""),
        [f"{CHAPTER_FILE}: `q-04-swap` has no test"],
    ),
    "a test of no question": (
        (CHAPTER_FILE, NUMBER, SWAP.replace("swap", "new")),
        [
            f"{TEST_FILE}::test_1: `q-04-ratio` is the label of no question",
            f"{CHAPTER_FILE}: `q-04-new` has no test",
        ],
    ),
    "a test that does not look at the answer": (
        (TEST_FILE, 'marked("q-04-ratio")', 'marked("q-04-swap")'),
        [f'{TEST_FILE}::test_1: does not compare with `marked("q-04-ratio")`'],
    ),
    "too few": (
        (CHAPTER_FILE, MORE, ""),
        [
            f"{CHAPTER_FILE}: expected 5 to 8 questions to check yourself, got 2",
            *(f"{TEST_FILE}::test_{i + 2}: `q-04-more-{i}` is the label of no question"
              for i in range(3)),
        ],
    ),
    "a question elsewhere": (
        (CHAPTER_FILE, "## Check", f"{SWAP.replace('swap', 'early')}## Check"),
        [
            f"{CHAPTER_FILE}: `q-04-early` stands outside of `## Check yourself`",
            f"{CHAPTER_FILE}: `q-04-early` has no test",
        ],
    ),
    "a question among the exercises": (
        (CHAPTER_FILE, "None.", SWAP.replace("swap", "late")),
        [
            f"{CHAPTER_FILE}: `q-04-late` stands outside of `## Check yourself`",
            f"{CHAPTER_FILE}: `q-04-late` has no test",
        ],
    ),
    "a label that stands twice": (
        (CHAPTER_FILE, "label: q-04-more-0", "label: q-04-swap"),
        [
            f"{CHAPTER_FILE}: `q-04-swap` stands already in {CHAPTER_FILE}",
            f"{TEST_FILE}::test_2: `q-04-more-0` is the label of no question",
        ],
    ),
    "a label of another chapter": (
        (CHAPTER_FILE, "label: q-04-swap", "label: q-05-swap"),
        [
            f"{CHAPTER_FILE}: `q-05-swap` should begin with q-04- and go on in words",
            f"{TEST_FILE}::test_0: `q-04-swap` is the label of no question",
            f"{CHAPTER_FILE}: `q-05-swap` has no test",
        ],
    ),
    "no right option": (
        (CHAPTER_FILE, "[x]", "[ ]"),
        [f"{CHAPTER_FILE}: q-04-swap: expected exactly one right option [x], got 0"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_each_kind_of_problem_is_named(tree: Path, kind: str):
    (file, old, new), expected = CHANGES[kind]
    edit(tree / file, old, new)
    found = problems(tree)
    assert found[: len(expected)] == expected if kind == "no right option" else found == expected


def test_marked_is_what_the_page_says(tree: Path, monkeypatch: pytest.MonkeyPatch):
    """Kills: the first option for the right one, the text of a number."""
    monkeypatch.setattr(questions, "ROOT", tree)
    assert marked("q-04-swap") == "It goes on."
    assert marked("q-04-ratio") == pytest.approx(0.3, rel=1e-15)
    assert options("q-04-swap") == ["It tends to $\\frac12$.", "It goes on."]
    with pytest.raises(ValueError, match="expected the label of a question, got `q-04-lost`"):
        marked("q-04-lost")
    with pytest.raises(ValueError, match="expected a question with options, got `q-04-ratio`"):
        options("q-04-ratio")

"""Questions are well formed, each has its test, and the page answers them."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tools import mathjax, questions, quiz
from tools.pages import CHROMIUM_ARGS
from tools.questions import marked, options, problems

ROOT = Path(__file__).parents[2]
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
        (NUMERIC | {"tolerance": "-1"}, "Reason.", "expected a tolerance >= 0, got -1"),
    ],
)
def test_what_is_missing_or_too_much_is_named(settings: dict[str, str], body: str, message: str):
    with pytest.raises(ValueError, match=message):
        quiz.parse("Why?", settings, body.split("\n"))
    with pytest.raises(ValueError, match="expected a question"):
        quiz.parse("  ", LABEL, CHOICE.split("\n"))


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


# --- the page ----------------------------------------------------------------------------------

CONF = """
project, extensions = "x", ["myst_parser", "tools.sphinx_live", "tools.sphinx_questions"]
myst_enable_extensions, numfig, math_numfig = ["dollarmath"], True, True
html_theme, mathjax_path, html_static_path = "basic", "mathjax/tex-mml-chtml.js", ["_static"]
"""
LIVE = """
Look at {numref}`live-04-mcmc`.

```{live} mcmc
:name: live-04-mcmc
:alt: A walk <on> a banana.
It *moves*, see
{eq}`chain`.
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages, built with warnings as errors; only the second has a question and a figure."""
    if shutil.which("chromium") is None:
        pytest.skip("Chromium is not installed")
    root = tmp_path_factory.mktemp("questions")
    (root / "conf.py").write_text(CONF, encoding="utf-8")
    toc = "# Book\n\n```{toctree}\n:numbered:\nchains\n```\n"
    (root / "index.md").write_text(toc, encoding="utf-8")
    (root / "chains.md").write_text(CHAPTER + LIVE, encoding="utf-8")
    shutil.copytree(ROOT / "book" / "live", root / "book" / "live")
    (root / "_static").mkdir()
    for name in ("questions.js", "questions.css", "live.css"):
        shutil.copy(ROOT / "book" / "_static" / name, root / "_static")
    mathjax.copy(mathjax.SOURCE, root / "_static" / "mathjax")
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", root, root / "html"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(site: Path, browser: Browser) -> Iterator[Page]:
    page, said = browser.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((site / "chains.html").as_uri())
    page.evaluate("MathJax.startup.promise")
    yield page
    assert said == []
    page.close()


@pytest.mark.slow
def test_numbers_are_read_in_the_page_as_in_python(page: Page):
    """Kills: two grammars that drift apart."""
    texts = [*SPELLINGS, *NO_NUMBERS]
    found = page.evaluate(f"{json.dumps(texts)}.map(course.questions.number)")
    for text, value in zip(texts, found, strict=True):
        if text in SPELLINGS:
            assert value == pytest.approx(SPELLINGS[text], rel=1e-15), text
        else:
            assert math.isnan(value), text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        ("0.3", "right", "Right."),
        ("0.305", "right", "Right."),  # the edge itself, which rounding puts outside
        ("0.295", "right", "Right."),
        ("0.3051", "wrong", "Not 0.3051: that is too large."),
        ("-3", "wrong", "Not -3: that is too small."),
        (" ", "none", "Enter a number first."),
        ("1,000", "none", "“1,000” can be read in two ways: write it without the comma."),
        ("0,300", "right", "Right."),
        ("third", "none", "“third” is no number: write it as 0.25, 1/4 or 25 %."),
    ],
)
def test_a_number_is_judged_with_words(page: Page, text: str, verdict: str, words: str):
    script = f"course.questions.judge({json.dumps(text)}, 0.3, 0.005)"
    assert page.evaluate(script) == [verdict, words]


@pytest.mark.slow
def test_a_click_answers_with_the_reason_of_that_option(page: Page):
    """Kills: another option's reason, a formula left as TeX, a verdict that stays."""
    form, said = page.locator("#q-04-swap"), page.locator("#q-04-swap").get_by_role("status")
    assert said.inner_text() == ""
    form.get_by_label("It tends to").click()
    assert said.inner_text().startswith("Not this one.")
    assert "The distance never shrinks." in said.inner_text()
    assert said.locator("mjx-container").count() == 1
    assert form.get_attribute("data-verdict") == "wrong"
    form.get_by_text("It goes on.").first.click()
    assert "Right." in said.inner_text()
    assert "Yes: (1.1)" in said.inner_text()
    assert "never" not in said.inner_text()
    assert form.locator(".question-try[data-verdict]").count() == 1
    assert form.get_attribute("data-verdict") == "right"


@pytest.mark.slow
def test_the_keyboard_is_enough(page: Page):
    """Kills: arrow keys that answer while a reader only looks around."""
    said = page.locator("#q-04-swap").get_by_role("status")
    page.locator("#q-04-swap-0").focus()
    page.keyboard.press("ArrowDown")
    assert said.inner_text() == "Enter answers."
    page.keyboard.press("Enter")
    assert said.inner_text().startswith("Right.")
    page.keyboard.press("ArrowUp")
    assert said.inner_text() == "Enter answers."
    page.keyboard.press("Space")
    assert said.inner_text().startswith("Not this one.")
    for _ in range(5):  # over a formula, perhaps, and the folded answer
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q-04-ratio-number":
            break
    page.keyboard.type("0,3")
    page.keyboard.press("Enter")
    said = page.locator("#q-04-ratio").get_by_role("status")
    assert said.inner_text().split() == ["Right.", "The", "ratio", "itself."]
    assert page.url.endswith("chains.html")


@pytest.mark.slow
def test_nothing_is_stored_or_sent(page: Page):
    """Kills: an answer in the address, in storage or on its way to a server."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("It goes on.").click()
    page.get_by_label("Your number").fill("1")
    page.get_by_role("button", name="Check").click()
    assert page.locator("#q-04-ratio").get_by_role("status").inner_text().startswith("Not 1:")
    page.wait_for_timeout(200)
    assert asked == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.url.endswith("chains.html")


@pytest.mark.slow
def test_without_javascript_the_answer_is_folded_below(site: Path, browser: Browser):
    """Kills: a box for a number that answers nothing, an answer that is seen before it is asked."""
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((site / "chains.html").as_uri())
    form = page.locator("#q-04-swap")
    assert not page.get_by_role("button", name="Check").is_visible()
    assert not form.get_by_text("The distance never").is_visible()
    form.get_by_text("Answer").click()
    assert form.get_by_text("The distance never").is_visible()
    assert form.locator("details .right").inner_text().startswith("It goes on.")
    page.get_by_label("It goes on.").press("Enter")
    assert page.url.endswith("chains.html")


@pytest.mark.slow
def test_only_pages_that_need_them_load_scripts(site: Path):
    """Kills: every page of the book paying for one."""
    pages = {name: (site / f"{name}.html").read_text("utf8") for name in ("index", "chains")}
    for file in ("questions.js", "questions.css", "live.css", "stage.js", "mcmc.js"):
        assert file not in pages["index"]
        assert f'"_static/{file}' in pages["chains"]
        assert (site / "_static" / file).is_file()
    assert pages["chains"].index("stage.js") < pages["chains"].index("mcmc.js")


@pytest.mark.slow
def test_a_live_figure_is_numbered_and_runs(page: Page):
    """Kills: a figure that Sphinx does not count, an alt text that is not escaped."""
    assert "Look at Fig. 1.1" in page.inner_text("body")
    assert page.inner_text("figcaption").startswith("Fig. 1.1 It moves, see (1.1).")
    canvas = page.get_by_role("img", name="A walk <on> a banana.")
    assert canvas.is_visible()
    page.get_by_role("button", name="Step", exact=True).click()
    assert page.locator("dd").first.inner_text() == "1"

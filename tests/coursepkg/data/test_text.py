import hashlib
import platform
import re
from pathlib import Path
from pydoc_data.topics import topics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coursepkg.data import text as module
from coursepkg.data.text import (
    TEST_PLAYS,
    VALID_PLAYS,
    Vocabulary,
    load_shakespeare,
    load_text,
    plain_lines,
    read_text,
    shakespeare_folder,
    split_text,
)

HERE = shakespeare_folder().exists()


def paragraphs(text):
    return text.split("\n\n")


def test_no_paragraph_is_in_both_parts_or_twice_in_one():
    """Kills: splitting before removing repeats: 530 paragraphs would leak."""
    text = load_text()
    train, valid = paragraphs(text.train), paragraphs(text.valid)
    both = train + valid
    assert len(set(both)) == len(both)
    repeats = len([p for name in topics for p in topics[name].split("\n\n")]) - len(both)
    assert repeats > 100  # there was something to remove
    assert len(valid) == pytest.approx(0.1 * len(both), abs=1)
    # the sizes that targets are stated for; versions of Python differ by a few per cent
    assert len(text.train) == pytest.approx(336_000, rel=0.1)
    assert len(text.valid) == pytest.approx(37_000, rel=0.2)


def test_nothing_of_the_reference_is_lost():
    """Kills: a set's order, the last paragraphs cut off."""
    text = load_text()
    kept = set(paragraphs(text.train) + paragraphs(text.valid))
    for name, topic in topics.items():
        assert {p.strip("\n") for p in topic.split("\n\n")} - {""} <= kept, name


def test_the_source_can_be_told_apart():
    text = load_text()
    whole = "\n\n".join(topics[name] for name in sorted(topics))
    assert text.sha256 == hashlib.sha256(whole.encode()).hexdigest()
    assert platform.python_version() in text.source


def test_the_first_nine_tenths_train_and_indentation_stays():
    """Kills: the last tenth trained on; stripped indentation; later instead of first repeat."""
    pieces = [f"  {i}\n    code" for i in range(10)]
    text = split_text("\n\n".join([*pieces, pieces[0], pieces[9]]) + "\n\n\n \n", source="here")
    assert paragraphs(text.train) == pieces[:9]
    assert paragraphs(text.valid) == pieces[9:]


def test_blank_lines_with_spaces_in_them_part_paragraphs_too():
    r"""However many. Kills: "b" and " \nb" held for two, one of which tests the other."""
    text = split_text("a\n \nb\n \n\t\nb\n\n \n \nb\n\n  c", source="here")
    assert (text.train, text.valid) == ("a\n\nb", "  c")


def test_a_file_of_the_readers_is_split_alike(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes("één\r\n\r\nzwei\r\n\r\nzwei\r\n".encode())
    text = read_text(path)
    assert (text.train, text.valid) == ("één", "zwei")
    assert text.source == str(path)


def test_a_mark_and_mixed_line_ends_are_mended(tmp_path):
    """Kills: a mark that is a symbol; paragraphs that hang together, or are held twice."""
    path = tmp_path / "mixed.txt"
    path.write_bytes("\ufeffone\r\nline\r\n\r\ntwo\r\rone\nline\n\nthree\ufeff".encode())
    text = read_text(path)
    assert (text.train, text.valid) == ("one\nline\n\ntwo", "three")
    assert plain_lines("\ufeffa\r\nb\rc\n\r\n") == "a\nb\nc\n\n"
    assert split_text("\ufeffa\r\n\r\nb", source="here").train == "a"


@pytest.mark.parametrize("content", [b"", b"one paragraph\nonly", b"same\n\nsame"])
def test_a_file_without_two_paragraphs_is_refused(tmp_path, content):
    path = tmp_path / "short.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="expected two or more different paragraphs"):
        read_text(path)


def test_a_file_that_is_not_text_is_refused_and_named(tmp_path):
    path = tmp_path / "noise.txt"
    path.write_bytes(b"caf\xe9 \n\n x")
    with pytest.raises(ValueError, match=r"noise\.txt: expected UTF-8"):
        read_text(path)


@given(st.text(min_size=1))
def test_decoding_undoes_encoding(text):
    """Kills: two characters with one number."""
    vocabulary = Vocabulary.from_text(text)
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert ids.dtype == torch.int64
    assert sorted(set(ids.tolist())) == list(range(len(vocabulary)))


def test_numbers_follow_the_order_given():
    assert Vocabulary("ba ").encode("ab a").tolist() == [1, 0, 2, 1]
    assert Vocabulary.from_text("banana").characters == "abn"
    assert Vocabulary("ab").decode(torch.tensor([], dtype=torch.int64)) == ""


@pytest.mark.parametrize("ids", [[-1], [0, 3]])
def test_numbers_outside_are_refused(ids):
    """Kills: -1 read as the last character."""
    with pytest.raises(ValueError, match=r"expected 0\.\.2"):
        Vocabulary("abc").decode(torch.tensor(ids))


def test_unknown_characters_are_named():
    with pytest.raises(ValueError, match=r"got \['x', 'y'\] too"):
        Vocabulary("abc").encode("ayxb")


@pytest.mark.parametrize("characters", ["", "aba"])
def test_a_vocabulary_has_each_character_once(characters):
    with pytest.raises(ValueError, match="all different"):
        Vocabulary(characters)


@pytest.mark.skipif(not HERE, reason="needs python -m coursepkg.data.fetch")
def test_shakespeares_plays_are_whole_and_in_one_part_each():
    """Kills: a held-out play that trains too, one lost, marks left, words lost with their marks."""
    text = load_shakespeare()
    assert [len(part) for part in (text.train, text.valid, text.test)] == [
        4_289_790, 362_590, 334_614,
    ]  # fmt: skip
    assert not set(text.valid + text.test) - set(text.train)
    assert not set("*_#\\") & set(text.train)
    files = {path.stem: path.read_text("utf-8") for path in shakespeare_folder().iterdir()}
    others = sorted(set(files) - {*VALID_PLAYS, *TEST_PLAYS})
    for part, names in (
        (text.train, others),
        (text.valid, VALID_PLAYS),
        (text.test, TEST_PLAYS),
    ):
        plays = part.split("\n\n\n")
        assert len(plays) == len(names)
        for play, name in zip(plays, names, strict=True):
            missing = [] if files[name].startswith("# ") else ["Measure", "For", "Measure"]
            assert re.findall(r"[\w']+", play) == missing + re.findall(
                r"[\w']+", re.sub(r"[_*]", "", files[name])
            )


@pytest.fixture
def plays(tmp_path, monkeypatch):
    """Three plays of a few lines, and their checksum as the expected one."""
    files = {
        "all-s-well": "## ACT I\n\n**Old Lord**  \nWell.\n",
        "macbeth": "# Macbeth\n\n## ACT I\n\n### SCENE I. A heath.\n\n_Thunder_\n  \n\n"
        "**First Witch**  \n__\\[Aside]_  \nWhen shall _\\[we]_ three --\n'meet'\\-- \n\n"
        "*Exeunt*\n",
        "richard-ii": "# Richard II\n\n**GAUNT**\nThis **England**",
    }
    for name, play in files.items():
        (tmp_path / f"{name}.md").write_text(play, encoding="utf-8")
    whole = "".join(f"{name}\n{play}" for name, play in files.items())
    monkeypatch.setattr(module, "_PLAYS_SHA256", hashlib.sha256(whole.encode()).hexdigest())
    monkeypatch.setattr(module, "VALID_PLAYS", ("richard-ii",))
    monkeypatch.setattr(module, "TEST_PLAYS", ("macbeth",))
    return tmp_path


def test_a_play_loses_its_marks_and_keeps_its_lines(plays):
    """Kills: a mark left, a line lost, a speaker without a colon, a colon in mid-line, no title."""
    text = load_shakespeare(plays)
    assert text.train == "All S Well\n\nACT I\n\nOld Lord:\nWell."
    assert text.valid == "Richard II\n\nGAUNT:\nThis England"
    assert text.test == (
        "Macbeth\n\nACT I\n\nSCENE I. A heath.\n\nThunder\n\nFirst Witch:\n[Aside]\n"
        "When shall [we] three --\n'meet'--\n\nExeunt"
    )
    assert text.sha256 == module._PLAYS_SHA256


def test_other_plays_are_refused(plays):
    """Kills: no check, a check of the names or of the files alone."""
    (plays / "macbeth.md").rename(plays / "macduff.md")
    with pytest.raises(ValueError, match=r"expected plays with sha256 \w{64}, got \w{64} of 3; r"):
        load_shakespeare(plays)
    (plays / "macduff.md").write_text("# Macduff", encoding="utf-8")
    (plays / "macduff.md").rename(plays / "macbeth.md")
    with pytest.raises(ValueError, match="expected plays with sha256"):
        load_shakespeare(plays)


def test_without_the_plays_the_error_gives_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEPKG_DATA", str(tmp_path))
    assert shakespeare_folder() == tmp_path / "shakespeare"
    with pytest.raises(FileNotFoundError, match=r"online: python -m coursepkg\.data\.fetch"):
        load_shakespeare()
    monkeypatch.delenv("COURSEPKG_DATA")
    assert shakespeare_folder() == Path.home() / ".cache" / "coursepkg" / "shakespeare"

import hashlib
import platform
from pydoc_data.topics import topics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coursepkg.data.text import Vocabulary, load_text, read_text, split_text


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


def test_a_file_of_the_readers_is_split_alike(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes("één\r\n\r\nzwei\r\n\r\nzwei\r\n".encode())
    text = read_text(path)
    assert (text.train, text.valid) == ("één", "zwei")
    assert text.source == str(path)


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

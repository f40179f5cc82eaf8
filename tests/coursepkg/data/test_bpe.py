"""Byte-pair encoding against a loop that counts anew at every merge, and against Hugging Face's."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest
import tokenizers
import torch
from hypothesis import given
from hypothesis import strategies as st

from coursepkg.data.bpe import BYTES, BytePairs, as_bytes, from_bytes, pieces
from coursepkg.data.text import load_text

SAMPLE = (
    "the theatre, then the other thing: those three thieves thought thoroughly.\n\n"
    "aaaa aaa aa a   abab  ababab\tthe  end -- the-end!!! ...\r\nthe\n"
)


def plainly(text, size):
    """The merged strings, in order, by counting all words again each time."""
    alphabet = sorted(set(text))
    words = [list(word) for word in re.findall(r"\s?\w+|\s?[^\w\s]+|\s+", text)]
    tokens = list(alphabet)
    while len(tokens) < size:
        count = Counter(
            (tokens.index(a), tokens.index(b)) for word in words for a, b in pairwise(word)
        )
        if not count:
            break
        most = max(count.values())
        a, b = (tokens[i] for i in min(pair for pair in count if count[pair] == most))
        tokens.append(a + b)
        for word in words:
            n = 0
            while n < len(word) - 1:
                if (word[n], word[n + 1]) == (a, b):
                    word[n : n + 2] = [a + b]
                n += 1
    return tokens, [token for word in words for token in word]


@pytest.mark.equation("bpe-merge")
@pytest.mark.parametrize("size", [25, 30, 45, 80, 500])
def test_merges_are_those_of_a_loop_that_counts_anew(size):
    """Kills: stale counts, the last of equals, overlaps in aaa merged from the right."""
    found = BytePairs.from_text(SAMPLE, size=size)
    tokens, text = plainly(SAMPLE, size)
    assert found.tokens == tokens
    assert len(found) == len(tokens)
    assert [found.tokens[k] for k in found.encode(SAMPLE)] == text
    assert len(tokens) <= size


def test_a_merge_by_hand():
    """(a, b) comes four times; then (" ", ab) and (ab, c) both twice, and " " is before ab."""
    found = BytePairs.from_text("abab abc abc", size=6)
    assert found.tokens == [" ", "a", "b", "c", "ab", " ab"]
    assert found.encode("abcab").tolist() == [4, 3, 4]
    assert found.merges == ((1, 2), (0, 4))


@pytest.mark.parametrize("kind", ["characters", "bytes"])
def test_it_is_hugging_faces(kind):
    """Tokens and merges, in their order, and encodings of unseen text, on 30,000 characters.

    Kills: other ties, a token made of another pair, merges that are applied in another order.
    """
    whole = load_text()
    turn = as_bytes if kind == "bytes" else str
    text, unseen = turn(whole.train[:30_000] + "é — naïve"), turn(whole.valid[:5_000])
    unseen = "".join(c for c in unseen if c in text)
    ours = BytePairs.from_text(text, size=400)
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.Split(
        tokenizers.Regex(r"\s?\w+|\s?[^\w\s]+|\s+"), behavior="isolated"
    )
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=400, show_progress=False)
    theirs.train_from_iterator([text], trainer)
    assert ours.tokens == [theirs.id_to_token(k) for k in range(theirs.get_vocab_size())]
    assert len(ours) == 400
    pairs = json.loads(theirs.to_str())["model"]["merges"]
    assert [[ours.tokens[a], ours.tokens[b]] for a, b in ours.merges] == pairs
    assert ours.encode(unseen).tolist() == theirs.encode(unseen).ids
    assert len(ours.encode(unseen)) < 0.7 * len(unseen), "vacuous"


@given(st.text(alphabet=sorted(set(SAMPLE)), min_size=1))
def test_decoding_undoes_encoding(text):
    """Kills: white space lost between the pieces, tokens that cross them."""
    tokens = BytePairs.from_text(SAMPLE, size=60)
    ids = tokens.encode(text)
    assert tokens.decode(ids) == text
    assert ids.dtype == torch.int64
    assert "".join(pieces(text)) == text


@given(st.text())
def test_bytes_write_any_text(text):
    """A byte-order mark, mixed line ends and any sign go there and back."""
    text = "\ufeff" + text + "\r\n\n\r"
    coded = as_bytes(text)
    assert max(map(ord, coded)) < 256
    assert [ord(c) for c in coded] == list(text.encode())
    assert from_bytes(coded) == text


@given(st.text())
def test_pairs_of_bytes_write_any_text(text):
    """Signs that the tokens have never seen. Kills: the characters of the text for all bytes."""
    tokens = BytePairs.from_text(as_bytes("the naïve theatre"), size=260, vocabulary=BYTES)
    ids = tokens.encode(as_bytes("the " + text))
    assert from_bytes(tokens.decode(ids)) == "the " + text
    assert (len(BYTES), len(tokens)) == (256, 260)
    assert len(ids) < len(as_bytes("the " + text))


def test_bytes_that_are_no_text_show():
    assert from_bytes("a\xc3") == "a�"


def test_no_token_crosses_a_piece():
    """Kills: merging over spaces, "of the" as one token."""
    tokens = BytePairs.from_text("of the of the of the of the", size=50)
    assert all(" " not in token[1:] for token in tokens.tokens)
    assert pieces("of the  end,\n\nno_1!") == ["of", " the", "  ", "end", ",", "\n\n", "no_1", "!"]


def test_what_cannot_be_is_refused():
    tokens = BytePairs.from_text("abab", size=3)
    with pytest.raises(ValueError, match=r"expected the 2 known characters, got \['x'\] too"):
        tokens.encode("abx")
    for ids in ([-1], [0, 3]):
        with pytest.raises(ValueError, match=r"ids: expected 0\.\.2, got"):
            tokens.decode(torch.tensor(ids))
    with pytest.raises(ValueError, match="size: expected 2 characters or more, got 1"):
        BytePairs.from_text("abab", size=1)
    with pytest.raises(ValueError, match="one or more"):
        BytePairs.from_text("", size=4)
    assert tokens.decode(torch.tensor([], dtype=torch.int64)) == ""
    assert tokens.encode("").tolist() == []

"""Copies and sums: their laws by listing all words; words as rows and back."""

import itertools
import math

import pytest
import torch

from coursepkg.data.text import Vocabulary
from coursepkg.data.words import (
    Copying,
    ModularAddition,
    decode_words,
    encode_words,
    markov_words,
)
from tests.statistics import assert_probs


def all_words(alphabet, longest):
    for length in range(longest + 1):
        yield from map("".join, itertools.product(alphabet, repeat=length))


LISTS = {
    "copying": (Copying("ab", 2), list(all_words("ab:", 5)), 4),
    "sums": (ModularAddition(3), list(all_words("012+=", 5)), 9),
}


@pytest.mark.parametrize("name", LISTS)
def test_probabilities_sum_to_one_and_give_the_entropy(name):
    """Over all strings. Kills: wrong words let in, entropy of one half or one term."""
    language, words, count = LISTS[name]
    log_p = language.log_prob(words)
    inside = log_p[log_p.isfinite()]
    assert len(inside) == count
    assert inside.exp().sum().item() == pytest.approx(1)
    assert -(inside.exp() * inside).sum().item() == pytest.approx(language.entropy)


@pytest.mark.parametrize("name", LISTS)
def test_draws_follow_the_law(name, generator):
    """Kills: terms that are always equal, a copy reversed, a sum without its modulus."""
    language, words, _ = LISTS[name]
    inside = [w for w in words if language.log_prob([w]).isfinite()]
    drawn = language.sample(20_000, generator=generator)
    at = torch.tensor([inside.index(word) for word in drawn])
    assert_probs(at, language.log_prob(inside).exp(), detects=0.1)


def test_right_and_wrong_words():
    assert Copying("abc", 2).log_prob(["ca:ca"]).item() == pytest.approx(-2 * math.log(3))
    for word in ("ca:ac", "ca", "c:c", "ca:ca:ca", "cd:cd", "caca"):
        assert Copying("abc", 2).log_prob([word]).item() == -math.inf
    assert ModularAddition(5).log_prob(["3+4=2"]).item() == pytest.approx(-2 * math.log(5))
    for word in ("3+4=7", "3+4=3", "3+4", "5+0=0"):
        assert ModularAddition(5).log_prob([word]).item() == -math.inf


def test_words_of_a_chain(generator):
    """Kills: rows shifted by one, the end lost."""
    moves = torch.tensor([[0.5, 0.3], [0.1, 0.6], [0.4, 0.4]])
    chain = markov_words("ab", moves)
    assert chain.log_prob(["", "aab"]).exp().tolist() == pytest.approx([0.2, 0.5 * 0.1 * 0.6 * 0.2])
    with pytest.raises(ValueError, match=r"moves: expected shape \(3, 2\), got \(2, 2\)"):
        markov_words("ab", moves[:2])


@pytest.mark.parametrize("bad", [-0.3, math.nan])
def test_a_move_that_is_no_probability_is_refused(bad):
    """Kills: an entry that is skipped, whose mass goes to the end."""
    moves = torch.tensor([[0.5, 0.3], [bad, 0.6], [0.4, 0.4]])
    with pytest.raises(ValueError, match=r"in \(0, 1\], got 'a'|finite numbers, got 1"):
        markov_words("ab", moves)


@pytest.mark.parametrize("p", [0.1, 0.4, 0.8, 0.9])
def test_rows_that_sum_to_one_in_single_precision_never_end(p):
    """Kills: a sum of 1.00000003 that is refused, an end of 2e-8."""
    moves = torch.tensor([[p, 1 - p], [0.3, 0.3], [0.3, 0.3]])
    assert markov_words("ab", moves).log_prob([""]).item() == -math.inf


@pytest.mark.parametrize("name", LISTS)
def test_one_string_is_no_list_of_words(name):
    """Kills: letters that are taken for words."""
    with pytest.raises(TypeError, match="expected a list of words, got the single string"):
        LISTS[name][0].log_prob("ab:ab")


def test_words_become_rows_and_come_back():
    """Kills: the end left out or drawn from the alphabet, rows that are too short."""
    known = Vocabulary("ab")
    rows = encode_words(["ab", "", "bba"], known, length=4)
    assert rows.tolist() == [[0, 1, 2, 2], [2, 2, 2, 2], [1, 1, 0, 2]]
    assert decode_words(rows, known) == ["ab", "", "bba"]
    assert decode_words(torch.tensor([[0, 1, 1]]), known) == ["abb"]
    with pytest.raises(ValueError, match=r"known characters, got \['c'\] too"):
        encode_words(["abc"], known, length=5)
    with pytest.raises(ValueError, match=r"at most 2 symbols, so that the end fits.*3, got 3"):
        encode_words(["aba"], known, length=3)
    with pytest.raises(TypeError, match="expected a list of words, got the single string"):
        encode_words("ab", known, length=3)


def test_impossible_languages_are_refused():
    for make, word in (
        (lambda: Copying("ab", 0), "length >= 1"), (lambda: Copying("a:", 2), "without a colon"),
        (lambda: Copying("aa", 2), "all different"), (lambda: ModularAddition(1), "2 to 10, got 1"),
        (lambda: ModularAddition(11), "2 to 10"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=word):
            make()

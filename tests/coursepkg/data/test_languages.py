import itertools
import math

import pytest
import torch

from coursepkg.data.languages import Automaton, Dyck, ab_star, even_a
from tests.statistics import assert_mean, assert_probs

SHORT = Automaton({(0, "a"): (1, 0.3), (0, "b"): (0, 0.1), (1, "a"): (0, 0.2), (1, "b"): (1, 0.1)})


def words(alphabet, longest):
    for length in range(longest + 1):
        yield from map("".join, itertools.product(alphabet, repeat=length))


def inside(word, p):
    """Sum over all derivations from S → ( S ) S | nothing, by trying every split."""
    total = 1 - p if not word else 0.0
    for i in range(1, len(word)):
        if word[0] == "(" and word[i] == ")":
            total += p * inside(word[1:i], p) * inside(word[i + 1 :], p)
    return total


def test_a_words_probability_is_the_product_along_its_walk():
    """Kills: the end forgotten, arrows followed from the start state."""
    log_p = even_a().log_prob(["", "b", "aba", "a", "abc"]).exp()
    torch.testing.assert_close(log_p, torch.tensor([0.2, 0.4 * 0.2, 0.4 * 0.5 * 0.5 * 0.2, 0, 0]))
    log_p = ab_star(0.3).log_prob(["", "abab", "aba", "ba"]).exp()
    torch.testing.assert_close(log_p, torch.tensor([0.7, 0.3**2 * 0.7, 0, 0]))


def test_probabilities_of_an_automaton_sum_to_one_and_give_its_entropy():
    """The tail beyond 14 symbols is below 0.4^15. Kills: visits without the start or transposed."""
    log_p = SHORT.log_prob(list(words("ab", 14)))
    log_p = log_p[log_p.isfinite()]
    assert log_p.exp().sum().item() == pytest.approx(1, abs=2e-6)
    assert SHORT.entropy == pytest.approx(-(log_p.exp() * log_p).sum().item(), abs=5e-5)


def test_entropy_of_ab_star_is_that_of_a_geometric():
    p = 0.3
    expected = -(p * math.log(p) + (1 - p) * math.log(1 - p)) / (1 - p)
    assert ab_star(p).entropy == pytest.approx(expected)


def test_a_word_of_brackets_has_the_sum_over_its_derivations():
    """Kills: n + 1 taken for n, prefixes that dip below zero accepted, open brackets left."""
    for word in words("()", 8):
        found = Dyck(0.3).log_prob([word]).exp().item()
        assert found == pytest.approx(inside(word, 0.3), rel=1e-12), word
    assert Dyck(0.3).log_prob(["(x)"]).item() == -math.inf


def test_entropy_of_dyck_by_counting_words():
    """There are Catalan(n) words of n pairs. Kills: entropy of a rule instead of a word."""
    p, total, mass = 0.2, 0.0, 0.0
    for n in range(120):
        log_p = n * math.log(p) + (n + 1) * math.log(1 - p)
        share = math.comb(2 * n, n) / (n + 1) * math.exp(log_p)
        mass, total = mass + share, total - share * log_p
    assert mass == pytest.approx(1)
    assert Dyck(p).entropy == pytest.approx(total)


LANGUAGES = {"automaton": SHORT, "even a": even_a(), "ab star": ab_star(0.6), "dyck": Dyck(0.3)}
ALPHABETS = {"automaton": "ab", "even a": "ab", "ab star": "ab", "dyck": "()"}


@pytest.mark.parametrize("name", LANGUAGES)
def test_draws_follow_the_law(name, generator):
    """Kills: the end drawn first or never, u not reduced by the arrows passed."""
    language = LANGUAGES[name]
    listed = list(words(ALPHABETS[name], 3))
    probs = language.log_prob(listed).exp()
    probs = torch.cat([probs, 1 - probs.sum().reshape(1)])  # the last: any longer word
    draws = language.sample(20_000, generator=generator)
    index = {word: i for i, word in enumerate(listed)}
    outcomes = torch.tensor([index.get(word, len(listed)) for word in draws])
    assert_probs(outcomes, probs, detects=0.1)


@pytest.mark.parametrize("name", LANGUAGES)
def test_entropy_is_the_mean_surprise_of_draws(name, generator):
    language = LANGUAGES[name]
    surprise = -language.log_prob(language.sample(20_000, generator=generator))
    assert_mean(surprise, language.entropy, detects=0.15 * language.entropy)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Automaton({(0, "a"): (0, 0.7), (0, "b"): (0, 0.4)}),
        lambda: Automaton({(0, "a"): (0, 1.0)}),
        lambda: Automaton({(0, "a"): (1, 0.5), (1, "a"): (1, 0.6), (1, "b"): (1, 0.4)}),
        lambda: Automaton({(0, "ab"): (0, 0.5)}),
        lambda: Automaton({(0, "a"): (0, -0.1)}),
        lambda: Dyck(0.5),
        lambda: Dyck(0.0),
    ],
)
def test_languages_with_no_law_or_no_end_are_refused(make):
    with pytest.raises(ValueError, match="expected"):
        make()


@pytest.mark.parametrize("language", [SHORT, Dyck(0.3)])
def test_a_single_string_is_not_taken_for_its_letters(language):
    with pytest.raises(TypeError, match="expected a list of words"):
        language.log_prob("ab")


def test_probabilities_of_single_precision_may_sum_to_one():
    """0.6 + 0.4 = 1.00000003 in float32. Kills: a sum that is refused, a walk that may end."""
    p, rest = torch.tensor([0.6, 0.4], dtype=torch.float32).tolist()
    law = Automaton({(0, "a"): (1, p), (0, "b"): (1, rest)})
    assert law.stop.tolist() == [0, 1]


def test_a_walk_that_seldom_ends():
    """Of n pairs with p = 1 - 1e-7. Kills: an end of 1e-7 that counts as rounding."""
    law = ab_star(1 - 1e-7)
    assert law.log_prob([""]).item() == pytest.approx(math.log(1e-7), rel=1e-8)
    p, left = 1 - 1e-7, 1 - (1 - 1e-7)
    assert law.entropy == pytest.approx(-math.log(left) - p / left * math.log(p), rel=1e-8)

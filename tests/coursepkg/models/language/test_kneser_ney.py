"""Kneser and Ney's chain against dictionaries and sets, written from the equation."""

from collections import Counter

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.language.kneser_ney import KneserNey, estimated_discounts
from coursepkg.models.language.writing import write
from tests.oracles import states
from tests.statistics import assert_probs

K = 3


def taken_off(table, discount):
    """What is taken off a count, a function of it."""
    m = [sum(c == i for c in table.values()) for i in range(5)]
    if discount is not None or 0 in m[1:]:
        return lambda c: min(c, 1) * (discount or 0.75)
    Y = m[1] / (m[1] + 2 * m[2])
    found = {i: i - (i + 1) * Y * m[i + 1] / m[i] for i in (1, 2, 3)}
    found = {0: 0} | {i: off if off > 0 else 0.75 for i, off in found.items()}
    return lambda c: found[min(c, 3)]


def slowly(texts, order, discount):
    """p(k | context), a function of the last `order` symbols."""
    padded = [[K] * order + list(text) for text in texts]
    grams = [
        [tuple(row[t - n : t + 1]) for row in padded for t in range(order, len(row))]
        for n in range(order + 1)
    ]
    tables = [Counter(grams[order])]
    for n in range(order - 1, -1, -1):  # of lower orders: kinds of longer strings
        tables.insert(0, Counter(longer[1:] for longer in set(grams[n + 1])))

    off = [taken_off(table, discount) for table in tables]

    def p(k, context):
        n = len(context)
        below = p(k, context[1:]) if n else 1 / K
        counts = {gram[-1]: c for gram, c in tables[n].items() if gram[:-1] == context}
        if not counts:
            return below
        taken = sum(off[n](c) for c in counts.values())
        return (counts.get(k, 0) - off[n](counts.get(k, 0)) + taken * below) / sum(counts.values())

    return p


def text(generator, n=240):
    """With long repeats, and a symbol that comes in one context only."""
    y = torch.randint(2, (n,), generator=generator)
    y[10:20], y[40] = y[30:40], 2
    y[100:] = 0  # so that some counts are large
    y[120:240:7] = 1
    return y


@pytest.mark.equation("kneser-ney")
@pytest.mark.parametrize("order", [0, 1, 2, 4])
@pytest.mark.parametrize("discount", [0.3, 0.75, None])
def test_the_law_is_that_of_the_equation(order, discount, generator):
    """After every context.

    Kills: raw counts below, no discount, kinds for counts, a context turned round, unknown ones.
    """
    y = text(generator)
    model = KneserNey(order, symbols=K, discount=discount).fit(y[None])
    p = slowly([y.tolist()], order, discount)
    contexts = states(K, max(order, 1))
    found = model(contexts)[:, -1].exp()
    for context, law in zip(contexts.tolist(), found, strict=True):
        ending = tuple(context)[len(context) - order :]
        assert_close(law, torch.tensor([p(k, ending) for k in range(K)]))
    assert_close(found.sum(-1), torch.ones(len(contexts)))


def test_a_text_is_scored_from_its_start(generator):
    """With "nothing" before it. Kills: a shift by one place, places that know what comes."""
    y, new = text(generator), torch.tensor([0, 1, 1, 2, 0, 0, 1])
    model = KneserNey(3, symbols=K).fit(y[None])
    p = slowly([y.tolist()], 3, None)
    padded = [K] * 3 + new.tolist()
    expected = torch.tensor([p(k, tuple(padded[t : t + 3])) for t, k in enumerate(new.tolist())])
    assert_close(model.log_conditionals(new[None])[0].exp(), expected)
    after = model(new[None])[0]
    assert_close(after[:-1].gather(1, new[1:, None])[:, 0].exp(), expected[1:])


def test_bytes_may_be_bytes(generator):
    """K = 256, whose "nothing" is no uint8. Kills: numbers that overflow."""
    y = torch.randint(256, (1, 300), generator=generator)
    whole, small = (KneserNey(2, symbols=256).fit(part) for part in (y, y.to(torch.uint8)))
    for kind in (y, y.to(torch.uint8), y.int()):
        assert torch.equal(small(kind), whole(y))
        assert torch.equal(small.log_conditionals(kind), whole.log_conditionals(y))


@pytest.mark.parametrize("discount", [0.4, None])
def test_texts_begin_each_for_itself(discount, generator):
    """Twenty, all of which have a beginning: that of a new one is looked up under "nothing".

    Kills: rows read as one, a beginning counted once in the highest order, or not as a kind below.
    """
    y = torch.randint(K, (20, 9), generator=generator)
    y[:12, 0], y[12:18, 0] = 0, 1
    model = KneserNey(2, symbols=K, discount=discount).fit(y)
    p = slowly(y.tolist(), 2, discount)
    for new in (torch.tensor([[0, 1, 2], [2, 2, 1]]), y[:3]):
        expected = [
            [p(k, tuple([K, K, *row][t : t + 2])) for t, k in enumerate(row)]
            for row in new.tolist()
        ]
        assert_close(model.log_conditionals(new).exp(), torch.tensor(expected))
    joined = KneserNey(2, symbols=K, discount=discount).fit(y.view(1, -1))
    first = torch.tensor([[0], [1], [2]])
    assert (model.log_conditionals(first) - joined.log_conditionals(first)).abs().max() > 0.1


def test_by_hand():
    """Abab after a: seen b twice; δ = 3/4: (2 - 3/4) / 2 = 5/8, and 3/8 goes below.

    There a and b each end strings of 2 kinds: "nothing, a" and "ba" for a, but "ab" alone for b.
    """
    model = KneserNey(1, symbols=2, discount=0.75).fit(torch.tensor([[0, 1, 0, 1]]))
    below = torch.tensor([2 - 0.75, 1 - 0.75]) / 3 + 0.75 * 2 / 3 / 2
    expected = torch.tensor([0, 1.25 / 2]) + 0.75 * 1 / 2 * below
    assert_close(model(torch.tensor([[0]]))[0, 0].exp(), expected)


@pytest.mark.equation("discounts")
def test_discounts_by_hand_and_within_their_counts(generator):
    """Y = 8 / (8 + 2 · 4) = 1/2; off 1: 1 - 2/2 · 4/8. Kills: m shifted by one, no bounds."""
    counts = torch.tensor([1] * 8 + [2] * 4 + [3] * 2 + [4] * 2 + [0] * 3 + [9] * 5)
    assert estimated_discounts(counts).tolist() == pytest.approx([0, 0.5, 1.25, 1.0])
    wild = torch.tensor([1] * 9 + [2] + [3] * 9 + [4] * 40)
    assert estimated_discounts(wild)[2:].tolist() == [0.75, 0.75]
    for m in torch.randint(1, 50, (200, 5), generator=generator):
        off = estimated_discounts(torch.arange(1, 6).repeat_interleave(m))[1:]
        assert ((off > 0) & (off < torch.arange(1, 4))).all()
    for few in (torch.tensor([1, 2, 3, 5]), torch.tensor([0, 0])):
        assert estimated_discounts(few).tolist() == [0, 0.75, 0.75, 0.75]


def test_nothing_is_impossible(generator):
    """200 short texts; of such, one in thirteen has a context that would free nothing.

    Kills: a discount of 0, with probability 1 - 2e-7.
    """
    contexts = states(K, 2)
    for y in torch.randint(K, (200, 1, 40), generator=generator):
        assert KneserNey(2, symbols=K).fit(y)(contexts).min() > -20


def test_before_it_has_read_all_is_equally_likely():
    for order in (0, 2):
        law = KneserNey(order, symbols=4)(torch.tensor([[1, 2, 3]])).exp()
        assert_close(law, torch.full((1, 3, 4), 0.25))


def test_it_writes(generator):
    model = KneserNey(1, symbols=K).fit(text(generator)[None])
    y = write(model, torch.zeros(20_000, 1).long(), 1, generator=generator)
    assert_probs(y[:, 1], model(torch.tensor([[0]]))[0, 0].exp(), detects=0.08)


def test_the_callers_text_stays_and_a_second_fit_forgets_the_first(generator):
    y = text(generator)[None]
    before = y.clone()
    model = KneserNey(2, symbols=K).fit(torch.full_like(y, 2)).fit(y)
    assert torch.equal(y, before)
    assert torch.equal(model(y), KneserNey(2, symbols=K).fit(y)(y))


def test_what_cannot_be_is_refused():
    for sizes in ({"order": -1}, {"symbols": 1}, {"discount": 0.0}, {"discount": 1.0}):
        with pytest.raises(ValueError, match="expected order >= 0, symbols >= 2 and a discount"):
            KneserNey(**{"order": 1, "symbols": 3, **sizes})
    model = KneserNey(1, symbols=K)
    for use in (model.fit, model, model.log_conditionals):
        with pytest.raises(ValueError, match=r"levels 0\.\.2"):
            use(torch.tensor([[3]]))
        with pytest.raises(TypeError, match="integer"):
            use(torch.zeros(1, 2))
        for empty in (torch.zeros(1, 0).long(), torch.zeros(0, 3).long(), torch.zeros(3).long()):
            with pytest.raises(
                ValueError, match=r"expected texts \(B, T\) of at least one symbol, got"
            ):
                use(empty)

"""Information against scipy and torch.distributions; the code against all codes and by decoding."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch.distributions import Categorical, kl_divergence

from coursepkg.bayes.information import cross_entropy, entropy, histogram, huffman, kl, kraft_sum


def simplex(generator, *shape):
    """Points drawn uniformly from the simplex, normalised exponentials."""
    u = torch.rand(*shape, generator=generator)
    return torch.softmax((-u.log()).log(), -1)


@pytest.fixture
def p(generator):
    return simplex(generator, 20, 5)


@pytest.fixture
def q(generator):
    return simplex(generator, 20, 5)


def test_entropy_is_scipys(p):
    torch.testing.assert_close(entropy(p), torch.from_numpy(stats.entropy(p.numpy(), axis=1)))


def test_entropy_of_the_uniform_law_is_log_k():
    """Kills: bits (log2) in place of nats."""
    assert entropy(torch.full((17,), 1 / 17)).item() == pytest.approx(math.log(17))


@pytest.mark.equation("kl-cross-entropy")
def test_kl_is_cross_entropy_minus_entropy_and_agrees_with_two_libraries(p, q):
    """Kills: p and q exchanged, or a sign."""
    slow = torch.tensor([
        sum(p_k * math.log(p_k / q_k) for p_k, q_k in zip(row_p, row_q, strict=True))
        for row_p, row_q in zip(p.tolist(), q.tolist(), strict=True)
    ])
    torch.testing.assert_close(kl(p, q), slow)
    torch.testing.assert_close(
        kl(p, q), torch.from_numpy(stats.entropy(p.numpy(), q.numpy(), axis=1))
    )
    torch.testing.assert_close(kl(p, q), kl_divergence(Categorical(p), Categorical(q)))
    torch.testing.assert_close(cross_entropy(p, q), slow + entropy(p))
    assert ((kl(p, q) - kl(q, p)).abs() > 1e-3).any(), "symmetric: these p, q test nothing"


@pytest.mark.equation("gibbs-inequality")
def test_kl_is_positive_where_the_laws_differ(p, q):
    """Zeros on either side, and laws that nearly agree. Kills: an excess over H(q)."""
    sparse_p, sparse_q = (law.where(law > 0.15, 0) for law in (p, q))
    sparse_p, sparse_q = (law / law.sum(1, keepdim=True) for law in (sparse_p, sparse_q))
    for first, second in ((p, q), (sparse_p, q), (p, sparse_q), (sparse_p, sparse_q)):
        assert (kl(first, second) > 0).all()
    assert (kl(p, 0.999 * p + 0.001 * q) > 0).all()


@pytest.mark.equation("gibbs-inequality")
def test_the_lowest_divergence_is_zero_and_only_the_law_itself_has_it(p):
    """A search from afar, over all q of five values, ends at p: also where p has a zero."""
    p = torch.cat([p[:3], torch.tensor([[0.5, 0.0, 0.3, 0.2, 0.0]])])
    u = torch.linspace(-0.9, 1.1, 5).repeat(4, 1).requires_grad_()
    optimizer = torch.optim.LBFGS([u], max_iter=500, tolerance_grad=1e-12, tolerance_change=0,
                                  line_search_fn="strong_wolfe")  # fmt: skip

    def law():
        return u.square() / u.square().sum(1, keepdim=True)

    def descend():
        optimizer.zero_grad()
        total = kl(p, law()).sum()
        total.backward()
        return total

    assert (kl(p, law()) > 0.1).all(), "vacuous: the search starts at its end"
    optimizer.step(descend)
    torch.testing.assert_close(law().detach(), p, atol=1e-6, rtol=0)
    torch.testing.assert_close(kl(p, law()).detach(), torch.zeros(4), atol=1e-10, rtol=0)


def test_zeros_of_p_cost_nothing_and_zeros_of_q_cost_everything():
    """Kills: 0 log 0 = nan; an inf turned into nan."""
    p, q = torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.5, 0.25, 0.25])
    assert kl(p, q).item() == pytest.approx(0.5 * math.log(2))
    assert kl(q, p).item() == math.inf
    assert entropy(torch.tensor([1.0, 0.0])).item() == 0
    assert kl(p, p).item() == 0


def test_other_axes_broadcast(p, q):
    assert kl(p[:, None], q).shape == (20, 20)
    torch.testing.assert_close(kl(p[:, None], q)[3, 7], kl(p[3], q[7]))


@pytest.mark.equation("maximum-likelihood-kl")
def test_mean_negative_log_likelihood_of_any_data_is_entropy_plus_kl(generator):
    """Levels that never occur, one example, a model that rules out what occurred."""
    for n in (1, 2, 7, 100):
        x = torch.randint(1, 5, (n,), generator=generator)
        q = simplex(generator, 30, 6)
        q[-1, x[0]] = 0
        q[-1] /= q[-1].sum()
        p_hat = histogram(x, levels=6)
        mean_nll = -q[:, x].log().mean(1)
        slow = torch.tensor([-sum(math.log(row[i]) for i in x.tolist()) / n for row in q[:-1]])
        torch.testing.assert_close(mean_nll[:-1], slow)
        torch.testing.assert_close(mean_nll, cross_entropy(p_hat, q))
        torch.testing.assert_close(mean_nll, entropy(p_hat) + kl(p_hat, q))
        assert mean_nll[-1] == math.inf


@pytest.mark.equation("maximum-likelihood-kl")
def test_mean_negative_log_likelihood_and_kl_have_one_minimum():
    """A one-parameter family of laws on 0..10 (binomials), and counts that are none of them."""
    x = torch.tensor([1, 1, 2, 2, 2, 3, 7, 8, 8, 10])
    theta = torch.linspace(0.01, 0.99, 99)
    q = torch.from_numpy(stats.binom(10, theta[:, None].numpy()).pmf(range(11)))
    mean_nll = -q[:, x].log().mean(1)
    p_hat = histogram(x, levels=11)
    torch.testing.assert_close(mean_nll, entropy(p_hat) + kl(p_hat, q))
    best = kl(p_hat, q).argmin()
    assert mean_nll.argmin() == best
    assert theta[best].item() == pytest.approx(x.double().mean().item() / 10, abs=0.005)


def test_minimum_of_the_other_kl_is_elsewhere():
    """Kills: KL(q‖p̂) in place of KL(p̂‖q); p has two modes, and the family is narrow."""
    p = torch.from_numpy(0.5 * stats.binom(20, 0.15).pmf(range(21)))
    p = p + torch.from_numpy(0.5 * stats.binom(20, 0.85).pmf(range(21)))
    theta = torch.linspace(0.01, 0.99, 99)
    q = torch.from_numpy(stats.binom(20, theta[:, None].numpy()).pmf(range(21)))
    assert theta[kl(p, q).argmin()].item() == pytest.approx(0.5, abs=0.01)
    assert abs(theta[kl(q, p).argmin()].item() - 0.5) > 0.3


def test_histogram_counts_all_levels_also_those_that_do_not_occur():
    x = torch.tensor([[0, 2], [2, 2]])
    assert histogram(x, levels=4).tolist() == [0.25, 0.0, 0.75, 0.0]


def decode(bits, words):
    """Symbols of a string of bits, by cutting off the one code word with which it begins."""
    symbols = []
    while bits:
        fits = [i for i, word in enumerate(words) if bits.startswith(word)]
        assert len(fits) == 1, f"{len(fits)} code words fit: not a prefix code"
        symbols.append(fits[0])
        bits = bits[len(words[fits[0]]) :]
    return symbols


def mean_length(p, words):
    return sum(p_k * len(word) for p_k, word in zip(p.tolist(), words, strict=True))


def test_huffman_code_can_be_decoded(p, generator):
    words = huffman(p[0])
    symbols = torch.multinomial(p[0], 200, replacement=True, generator=generator).tolist()
    assert decode("".join(words[i] for i in symbols), words) == symbols


@pytest.mark.equation("kraft")
def test_kraft_sum_of_every_binary_code_is_at_most_one_exactly_if_it_can_be_a_prefix_code():
    """All length triples up to 4 bits against a search for three words that no other begins."""
    words = ["".join(bits) for n in range(1, 5) for bits in itertools.product("01", repeat=n)]
    for lengths in itertools.combinations_with_replacement(range(1, 5), 3):
        codes = itertools.product(*[[w for w in words if len(w) == n] for n in lengths])
        exists = any(
            not any(one.startswith(two) for one, two in itertools.permutations(code, 2))
            for code in codes
        )
        assert exists == (kraft_sum(["0" * n for n in lengths]) <= 1)


def test_huffman_leaves_no_bits_unused(p):
    for row in p:
        assert kraft_sum(huffman(row)) == 1


def test_huffman_is_the_shortest_of_all_prefix_codes(p):
    """Kills: joining the most probable groups. All lengths that Kraft allows, five symbols."""
    allowed = [n for n in itertools.product(range(1, 5), repeat=5) if sum(2.0**-i for i in n) <= 1]
    lengths = torch.tensor(allowed).double()
    for row in p:
        assert mean_length(row, huffman(row)) == pytest.approx((lengths @ row).min().item())


@pytest.mark.equation("code-length-bounds")
def test_mean_length_lies_within_one_bit_above_the_entropy(p, generator):
    """Nearly sure laws come near the upper end. Kills: joining the most probable groups."""
    nearly_sure = [torch.tensor([1 - 1e-4, *[1e-4 / K] * K]) for K in (1, 2, 5, 16)]
    for row in [*p, *simplex(generator, 20, 2), *simplex(generator, 20, 40), *nearly_sure]:
        bits = entropy(row).item() / math.log(2)
        assert bits - 1e-12 <= mean_length(row, huffman(row)) < bits + 1
    assert mean_length(nearly_sure[0], huffman(nearly_sure[0])) > 0.99  # and the entropy is 0.001


@pytest.mark.equation("code-length-bounds")
def test_no_prefix_code_is_shorter_than_the_entropy_and_rounded_lengths_are_one(p):
    """All lengths that Kraft allows up to 5 bits, five symbols; and Shannon's, rounded up."""
    lengths = torch.cartesian_prod(*[torch.arange(1, 6)] * 5).double()
    lengths = lengths[(2**-lengths).sum(1) <= 1]
    halves = torch.tensor([0.5, 0.25, 0.125, 0.0625, 0.0625])
    for row in [*p, halves]:
        bits = entropy(row).item() / math.log(2)
        assert (lengths @ row).min() >= bits - 1e-12
        rounded = (-row.log2()).ceil()
        assert (2**-rounded).sum() <= 1
        assert rounded @ row < bits + 1
    assert (lengths @ halves).min().item() == pytest.approx(1.875, abs=1e-12)  # met: the entropy


def test_powers_of_one_half_are_coded_without_loss():
    p = torch.tensor([0.5, 0.125, 0.25, 0.125])
    assert [len(word) for word in huffman(p)] == [1, 3, 2, 3]


@pytest.mark.equation("code-redundancy")
def test_ideal_lengths_of_q_waste_the_kl_of_any_two_laws(p, q):
    """Kills: the divergence the other way round, nats for bits."""
    for row_p, row_q in zip(p, q, strict=True):
        length = sum(-a * math.log2(b) for a, b in zip(row_p.tolist(), row_q.tolist(), strict=True))
        ours = (entropy(row_p) + kl(row_p, row_q)).item() / math.log(2)
        assert length == pytest.approx(ours, rel=1e-12)


@pytest.mark.equation("code-redundancy")
def test_a_code_for_q_wastes_exactly_the_kl_on_draws_from_p():
    """With q made of powers of one half the ideal lengths are whole, and a real code shows it."""
    p, q = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.5, 0.25, 0.125, 0.125])
    waste = mean_length(p, huffman(q)) - entropy(p).item() / math.log(2)
    assert waste == pytest.approx(kl(p, q).item() / math.log(2), rel=1e-12)


def test_symbols_of_probability_zero_still_have_a_word():
    assert all(huffman(torch.tensor([0.5, 0.5, 0.0, 0.0])))


def test_laws_that_nearly_agree_in_single_precision():
    """Against Σ p log(p / q) of the same numbers, summed exactly, and what their sums differ by.

    Kills: a difference of two entropies, which loses all digits and may be negative.
    """
    p = torch.tensor([0.3, 0.7], dtype=torch.float32)
    q = torch.tensor([0.300002, 0.699998], dtype=torch.float32)
    pairs = list(zip(p.tolist(), q.tolist(), strict=True))
    truth = math.fsum(a * math.log(a / b) for a, b in pairs) + math.fsum(b - a for a, b in pairs)
    found = kl(p, q).item()
    assert found == pytest.approx(truth, rel=1e-3, abs=0)
    assert found == pytest.approx(9.5e-12, rel=0.2, abs=0)


def test_float32_in_float32_out():
    assert (
        kl(torch.tensor([0.5, 0.5]).float(), torch.tensor([0.1, 0.9]).float()).dtype
        == torch.float32
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.tensor([0.5, 0.6]), "sum to 1"),
        (torch.tensor([1.5, -0.5]), ">= 0"),
        (torch.tensor([math.nan, 1.0]), ">= 0"),
        (torch.tensor([1, 0]), ">= 0"),
        (torch.tensor(1.0), ">= 0"),
    ],
)
def test_what_is_no_distribution_is_refused(bad, message):
    for f in (entropy, huffman, lambda bad: kl(torch.tensor([0.5, 0.5]), bad)):
        with pytest.raises(ValueError, match=message):
            f(bad)


def test_laws_on_different_sets_are_refused():
    with pytest.raises(ValueError, match=r"one set, got shapes \(2,\), \(4,\)"):
        kl(torch.full((2,), 0.5), torch.full((4,), 0.25))


def test_huffman_needs_two_symbols():
    with pytest.raises(ValueError, match="K >= 2"):
        huffman(torch.tensor([1.0]))


def test_a_certain_outcome_has_no_entropy_and_no_sign():
    """Kills: minus 0."""
    p = torch.tensor([1.0, 0.0])
    assert math.copysign(1, entropy(p).item()) == 1

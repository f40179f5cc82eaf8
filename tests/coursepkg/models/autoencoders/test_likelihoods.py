import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Normal
from torch.testing import assert_close

from coursepkg.models.autoencoders.likelihoods import Categories, Coins, Normals
from coursepkg.rng import seeded
from tests.oracles import state_index, states
from tests.statistics import assert_cdf, assert_probs

D, K = 3, 4


def test_categories_are_the_peers(generator):
    """Kills: logits in the wrong order, a softmax over pixels, a mean over pixels."""
    output = torch.randn(6, D * K, generator=generator)
    x = torch.randint(K, (6, D), generator=generator)
    peer = Categorical(logits=output.view(6, D, K))
    model = Categories(D, K)
    assert_close(model.log_likelihood(x, output), peer.log_prob(x).sum(1))
    assert_close(model.mean(output), (peer.probs * torch.arange(K)).sum(-1))


def test_every_likelihood_of_few_states_sums_to_one(generator):
    """Enumeration. Kills: an unnormalised law."""
    for model, space, width in (
        (Categories(D, K), states(K, D), D * K),
        (Coins(D), states(2, D).double(), D),
    ):
        output = torch.randn(1, width, generator=generator)
        log_p = model.log_likelihood(space, output.expand(len(space), -1))
        assert_close(log_p.exp().sum(), torch.tensor(1.0))
        assert log_p.std() > 0.1, "vacuous"


def test_bits_are_the_peers(generator):
    """Kills: the sign of the odds, probabilities for odds; far odds stay finite."""
    output = torch.randn(6, D, generator=generator)
    x = torch.randint(2, (6, D), generator=generator).double()
    model, peer = Coins(D), Bernoulli(logits=output)
    assert_close(model.log_likelihood(x, output), peer.log_prob(x).sum(1))
    assert_close(model.mean(output), peer.probs)
    far = model.log_likelihood(torch.ones(1, D), torch.full((1, D), -1000.0))
    assert_close(far, torch.tensor([-3000.0]))


def test_normals_are_the_peers(generator):
    """Kills: a variance for a std, a constant counted once an example."""
    x, output = torch.randn(2, 6, D, generator=generator)
    model, peer = Normals(D, 0.3), Normal(output, 0.3)
    assert_close(model.log_likelihood(x, output), peer.log_prob(x).sum(1))
    assert torch.equal(model.mean(output), output)


def test_draws_follow_the_law(generator):
    """Frequencies of all states, and Kolmogorov. Kills: pixels of other examples, a lost std."""
    for model, K_, width, dtype in (
        (Categories(2, 3), 3, 6, torch.int64),
        (Coins(2), 2, 2, torch.float64),
    ):
        output = torch.randn(1, width, generator=generator)
        x = model.draw(output.expand(60_000, -1), generator=seeded(1))
        assert x.dtype == dtype
        space = states(K_, 2)
        p = model.log_likelihood(space.to(dtype), output.expand(len(space), -1)).exp()
        assert_probs(state_index(x.long(), K_), p, detects=0.06)
    x = Normals(1, 0.3).draw(torch.full((40_000, 1), 2.0), generator=generator)
    assert_cdf(x[:, 0], Normal(2.0, 0.3).cdf, detects=0.04)


def test_inputs_are_real_numbers_about_zero():
    """Kills: levels that are not scaled, bits that are."""
    assert_close(
        Categories(2, 17).inputs(torch.tensor([[0, 16], [8, 4]])),
        torch.tensor([[-1.0, 1.0], [0.0, -0.5]]),
    )
    assert_close(Coins(2).inputs(torch.tensor([[0.0, 1.0]])), torch.tensor([[-1.0, 1.0]]))
    x = torch.tensor([[0.3, -7.0]])
    assert torch.equal(Normals(2, 1.0).inputs(x), x)


@pytest.mark.parametrize(
    ("model", "bad"),
    [
        (Categories(2, 3), torch.full((1, 2), 3)),
        (Categories(2, 3), torch.zeros(1, 2)),
        (Coins(2), torch.full((1, 2), 0.5)),
        (Coins(2), torch.zeros(1, 3)),
        (Normals(2, 1.0), torch.tensor([[0.0, torch.nan]])),
        (Normals(2, 1.0), torch.zeros(0, 2)),
    ],
)
def test_what_is_no_x_is_refused(model, bad):
    with pytest.raises((TypeError, ValueError), match=r"x: expected.*got"):
        model.inputs(bad)


def test_impossible_sizes_are_refused():
    for make in (
        lambda: Categories(0, 3), lambda: Categories(2, 1), lambda: Coins(0),
        lambda: Normals(0, 1.0), lambda: Normals(2, 0.0), lambda: Normals(2, -1.0),
        lambda: Normals(2, float("nan")),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"expected.*got"):
            make()


def test_bytes_are_levels_too(generator):
    """Kills: 2 · 200 in eight bits; an index that is no int64."""
    model, x = Categories(D, 256), torch.tensor([[0, 200, 255]])
    output = torch.randn(1, D * 256, generator=generator)
    for levels in (x.to(torch.uint8), x.to(torch.int16)):
        assert_close(model.inputs(levels), model.inputs(x))
        assert_close(model.log_likelihood(levels, output), model.log_likelihood(x, output))


@pytest.mark.parametrize("model", [Coins(D), Normals(D, 1.0)])
def test_a_decoder_of_too_few_outputs_is_refused(model):
    """Kills: one output broadcast to all pixels."""
    with pytest.raises(ValueError, match=r"decoder: expected shape \(2, 3\), got \(2, 1\)"):
        model.log_likelihood(torch.ones(2, D), torch.zeros(2, 1))

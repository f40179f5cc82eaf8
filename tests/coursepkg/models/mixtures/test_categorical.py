import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence
from torch.testing import assert_close

from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.em import em, nearest_seed
from coursepkg.rng import seeded
from tests.oracles import state_index, states
from tests.statistics import assert_probs

M, D, K = 3, 3, 4


@pytest.fixture
def x(generator):
    """Levels of three kinds of examples; level 3 never shows in the last column."""
    kinds = torch.tensor([[0, 0, 0], [3, 3, 2], [0, 3, 1]])
    x = kinds[torch.randint(3, (40,), generator=generator)]
    noise = torch.randint(K, x.shape, generator=generator)
    return torch.where(torch.rand(x.shape, generator=generator) < 0.4, noise, x).clamp(
        max=torch.tensor([3, 3, 2])
    )


def random_model(generator):
    """All tables and weights drawn, so that nothing passes by symmetry."""
    model = CategoricalMixture(M, dim=D, levels=K, generator=generator)
    model.log_levels.copy_(torch.randn(M, D, K, generator=generator).log_softmax(2))
    model.log_weights.copy_(torch.randn(M, generator=generator).log_softmax(0))
    return model


@pytest.mark.equation("categorical-mixture")
def test_log_prob_is_the_sum_over_components_of_products(generator):
    """A slow loop over all states. Kills: a sum for the product, a weight left out."""
    model = random_model(generator)
    weights, tables = model.log_weights.exp().tolist(), model.log_levels.exp().tolist()
    expected = [
        sum(weights[z] * math.prod(tables[z][d][row[d]] for d in range(D)) for z in range(M))
        for row in states(K, D).tolist()
    ]
    assert_close(model.log_prob(states(K, D)).exp(), torch.tensor(expected))
    assert sum(expected) == pytest.approx(1)


def slow_em_step(model, x, share):
    """One step from the formulas, with loops; returns new weights and tables."""
    r = torch.zeros(len(x), M)
    for n in range(len(x)):
        for z in range(M):
            log_p = sum(
                share[n, d, k] * model.log_levels[z, d, k]
                for d in range(D)
                for k in range(K)
                if share[n, d, k] > 0
            )
            r[n, z] = math.exp(model.log_weights[z] + log_p)
        r[n] /= r[n].sum()
    tables = torch.zeros(M, D, K)
    for z in range(M):
        for d in range(D):
            for k in range(K):
                count = sum(r[n, z] * share[n, d, k] for n in range(len(x)))
                total = r[:, z].sum() + model.shrinkage
                tables[z, d, k] = (count + model.shrinkage * model.histogram[d, k]) / total
    return r.mean(0), tables


@pytest.mark.equation("em-e-step")
@pytest.mark.equation("categorical-m-step")
@pytest.mark.parametrize(("width", "shrinkage"), [(0, 0), (0.8, 2.5)])
def test_a_step_is_that_of_the_slow_loop(width, shrinkage, x, generator):
    """Kills: the prior counted per level, counts normalised over pixels, shares left out."""
    model = CategoricalMixture(
        M, dim=D, levels=K, width=width, shrinkage=shrinkage, smoothing=0.5, steps=2,
        generator=generator,
    ).fit(x)  # fmt: skip
    share = model.spread(x)
    for _ in range(2):
        weights, tables = slow_em_step(model, x, share)
        em(model, share, steps=1)
        assert_close(model.log_weights.exp(), weights)
        assert_close(model.log_levels.exp(), tables)


def test_fit_starts_from_the_groups_of_its_seeds_and_climbs(x, generator):
    """Kills: fitting on levels that were not spread, a histogram that is not the data's."""
    model = CategoricalMixture(
        M, dim=D, levels=K, width=0.8, shrinkage=2.5, smoothing=0.5, steps=1, generator=generator
    ).fit(x)
    by_hand = CategoricalMixture(
        M, dim=D, levels=K, width=0.8, shrinkage=2.5, smoothing=0.5, generator=generator
    )
    for d in range(D):
        counts = torch.tensor([float((x[:, d] == k).sum()) + 0.5 for k in range(K)])
        by_hand.histogram[d] = counts / (len(x) + 0.5 * K)
    share = by_hand.spread(x)
    by_hand.m_step(share, nearest_seed(share, M, generator=seeded(model.seed)))
    trace = em(by_hand, share, steps=1)
    assert_close(model.log_levels, by_hand.log_levels)
    assert_close(model.trace, trace)


@pytest.mark.equation("spread-counts")
def test_spread_levels_follow_the_histogram_and_the_distance(x, generator):
    """A slow loop. Kills: normalised over x, another pixel's histogram, width inverted."""
    model = CategoricalMixture(
        M, dim=D, levels=K, width=0.7, smoothing=0.1, steps=1, generator=generator
    ).fit(x)
    share = model.spread(x[:9])
    for n, d in [(n, d) for n in range(9) for d in range(D)]:
        raw = [
            model.histogram[d, k].item() * math.exp(-abs(k - x[n, d].item()) / 0.7)
            for k in range(K)
        ]
        assert_close(share[n, d], torch.tensor(raw) / sum(raw))
    assert (share.argmax(2) != x[:9]).any(), "vacuous: the histogram plays no part"


def test_a_level_that_a_pixel_never_shows_gets_no_share(x, generator):
    model = CategoricalMixture(M, dim=D, levels=K, width=2, steps=1, generator=generator).fit(x)
    assert (model.spread(x)[:, 2, 3] == 0).all()
    assert model.log_prob(torch.tensor([[0, 0, 3]])).item() == -math.inf
    assert model.log_prob(x).isfinite().all()


def test_without_width_a_level_counts_as_itself(x, generator):
    model = CategoricalMixture(M, dim=D, levels=K, generator=generator)
    share = model.spread(x)
    assert_close(share.sum(2), torch.ones(share.shape[:2]))
    assert torch.equal(share.argmax(2), x)
    assert_close(model.log_joint(share), model.log_joint(x))


def test_the_m_step_has_no_slope_left(x, generator):
    """Autograd, on the simplex. Kills: a prior in the M step that is not that of log_prior."""
    model = CategoricalMixture(
        M, dim=D, levels=K, width=0.8, shrinkage=2.5, smoothing=0.5, steps=2, generator=generator
    ).fit(x)
    share = model.spread(x)
    r = torch.rand(len(x), M, generator=generator).softmax(1)
    model.m_step(share, r)
    for shift, steep in [(0.0, False), (0.3, True)]:
        logits = (model.log_levels.detach() + shift * torch.eye(K)[0]).requires_grad_()
        model.log_levels = logits.log_softmax(2)
        value = model.lower_bound(share, r).sum() + model.log_prior()
        (slope,) = torch.autograd.grad(value, logits)
        if steep:
            assert slope.abs().max() > 0.5, "vacuous: no slope anywhere"
        else:
            assert_close(slope, torch.zeros_like(slope), atol=1e-10, rtol=0)


def test_the_prior_is_a_divergence_from_the_histogram(x, generator):
    """Kills: KL the other way round, the entropy left out."""
    model = CategoricalMixture(
        M, dim=D, levels=K, shrinkage=2.5, smoothing=0.5, steps=2, generator=generator
    ).fit(x)
    centre, tables = Categorical(model.histogram), Categorical(model.log_levels.exp())
    assert_close(model.log_prior(), -2.5 * kl_divergence(centre, tables).sum())
    assert model.log_prior() < -1
    assert random_model(generator).log_prior() == 0


def test_the_bound_of_spread_copies_is_below_their_mean_log_likelihood(x, generator):
    """Copies that share one q: enumerated over all K^D copies of each example."""
    model = CategoricalMixture(
        M, dim=D, levels=K, width=0.8, shrinkage=1, smoothing=0.5, steps=5, generator=generator
    ).fit(x)
    share = model.spread(x)
    every = states(K, D)
    chance = torch.stack([share[:, d][:, every[:, d]] for d in range(D)]).prod(0)  # (N, K^D)
    assert_close(chance.sum(1), torch.ones(len(x)))
    mean = chance @ model.log_prob(every)
    bound = model.lower_bound(share, model.e_step(share))
    assert (bound <= mean + 1e-12).all()
    assert (bound < mean - 1e-3).any(), "vacuous: no gap"


def test_one_component_is_the_chain_of_order_zero(x, generator):
    """A closed-form twin: independent counts. Kills: a smoothing that is not the chain's."""
    model = CategoricalMixture(1, dim=D, levels=K, steps=2, generator=generator).fit(x)
    chain = MarkovChain(0, dim=D, levels=K, tied=False, smoothing=0).fit(x)
    assert_close(model.log_prob(states(K, D)), chain.log_prob(states(K, D)))
    model = CategoricalMixture(
        1, dim=D, levels=K, shrinkage=1e9, smoothing=0.3, steps=2, generator=generator
    ).fit(x)
    chain = MarkovChain(0, dim=D, levels=K, tied=False, smoothing=0.3).fit(x)
    assert_close(model.log_prob(x), chain.log_prob(x), atol=1e-6, rtol=0)


def test_samples_follow_the_enumerated_law(generator):
    """Kills: levels of another component, pixels drawn with one level."""
    model = random_model(generator)
    drawn = model.sample(60_000, generator=generator)
    assert_probs(state_index(drawn, K), model.log_prob(states(K, D)).exp(), detects=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dim": 0},
        {"levels": 1},
        {"width": -1.0},
        {"shrinkage": math.inf},
        {"smoothing": math.nan},
    ],
)
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected.*got"):
        CategoricalMixture(2, **({"dim": 2, "levels": 3, "generator": seeded(0)} | wrong))


def test_too_few_examples_change_nothing(x, generator):
    model = CategoricalMixture(M, dim=D, levels=K, generator=generator).fit(x)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="at least 3 examples, got 2"):
        model.fit(x[:2])
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())

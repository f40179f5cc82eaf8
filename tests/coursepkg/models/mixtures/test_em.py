import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from torch.testing import assert_close

from coursepkg.data import toy
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.em import em, hard_em, monte_carlo_em, nearest_seed
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.rng import seeded
from tests.statistics import assert_mean, assert_probs

MODELS = [
    lambda: GaussianMixture(4, dim=2, generator=seeded(0)),
    lambda: GaussianMixture(4, dim=2, floor=0.3, shrinkage=5, generator=seeded(0)),
    lambda: DiagonalGaussianMixture(4, dim=2, floor=0.3, generator=seeded(0)),
    lambda: CategoricalMixture(4, dim=2, levels=9, generator=seeded(0)),
    lambda: CategoricalMixture(
        4, dim=2, levels=9, width=1, shrinkage=2, smoothing=0.5, generator=seeded(0)
    ),
]
EACH = pytest.mark.parametrize("make", MODELS, ids=["full", "shrunk", "diagonal", "counts", "MAP"])


def data(model, n=60):
    """Draws of eight hills, as levels 0..8 where the model wants levels."""
    x = toy.eight_gaussians().sample(n, generator=seeded(1))
    return (x + 4).round().clamp(0, 8).long() if isinstance(model, CategoricalMixture) else x


def started(make, n=60):
    """A model far from any maximum, with a prior from the data, and the x on which EM climbs."""
    model = make()
    x = data(model, n)
    model.steps = 1
    model.fit(x)
    x = model.spread(x) if isinstance(model, CategoricalMixture) else x
    model.m_step(x, (2 * torch.randn(n, 4, generator=seeded(9))).softmax(1))
    return model, x


def blobs(n=8):
    """Points on the line in two groups, two components: small enough to enumerate all q."""
    x = torch.randn(n, 1, generator=seeded(2))
    x[n // 2 :] += 2
    model = DiagonalGaussianMixture(2, dim=1, floor=0.1, steps=1, generator=seeded(0)).fit(x)
    return model, x


@EACH
@pytest.mark.equation("em-e-step")
def test_responsibilities_are_bayes_rule_row_by_row(make):
    """Kills: normalised over examples, the weights p(z) left out."""
    model, x = started(make)
    model.log_weights.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]).log())
    joint, r = model.log_joint(x).exp(), model.e_step(x)
    for n in range(len(x)):
        evidence = sum(joint[n, z].item() for z in range(4))
        assert_close(r[n], torch.stack([joint[n, z] / evidence for z in range(4)]))


@EACH
@pytest.mark.equation("em-bound")
def test_bound_is_log_likelihood_minus_the_divergence_of_q_from_the_posterior(make):
    """Kills: the entropy with the wrong sign or left out, NaN where q is 0."""
    model, x = started(make)
    r = torch.rand(len(x), 4, generator=seeded(3)).softmax(1)
    r[::3] = torch.eye(4)[torch.arange(len(x[::3])) % 4]  # point masses, of which KL is finite
    log_joint = model.log_joint(x)
    posterior = log_joint.softmax(1)
    gap = torch.zeros(len(x))
    for n, z in itertools.product(range(len(x)), range(4)):
        if r[n, z] > 0:
            gap[n] += r[n, z] * math.log(r[n, z] / posterior[n, z])
    assert_close(model.lower_bound(x, r), log_joint.logsumexp(1) - gap)
    assert gap.max() > 0.1, "vacuous: the bound is tight"
    assert_close(model.lower_bound(x, model.e_step(x)), log_joint.logsumexp(1))


@EACH
@pytest.mark.equation("em-ascent")
def test_objective_never_falls_and_is_what_the_parameters_give(make):
    """Kills: a trace from before the step, the prior counted per example, an M step that misses."""
    model, x = started(make)
    before = model.log_joint(x).logsumexp(1).mean() + model.log_prior() / len(x)
    trace = em(model, x, steps=30)
    assert_close(trace[0, 0], before)
    after = model.log_joint(x).logsumexp(1).mean() + model.log_prior() / len(x)
    assert trace[-1, 1] <= after + 1e-12
    assert (trace.flatten().diff() > -1e-12).all()
    assert trace[-1, 1] > trace[0, 0] + 0.01, "vacuous: nothing was climbed"
    model, x = started(make)
    r = model.e_step(x)
    assert_close(em(model, x, steps=1)[0], trace[0])
    bound = model.lower_bound(x, r).mean()  # the same q under the new parameters
    assert_close(trace[0, 1], bound + model.log_prior() / len(x))
    assert bound < model.log_joint(x).logsumexp(1).mean() - 1e-4, "vacuous: no gap"
    r_next = model.e_step(x)
    assert_close(trace[1, 0], model.lower_bound(x, r_next).mean() + model.log_prior() / len(x))


def test_it_may_rest_where_no_maximum_is():
    """Equal components are a stationary point, and a saddle: a push away from it climbs."""
    x = toy.two_gaussians().sample(200, generator=seeded(1))[:, None]
    model = DiagonalGaussianMixture(2, dim=1, generator=seeded(0))
    model.means.fill_(x.mean().item())
    model.variances.fill_(x.var(correction=0).item())
    still = em(model, x, steps=20)
    assert_close(still, still[:1, :1].expand_as(still))
    model.means += torch.tensor([[-0.1], [0.1]])
    assert em(model, x, steps=200)[-1, 1] > still[-1, 1] + 0.05


@pytest.mark.parametrize("seed", range(6))
def test_an_e_step_that_lacks_the_weights_makes_the_likelihood_fall(seed):
    """The bug of exercise ex-02-bug, on its data: up for a step or two, then down."""
    x = torch.tensor(load_breast_cancer().data[:, :1])
    model = GaussianMixture(2, dim=1, steps=1, generator=seeded(seed)).fit(x)
    heights = []
    for _ in range(20):
        heights.append(model.log_prob(x).mean().item())
        model.m_step(x, (model.log_joint(x) - model.log_weights).softmax(1))
    assert 1 <= np.argmax(heights) <= 2
    assert heights[-1] < max(heights) - 1e-4
    assert em(model, x, steps=20)[-1, 1] > max(heights), "vacuous: EM itself is no better"


def test_without_a_prior_the_first_column_is_the_likelihood():
    model, x = started(MODELS[0])
    before = model.log_prob(x).mean()
    assert_close(em(model, x, steps=3)[0, 0], before)


def test_tolerance_ends_the_climb_at_the_first_small_gain():
    """Kills: the gain measured over a half step, or over two."""
    x = toy.two_gaussians().sample(300, generator=seeded(1))[:, None]

    def climb(tolerance):
        model = GaussianMixture(2, dim=1, steps=1, generator=seeded(0)).fit(x)
        return em(model, x, steps=60, tolerance=tolerance)

    trace = climb(0)
    gains = torch.cat([trace[:1, 1] - trace[:1, 0], trace[:, 1].diff()])
    ends = []
    for tolerance in torch.logspace(-2, -5, 13).tolist():
        ends.append(len(climb(tolerance)))
        assert ends[-1] == int((gains < tolerance).nonzero()[0]) + 1
    assert len(set(ends)) >= 5, "vacuous: all end alike"


def test_hard_assignments_are_the_best_point_masses():
    """All 2^8 assignments at the same θ. Kills: argmin, the weights left out."""
    model, x = blobs()
    theta = {name: value.clone() for name, value in model.state_dict().items()}
    every = [
        model.lower_bound(x, torch.eye(2)[list(z)]).mean()
        for z in itertools.product(range(2), repeat=len(x))
    ]
    log_likelihood = model.log_prob(x).mean()
    trace = hard_em(model, x, steps=5)
    assert_close(trace[0, 0], max(every))
    assert trace[0, 0] < log_likelihood
    assert (trace.flatten().diff() > -1e-12).all()
    model.load_state_dict(theta)
    assert hard_em(model, x, steps=1)[0, 1] > trace[0, 0] + 1e-3, "vacuous: nothing to climb"


@pytest.mark.equation("monte-carlo-em")
@pytest.mark.parametrize("draws", [1, 3])
def test_drawn_responsibilities_have_the_posterior_as_mean(draws):
    """New weights are linear in r, so their mean is EM's. Kills: one z for all, one z a draw."""
    model, x = blobs()
    theta = {name: value.clone() for name, value in model.state_dict().items()}
    expected = model.e_step(x).mean(0)[0].item()
    spread = (model.e_step(x) * (1 - model.e_step(x)))[:, 0].sum().item() / draws / len(x) ** 2
    generator, weights = seeded(4), []
    for _ in range(2000):
        model.load_state_dict(theta)
        monte_carlo_em(model, x, steps=1, draws=draws, generator=generator)
        weights.append(model.log_weights[0].exp())
    assert_mean(torch.stack(weights), expected, detects=0.06)
    squares = (torch.stack(weights) - expected).square()
    assert_mean(squares, spread, detects=0.75 * spread)


def test_monte_carlo_trace_ends_at_the_parameters_and_nears_em():
    """With 5,000 draws it is EM to three digits, from means between the groups."""
    (model, x), (exact_model, _) = blobs(200), blobs(200)
    x[100:] += 3
    for start in (model, exact_model):
        start.means.copy_(torch.tensor([[3.0], [2.0]]))
        start.variances.fill_(1)
    trace = monte_carlo_em(model, x, steps=8, draws=5000, generator=seeded(5))
    assert_close(trace[-1], model.log_prob(x).mean())
    exact = em(exact_model, x, steps=9)[1:, 0]
    assert_close(trace, exact, atol=0.01, rtol=0)
    assert exact[-1] > exact[0] + 0.05, "vacuous: nothing was climbed"
    with pytest.raises(ValueError, match=r"draws >= 1, got.*draws=0"):
        monte_carlo_em(model, x, steps=1, draws=0, generator=seeded(0))


@EACH
def test_a_component_that_loses_its_examples_keeps_its_parameters_with_weight_zero(make):
    """Kills: 0 / 0, a component that comes back."""
    model, x = started(make)
    kept = [v[0].clone() for name, v in model.state_dict().items() if len(v) == 4][1:]
    r = model.e_step(x)
    r = torch.cat([torch.zeros(len(x), 1), r[:, 1:] + r[:, :1] / 3], dim=1)
    model.m_step(x, r)
    trace = em(model, x, steps=10)
    assert (trace.flatten().diff() > -1e-12).all()
    assert model.log_weights[0] == -math.inf
    assert_close(model.log_weights.exp().sum(), torch.tensor(1.0))
    now = [v[0] for name, v in model.state_dict().items() if len(v) == 4][1:]
    assert len(kept) >= 1
    assert all(torch.equal(a, b) for a, b in zip(kept, now, strict=True))
    assert not any(v.isnan().any() for v in model.state_dict().values())
    drawn = model.sample(50, generator=seeded(0))
    assert model.log_prob(drawn).isfinite().all()


@EACH
def test_more_components_than_different_examples(make):
    model = make()
    x = data(model)[:1].repeat(10, 1)
    x[5:] = data(model)[1]
    model.fit(x)
    assert model.log_prob(x).isfinite().all()
    assert (model.log_weights > -math.inf).sum() == 2
    with pytest.raises(ValueError, match=r"at least 4 examples, got 3"):
        model.fit(x[:3])


def test_seeds_are_drawn_by_squared_distance():
    """Points 0, 1, 3: the groups {0}, {1, 3} arise from the seeds 0 and 1 alone, in either order.

    Kills: uniform seeds (1/3), distance not squared (0.194), distance to the last seed only.
    """
    x, n = torch.tensor([[0.0], [1.0], [3.0]]), 20_000
    generator = seeded(6)
    split = [
        int(torch.equal(r[1], r[2]))
        for r in (nearest_seed(x, 2, generator=generator) for _ in range(n))
    ]
    alone = (1 / (1 + 9) + 1 / (1 + 4)) / 3
    assert_probs(torch.tensor(split), torch.tensor([1 - alone, alone]), detects=0.1)


def test_each_example_goes_to_its_nearest_seed_and_all_seeds_differ():
    x = torch.randn(40, 3, generator=seeded(7))
    r = nearest_seed(x, 6, generator=seeded(8))
    assert torch.equal(r.sum(1), torch.ones(40))
    assert (r.sum(0) >= 1).all()
    # some member of each group is the seed to which all of the group are nearest
    groups = [r[:, z].nonzero()[:, 0] for z in range(6)]
    assert any(
        torch.equal(torch.cdist(x, x[list(seeds)]).argmin(1), r.argmax(1))
        for seeds in itertools.product(*[g.tolist() for g in groups])
    )
    far = torch.tensor([[0.0], [0.0], [9.0], [9.0], [20.0]])
    for s in range(20):
        assert (nearest_seed(far, 3, generator=seeded(s)).sum(0) >= 1).all()


def test_the_best_of_several_starts_is_kept():
    """Kills: the last start is kept, the trace of another start."""
    x = toy.eight_gaussians().sample(200, generator=seeded(1))
    ends = []
    for restarts in (1, 2, 3, 6):
        model = GaussianMixture(8, dim=2, restarts=restarts, generator=seeded(3)).fit(x)
        r = model.e_step(x)
        assert model.trace[-1, 1] <= model.lower_bound(x, r).mean() + 1e-12
        assert_close(model.trace[-1, 1], model.log_prob(x).mean(), atol=1e-4, rtol=0)
        ends.append(model.trace[-1, 1].item())
    assert ends == sorted(ends)
    assert ends[-1] > ends[0] + 0.01, "vacuous: every start ends alike"


def test_fit_repeats_whatever_was_fitted_before():
    x = toy.eight_gaussians().sample(200, generator=seeded(1))
    model = GaussianMixture(8, dim=2, shrinkage=3, generator=seeded(3)).fit(x)
    first = model.log_prob(x)
    assert torch.equal(model.fit(x[:50] + 1).fit(x).log_prob(x), first)
    other = GaussianMixture(8, dim=2, shrinkage=3, generator=seeded(4)).fit(x)
    assert not torch.equal(other.log_prob(x), first)


def test_an_impossible_example_has_no_posterior():
    model = CategoricalMixture(2, dim=1, levels=3, generator=seeded(0))
    model.fit(torch.tensor([[0], [1]]))
    with pytest.raises(ValueError, match=r"p\(x\) > 0.*got 0 for 1"):
        model.e_step(torch.tensor([[0], [2]]))


@pytest.mark.parametrize(
    "wrong",
    [{"components": 0}, {"steps": 0}, {"restarts": 0}, {"tolerance": -1}, {"tolerance": math.nan}],
)
def test_impossible_settings_are_refused(wrong):
    settings = {"components": 2, "dim": 1, "generator": seeded(0)} | wrong
    with pytest.raises(ValueError, match=r"expected.*got"):
        GaussianMixture(settings.pop("components"), **settings)


def test_impossible_climbs_are_refused():
    model, x = blobs()
    for steps, tolerance in [(0, 0), (3, -1), (3, math.nan)]:
        with pytest.raises(ValueError, match=r"expected.*got"):
            em(model, x, steps=steps, tolerance=tolerance)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_seeds_of_data_in_other_units(scale):
    """The groups of x are those of scale · x. Kills: squares of float32, all 0 or infinite."""
    x = torch.randn(60, 2, generator=seeded(0)).float()
    power = 2.0 ** round(math.log2(scale))
    found = nearest_seed(x * power, 4, generator=seeded(1))
    assert torch.equal(found, nearest_seed(x, 4, generator=seeded(1)))

"""Autoregressive competitors: normalised by enumeration, against scikit-learn, unit by unit."""

import math

import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from torch.testing import assert_close

from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.rng import draw_seed, seeded
from tests.oracles import state_index, states
from tests.statistics import assert_probs

D = 4


@pytest.fixture
def x():
    """Unit 2 is mostly unit 0, unit 3 is off for good."""
    x = torch.randint(2, (60, D), generator=seeded(4)).double()
    x[10:, 2] = x[10:, 0]
    x[:, 3] = 0
    return x


def everything():
    return states(2, D).double()


def trees(**options):
    return TreeAutoregression(dim=D, trees=20, leaf=2, generator=seeded(0), **options)


@pytest.mark.equation("fvbn-logistic")
def test_logistic_log_prob_is_a_product_of_sigmoids(x):
    """A slow loop. Kills: a unit that sees itself or what comes after, W by its other index."""
    model = LogisticAutoregression(dim=D)
    with torch.no_grad():
        model.W.copy_(torch.randn(D, D, generator=seeded(1)))
        model.b.copy_(torch.randn(D, generator=seeded(2)))
    for row, found in zip(x[:9], model.log_prob(x[:9]), strict=True):
        expected = 0.0
        for d in range(D):
            field = (model.b[d] + sum(model.W[e, d] * row[e] for e in range(d))).item()
            expected += math.log(1 / (1 + math.exp(field if row[d] == 0 else -field)))
        assert found.item() == pytest.approx(expected)


@pytest.mark.parametrize("d", [1, 2])
def test_each_unit_is_scikit_learns_logistic_regression(x, d):
    """Kills: a penalty on b, on the mean in place of the sum, too few steps."""
    model = LogisticAutoregression(dim=D, strength=2.0).fit(x)
    peer = LogisticRegression(C=1 / 2.0, tol=1e-10, max_iter=1000)
    peer.fit(x[:, :d].numpy(), x[:, d].numpy())
    assert_close(model.W[:d, d].detach(), torch.from_numpy(peer.coef_[0]), atol=1e-3, rtol=1e-3)
    assert model.b[d].item() == pytest.approx(peer.intercept_[0], abs=1e-3)


def test_fitting_starts_anew(x):
    """Kills: weights of an earlier fit left where they were."""
    once, twice = (LogisticAutoregression(dim=D, strength=2.0) for _ in range(2))
    twice.fit(1 - x)
    assert torch.equal(twice.fit(x).W, once.fit(x).W)


def test_each_unit_is_a_forest_of_scikit_learns():
    """On noise, which trees of other seeds or smaller leaves read otherwise.

    Kills: the share of zeros for that of ones, a unit among its own features, no coin.
    """
    x, d = torch.randint(2, (7, D), generator=seeded(4)).double(), 2
    model = TreeAutoregression(dim=D, trees=101, leaf=2, coin=0.1, generator=seeded(0)).fit(x)
    before = torch.cat([torch.ones(7, 1), x[:, :d]], 1).numpy()
    seed = draw_seed(seeded(0)) + d
    forest = ExtraTreesClassifier(101, min_samples_leaf=2, random_state=seed)
    share = forest.fit(before, x[:, d].numpy()).predict_proba(before)[:, 1]
    on, off = x.clone(), x.clone()
    on[:, d], off[:, d] = 1, 0
    found = mass(model, on, d) / (mass(model, on, d) + mass(model, off, d))
    assert_close(found, 0.9 * torch.from_numpy(share) + 0.05)


def mass(model, x, d):
    """The probability of the units up to d: a sum over all values of the later ones."""
    later = states(2, D - 1 - d).double()
    beside = [torch.cat([x[:, : d + 1], row.expand(len(x), -1)], 1) for row in later]
    return torch.stack([model.log_prob(y) for y in beside]).exp().sum(0)


def test_a_unit_that_is_always_off_keeps_half_the_coin(x):
    """Kills: a class that was never seen, read as the other."""
    model = trees(coin=0.1).fit(x)
    y = x.clone()
    y[:, 3] = 1
    assert_close(model.log_prob(y) - model.log_prob(x), torch.full((60,), math.log(0.05 / 0.95)))


@pytest.mark.parametrize("make", [lambda: LogisticAutoregression(dim=D), trees])
def test_draws_follow_the_law(make, x, generator):
    model = make().fit(x)
    log_p = model.log_prob(everything()).detach()
    assert_close(log_p.exp().sum(), torch.tensor(1.0))
    drawn = model.sample(40_000, generator=generator)
    assert_probs(state_index(drawn.long(), 2), log_p.exp(), detects=0.08)


def test_before_fitting_all_is_a_fair_coin():
    for model in (LogisticAutoregression(dim=D), trees()):
        assert_close(model.log_prob(everything()).detach(), torch.full((16,), -D * math.log(2)))


def test_learned_counts_numbers(x):
    """Kills: the lower half of W counted, trees counted for leaves."""
    logistic = LogisticAutoregression(dim=64)
    assert logistic.learned == 64
    torch.nn.init.ones_(logistic.W)
    assert logistic.learned == 64 * 63 // 2 + 64
    model = trees().fit(x)
    leaves = [t.tree_.children_left for f in model.forests for t in f.estimators_]
    assert model.learned == sum(int((left == -1).sum()) for left in leaves) > 80


def test_impossible_settings_and_data_are_refused(x):
    for call, word in (
        (lambda: LogisticAutoregression(dim=0), "dim >= 1"),
        (lambda: LogisticAutoregression(dim=2, strength=0.0), "strength > 0"),
        (lambda: TreeAutoregression(dim=0, generator=seeded(0)), "dim >= 1"),
        (lambda: TreeAutoregression(dim=2, trees=0, generator=seeded(0)), "trees >= 1"),
        (lambda: TreeAutoregression(dim=2, leaf=0, generator=seeded(0)), "leaf >= 1"),
        (lambda: TreeAutoregression(dim=2, coin=0.0, generator=seeded(0)), "0 < coin"),
        (lambda: TreeAutoregression(dim=2, coin=1.0, generator=seeded(0)), "coin < 1"),
        (lambda: LogisticAutoregression(dim=D).fit(x / 2), "zeros and ones"),
        (lambda: trees().fit(x / 2), "zeros and ones"),
        (lambda: trees().fit(x).log_prob(x[:, 1:]), "shape"),
    ):
        with pytest.raises(ValueError, match=f"expected.*{word}.*got"):
            call()

"""One contract for every model: what a class can do is what it claims, and it never lies."""

import copy
import importlib
import inspect
import io
import math
import pkgutil
from collections.abc import Iterator

import pytest
import torch
from torch import nn

import coursepkg
from coursepkg import protocols, rng
from coursepkg.enumeration import Normalised
from coursepkg.evaluation import nats
from tests.conformance.cases import CASES, ELSEWHERE, Case
from tests.statistics import assert_mean, assert_probs

SAYS = {"log_prob": "=", "elbo": "≤", "free_energy": "≈", "free_energy_bound": "≈"}
CAPABILITIES = ("loss", "fit", "sample", *SAYS)
RANDOM = ("loss", "sample", "elbo", "free_energy_bound")


def exported() -> Iterator[type]:
    """Every public class of the package that has one of the capabilities."""
    for info in pkgutil.walk_packages(coursepkg.__path__, "coursepkg."):
        module = importlib.import_module(info.name)
        for name, thing in vars(module).items():
            if (
                inspect.isclass(thing)
                and thing.__module__ == module.__name__ != protocols.__name__
                and not name.startswith("_")
                and not getattr(thing, "_is_protocol", False)
                and any(hasattr(thing, c) for c in CAPABILITIES)
            ):
                yield thing


def which(*capabilities: str) -> pytest.MarkDecorator:
    """Parametrises over the cases that claim one of the capabilities; there must be some."""
    models = [(c, c.make(rng.seeded(0))) for c in CASES]
    chosen = [c for c, model in models if any(hasattr(model, name) for name in capabilities)]
    return pytest.mark.parametrize("case", chosen, ids=lambda c: c.name)


def says(model, x):
    """What the model says about x: one number an example, a bound drawn from one seed."""
    (name,) = (name for name in SAYS if hasattr(model, name))
    return getattr(model, name)(x, **({"generator": rng.seeded(7)} if name in RANDOM else {}))


def law(model):
    """The model's exact log p, by its own word or by enumeration; none if it has none."""
    if hasattr(model, "log_z") and hasattr(model, "free_energy"):
        return Normalised(model).log_prob
    return getattr(model, "log_prob", None)


def cell(x, space):
    """Row of each x (n, D) in `space` (S, D), (n,) int64."""
    same = (x[:, None] == space).all(-1)
    assert same.any(1).all(), "a draw that is not in the space"
    return same.int().argmax(1)


EVERY = pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
MODULES = which("state_dict")


def eval_model(case: Case, seed: int = 0):
    model = case.make(rng.seeded(seed))
    return model.eval() if isinstance(model, nn.Module) else model


def test_every_exported_model_has_a_case():
    missing = set(exported()) - {type(c.make(rng.seeded(0))) for c in CASES} - set(ELSEWHERE)
    assert not missing, f"add to tests/conformance/cases.py: {missing}"
    assert len(set(exported())) >= 4, "vacuous: discovery found almost nothing"


@EVERY
def test_randomness_is_a_required_keyword(case):
    model = case.make(rng.seeded(0))
    for name in filter(lambda n: hasattr(model, n), RANDOM):
        parameter = inspect.signature(getattr(model, name)).parameters["generator"]
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is parameter.empty


@EVERY
def test_it_says_one_thing_about_x(case):
    """A class with both `log_prob` and `elbo` would be printed with = where ≤ was meant."""
    model = case.make(rng.seeded(0))
    said = [c for c in SAYS if hasattr(model, c)]
    assert len(said) <= 1
    for name in said:
        x = case.data(5, rng.seeded(0))
        score = nats(model, x, generator=rng.seeded(0), draws=2, log_Z=1.0)
        assert score.sign == SAYS[name]


@which("sample")
def test_samples_repeat_with_the_generator_and_change_without(case):
    model = eval_model(case)
    first, again, other = (model.sample(7, generator=rng.seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    like = case.data(7, rng.seeded(0))
    assert (first.shape, first.dtype) == (like.shape, like.dtype)


@which("log_prob", "log_z")
def test_log_prob_sums_to_one(case):
    """Enumeration or quadrature. Kills a lost normaliser, a factor too many, a causality leak."""
    model = eval_model(case)
    log_prob = law(model)
    if log_prob is None:
        pytest.skip("a log Z for a bound")
    if case.space is not None:
        log_p = log_prob(case.space)
        assert log_p.shape == (len(case.space),)
        torch.testing.assert_close(log_p.exp().sum(), torch.tensor(1.0).to(log_p))
        assert log_p.max() - log_p.min() > 0.5, "vacuous: the law is uniform"
    else:
        points, volume = case.grid
        assert (log_prob(points).exp().sum() * volume).item() == pytest.approx(1, abs=2e-3)


@which("elbo")
def test_a_bound_does_not_claim_more_than_all_mass(case):
    """exp of the mean bound is at most p(x). Kills: a volume counted twice, noise of half a bin."""
    model, draws = eval_model(case), 4000
    bound = model.elbo(case.space.repeat(draws, 1), generator=rng.seeded(3))
    mass = bound.view(draws, -1).mean(0).exp().sum()
    assert 0.5 < mass < 1.01


@which("sample")
def test_samples_follow_log_prob(case):
    """Every cell of a small space; the mean of log p of a density, against quadrature."""
    model = eval_model(case)
    log_prob = law(model)
    if log_prob is None:
        pytest.skip("nothing to compare with")
    x = model.sample(100_000, generator=rng.seeded(3))
    if case.space is not None:
        assert_probs(cell(x, case.space), log_prob(case.space).exp().detach(), detects=0.08)
    else:
        points, volume = case.grid
        log_p = log_prob(points)
        expected = torch.special.entr(log_p.exp()).sum() * volume
        draws = -log_prob(x).detach()
        if draws.std() < 1e-9:  # uniform on its support: the mean is exact
            assert draws.mean().item() == pytest.approx(expected.item(), abs=2e-3)
        else:
            assert_mean(draws, expected.item(), detects=0.05)


@which(*SAYS)
def test_bad_input_is_refused_with_expected_and_got(case):
    model = eval_model(case)
    methods = [lambda bad: says(model, bad), *([model.fit] if hasattr(model, "fit") else [])]
    for bad, word in case.refused:
        for method in methods:
            with pytest.raises((ValueError, TypeError), match=r"expected.*got") as caught:
                method(bad)
            assert word in str(caught.value)
    assert case.refused


@which("log_prob", "free_energy")
def test_examples_do_not_see_each_other_and_input_is_not_changed(case):
    model, x = eval_model(case), case.data(6, rng.seeded(2))
    before = x.clone()
    together = says(model, x)
    one_by_one = torch.cat([says(model, x[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(together, one_by_one)
    assert torch.equal(x, before)


@which("loss")
def test_loss_has_one_value_an_example_and_reaches_every_parameter(case):
    """Kills a mean over the batch, a detached part, an unused layer."""
    model, x = case.make(rng.seeded(0)).train(), case.data(64, rng.seeded(1))
    losses = [model.loss(x, generator=rng.seeded(s)) for s in (5, 5)]
    assert losses[0].shape == (64,)
    assert torch.equal(*losses)
    losses[0].mean().backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, f"no gradient reaches {name}"
        assert p.grad.abs().max() > 0, f"no gradient reaches {name}"


@which("loss")
def test_training_lowers_the_loss(case):
    """From a random start, 30 steps on 64 examples of which most are alike."""
    model, x = case.make(rng.seeded(0)), case.data(64, rng.seeded(1))
    x[8:] = x[0]
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    first = None
    for step in range(30):
        loss = model.loss(x, generator=rng.seeded(step)).mean()
        first = loss.item() if first is None else first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < first - 0.5


@which("fit")
def test_fit_raises_the_likelihood_and_keeps_its_input(case):
    model, x = case.make(rng.seeded(0)), case.data(200, rng.seeded(1))
    x[20:] = x[0]
    before, kept = nats(model, x, generator=rng.seeded(0)).value, x.clone()
    model.fit(x)
    assert nats(model, x, generator=rng.seeded(0)).value < before - 0.5
    assert torch.equal(x, kept)


@which("fit")
def test_a_refused_fit_changes_nothing(case):
    model, x = case.make(rng.seeded(0)), case.data(10, rng.seeded(1))
    before = says(model, x)
    for bad, _ in case.refused:
        with pytest.raises((ValueError, TypeError)):
            model.fit(bad)
    assert torch.equal(says(model, x), before)


@MODULES
def test_state_dict_round_trip(case):
    """A model of another seed says the same after loading. Kills: a tensor not registered."""
    model, other = eval_model(case), eval_model(case, seed=1)
    x = case.data(20, rng.seeded(2))
    assert not torch.equal(says(model, x), says(other, x)), "vacuous: equal before"
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(says(model, x), says(other, x))


@EVERY
def test_single_precision_agrees_with_double(case):
    model = eval_model(case)
    x = case.data(20, rng.seeded(2))
    if isinstance(model, nn.Module):
        single = copy.deepcopy(model).float()
        low = says(single, x if not x.is_floating_point() else x.float())
        assert low.dtype == torch.float32
        if hasattr(single, "sample"):
            drawn = single.sample(3, generator=rng.seeded(1))
            assert drawn.shape == x[:3].shape
    else:
        low = says(model, x.float())
    high = says(model, x)
    finite = high.isfinite()
    assert torch.equal(finite, low.isfinite())
    if case.coins:
        return
    torch.testing.assert_close(low[finite].double(), high[finite], rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@MODULES
def test_cuda_agrees_with_cpu(case):
    model, x = eval_model(case), case.data(20, rng.seeded(2))
    on_gpu = copy.deepcopy(model).cuda()
    torch.testing.assert_close(says(on_gpu, x.cuda()).cpu(), says(model, x))
    if hasattr(on_gpu, "sample"):
        assert on_gpu.sample(3, generator=rng.seeded(1, device="cuda")).is_cuda


def test_the_uniform_start_of_a_chain_is_the_known_number():
    """An unfitted chain knows only the number of levels: D log K nats, exactly."""
    from coursepkg.models.autoregressive.markov import MarkovChain

    chain = MarkovChain(1, dim=4, levels=3, smoothing=1.0)
    x = torch.zeros(2, 4, dtype=torch.int64)
    assert nats(chain, x).value == pytest.approx(4 * math.log(3))

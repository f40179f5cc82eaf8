"""One contract for every model: what a class can do is what it claims, and it never lies."""

import copy
import importlib
import inspect
import io
import math
import pkgutil
import re
from collections.abc import Iterator

import pytest
import torch
from torch import nn

import coursepkg
from coursepkg import protocols, rng
from coursepkg.enumeration import Normalised
from coursepkg.evaluation import Given, nats
from tests.conformance.case import Case
from tests.conformance.discovery import CASES, CONDITIONAL, ELSEWHERE, ORDINARY
from tests.statistics import assert_mean, assert_probs

SAYS = {
    "log_prob": "=",
    "elbo": "≤",
    "log_weight": "≤",
    "log_prob_estimate": "≈",
    "free_energy": "≈",
    "unnormalised_log_weight": "≈",
}
PLAYERS = ("critic_loss", "generator_loss")
CAPABILITIES = ("loss", "fit", "sample", "complete", *PLAYERS, *SAYS)
RANDOM = ("loss", "sample", "complete", "elbo", "log_weight", "log_prob_estimate",
          "unnormalised_log_weight", *PLAYERS)  # fmt: skip
GIVEN = ("loss", "sample", "log_prob", "elbo", "log_weight", "log_prob_estimate", *PLAYERS)


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
                and any(promises(thing, c) for c in CAPABILITIES)
            ):
                yield thing


def promises(thing: type, name: str) -> bool:
    """Whether a class has the method, or gives it to some of its instances."""
    made = getattr(thing.__init__, "__code__", None)
    return hasattr(thing, name) or (made is not None and name in made.co_names)


def which(*capabilities: str, speaking: bool = False) -> pytest.MarkDecorator:
    """The cases that claim one of the capabilities (and say something about x), if there are."""
    models = [(c, c.make(rng.seeded(0))) for c in ORDINARY]
    chosen = [
        c for c, model in models
        if any(hasattr(model, name) for name in capabilities)
        and (not speaking or any(hasattr(model, name) for name in SAYS))
    ]  # fmt: skip
    assert chosen
    return pytest.mark.parametrize("case", chosen, ids=lambda c: c.name)


def says(model, x):
    """What the model says about x: one number an example, a bound drawn from one seed."""
    name = next(name for name in SAYS if hasattr(model, name))
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


EVERY = pytest.mark.parametrize("case", ORDINARY, ids=lambda c: c.name)
SPEAKING = which(*SAYS)
MODULES = which("state_dict", speaking=True)
CONDITIONALS = pytest.mark.parametrize("case", CONDITIONAL, ids=lambda c: c.name)
CONDITIONAL_LAWS = pytest.mark.parametrize(
    "case", [c for c in CONDITIONAL if any(hasattr(c.make(rng.seeded(0)), name) for name in SAYS)],
    ids=lambda c: c.name,
)  # fmt: skip
ADVERSARIES = pytest.mark.parametrize(
    "case", [c for c in CASES if hasattr(c.make(rng.seeded(0)), "critic_loss")],
    ids=lambda c: c.name,
)  # fmt: skip


def eval_model(case: Case, seed: int = 0):
    model = case.make(rng.seeded(seed))
    return model.eval() if isinstance(model, nn.Module) else model


def test_every_exported_model_has_a_case():
    made = {type(c.make(rng.seeded(0))) for c in [*CASES, *ORDINARY]}
    found = set(exported())
    missing = found - made - set(ELSEWHERE)
    assert not missing, f"add to a file of tests/conformance/cases: {missing}"
    assert {Given, Normalised} <= found, "vacuous: what instances promise is not seen"


@EVERY
def test_randomness_is_a_required_keyword(case):
    model = case.make(rng.seeded(0))
    for name in filter(lambda n: hasattr(model, n), RANDOM):
        parameter = inspect.signature(getattr(model, name)).parameters["generator"]
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is parameter.empty


@EVERY
def test_it_says_one_thing_about_x(case):
    """A class with both `log_prob` and `elbo` would be printed with = where ≤ was meant.

    A weight and the bound that it is are one thing. Instances are asked as Python 3.12 asks them.
    """
    model = case.make(rng.seeded(0))
    said = [c for c in SAYS if hasattr(model, c)]
    assert len(said) <= 1 or said == ["elbo", "log_weight"]
    for name in said:
        assert inspect.getattr_static(model, name) is not None
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


@which("elbo", "log_weight")
def test_a_bound_does_not_claim_more_than_all_mass(case):
    """exp of the mean bound is at most p(x). Kills: a volume counted twice, noise of half a bin."""
    model, draws = eval_model(case), 2000
    bound = model.elbo if hasattr(model, "elbo") else model.log_weight
    found = bound(case.space.repeat(draws, 1), generator=rng.seeded(3))
    mass = found.view(draws, -1).mean(0).exp().sum()
    assert 0.5 < mass / case.mass(model) < 1.01


@which("log_weight", "unnormalised_log_weight")
def test_the_mean_weights_sum_to_all_mass(case):
    """Σ_x E w(x) = 1, or Z: by enumeration of x. Kills: a mean of logarithms, log R lost."""
    model, draws = eval_model(case), 4000
    weight = getattr(model, "log_weight", None) or model.unnormalised_log_weight
    log_w = weight(case.space.repeat(draws, 1), generator=rng.seeded(3)).detach()
    total = log_w.view(draws, -1).logsumexp(1) - log_z(model)
    assert_mean(total.exp(), case.mass(model), detects=0.2)
    assert total.std() > 1e-3, "vacuous: the weights do not vary"


def log_z(model):
    """The exact log Z of what is drawn up to a constant; 0 of what is normalised."""
    if hasattr(model, "log_weight"):
        return 0.0
    return (model if hasattr(model, "log_z") else model.model).log_z().detach()


@which("log_prob_estimate")
def test_estimates_of_log_prob_are_unbiased(case):
    """exp of their means sums to one. Kills: the log of an unbiased estimate of p, which is low."""
    model = eval_model(case)
    # five errors of 1/√10,000 in each of few states, or in the sum over many cells
    draws, (points, volume) = (20, case.grid) if case.space is None else (10_000, (case.space, 1))
    log_p = model.log_prob_estimate(points.repeat(draws, 1), generator=rng.seeded(3))
    means = log_p.detach().view(draws, -1).mean(0)
    assert means.exp().sum().item() * volume == pytest.approx(1, abs=0.05)


@which("encode")
def test_a_transform_is_undone_and_its_log_det_is_the_jacobians(case):
    """Autograd, row by row. Kills: the sign of the determinant, an inverse of another map."""
    model, x = eval_model(case), case.data(5, rng.seeded(1))
    z, log_det = model.encode(x)
    torch.testing.assert_close(model.decode(z).detach(), x)
    torch.testing.assert_close(model.encode(model.decode(z))[0], z)
    for n in range(5):
        jacobian = torch.autograd.functional.jacobian(lambda y: model.encode(y)[0][0], x[n, None])
        found = torch.linalg.slogdet(jacobian[:, 0]).logabsdet
        torch.testing.assert_close(log_det[n].detach(), found)
    assert log_det.abs().max() > 0.1, "vacuous: no volume"


@which("complete")
def test_what_is_known_is_kept_and_the_rest_follows_the_law_given_it(case):
    """Against enumeration. A model that completes beginnings only refuses other masks, and says so.

    Kills: the mask upside down, missing entries drawn one by one, or from the law without x.
    """
    model, size = eval_model(case), 40_000
    log_p, space, x = law(model)(case.space).detach(), case.space, case.data(1, rng.seeded(2))[0]
    d = torch.arange(len(x))
    for known in (d < 2, d % 2 == 1, d < 0):
        many = x.expand(size, -1).clone()
        drawn = completed(model, many, known)
        if drawn is None:
            assert not torch.equal(known, d < known.sum()), "a beginning was refused"
            continue
        assert torch.equal(drawn[:, known], many[:, known])
        assert torch.equal(many, x.expand(size, -1)), "the caller's tensor was changed"
        agrees = (space[:, known] == x[known]).all(1)
        p = (log_p.exp() * agrees) / log_p.exp()[agrees].sum()
        assert_probs(cell(drawn, space), p, detects=0.12)
    each = torch.stack([d < 2, d < 1])
    drawn = model.complete(x.expand(2, -1).clone(), each, generator=rng.seeded(3))
    assert torch.equal(drawn[each], x.expand(2, -1)[each])
    for bad, word in ((torch.ones(len(x)), "bool"), (torch.ones(len(x) + 1).bool(), "shape")):
        with pytest.raises((ValueError, TypeError), match=rf"known: expected.*{word}.*got"):
            model.complete(x[None], bad, generator=rng.seeded(3))


def completed(model, x, known):
    """What the model makes of it; none if it says that it wants a beginning."""
    try:
        return model.complete(x, known, generator=rng.seeded(3))
    except ValueError as error:
        if "known: expected a beginning" not in str(error):
            raise
        return None


@EVERY
def test_an_unconditional_model_does_not_know_the_word(case):
    model = case.make(rng.seeded(0))
    for name in filter(lambda n: hasattr(model, n), (*GIVEN, "free_energy", "fit")):
        assert "condition" not in inspect.signature(getattr(model, name)).parameters


@CONDITIONALS
def test_a_condition_is_a_required_keyword(case):
    model = case.make(rng.seeded(0))
    said = [name for name in GIVEN if hasattr(model, name)]
    assert said
    for name in said:
        parameter = inspect.signature(getattr(model, name)).parameters["condition"]
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is parameter.empty


@CONDITIONAL_LAWS
def test_every_example_has_its_own_condition(case):
    """`nats` and the loss, row by row, against the law given each row. Kills: one c for all."""
    model, x = case.make(rng.seeded(0)), case.data(8, rng.seeded(1))
    c = case.condition(8, rng.seeded(2))
    assert len(c.unique(dim=0)) > 1, "vacuous: one condition"
    score = nats(model, x, condition=c, generator=rng.seeded(3), batch_size=3)
    alone = [nats(Given(model, c[n]), x[n, None], generator=rng.seeded(3)) for n in range(8)]
    assert {score.sign} == {one.sign for one in alone}
    if score.sign == "=":
        assert score.value == pytest.approx(sum(one.value for one in alone) / 8)
    with pytest.raises(TypeError, match="condition: expected one"):
        nats(model, x, generator=rng.seeded(3))
    if hasattr(model, "loss"):
        loss = model.loss(x, condition=c, generator=rng.seeded(4))
        moved = model.loss(x, condition=c.roll(1, 0), generator=rng.seeded(4))
        same = (c == c.roll(1, 0)).view(len(c), -1).all(1)
        assert loss.shape == (8,)
        assert torch.equal(loss == moved, same)


@CONDITIONALS
def test_draws_follow_the_condition_of_their_row(case):
    """Two conditions in turn: the rows of each are as if drawn alone, by their means."""
    model, n = case.make(rng.seeded(0)), 4000
    c = case.condition(40, rng.seeded(2))
    pair = torch.stack([c[0], c[(c != c[0]).view(len(c), -1).any(1)][0]])
    drawn = model.sample(2 * n, condition=torch.cat([pair] * n), generator=rng.seeded(3)).double()
    assert (drawn[0::2].mean(0) - drawn[1::2].mean(0)).abs().max() > 0.3, "vacuous: they agree"
    for i in range(2):
        alone = Given(model, pair[i]).sample(n, generator=rng.seeded(5)).double()
        error = (drawn[i::2].var(0) + alone.var(0)).div(n).sqrt()
        assert ((drawn[i::2].mean(0) - alone.mean(0)).abs() < 5.5 * error).all()


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


@SPEAKING
def test_bad_input_is_refused_with_expected_and_got(case):
    model = eval_model(case)
    methods = [lambda bad: says(model, bad), *([model.fit] if hasattr(model, "fit") else [])]
    for bad, word in case.refused:
        for method in methods:
            with pytest.raises((ValueError, TypeError), match=r"expected.*got") as caught:
                method(bad)
            assert word in str(caught.value)
    assert case.refused


def ours(model):
    """Whether every part of it is of the package, and none a toy of the tests."""
    parts = [model, *(model.modules() if isinstance(model, nn.Module) else ())]
    return all(not type(part).__module__.startswith("tests.conformance.toys") for part in parts)


def refusal(error=(TypeError, ValueError)):
    return pytest.raises(error, match=r"^[\w, ]+: expected.*got")


@EVERY
def test_misuse_is_refused_with_expected_and_got(case):
    """Arrays, lists, no draws, half a draw, no generator. Kills: any check of `sample` left out.

    Numbers of another precision are refused or answered, and never torch's to refuse.
    """
    model, x = eval_model(case), case.data(4, rng.seeded(1))
    if not ours(model):
        pytest.skip("a toy")
    if hasattr(model, "sample"):
        for n in (0, -1, 2.5, True, None):
            with refusal():
                model.sample(n, generator=rng.seeded(0))
        for generator in (0, None):
            with refusal(TypeError):
                model.sample(3, generator=generator)
    for name in filter(lambda n: hasattr(model, n), ("loss", "fit", *SAYS, *PLAYERS)):
        method = getattr(model, name)
        drawn = {"generator": rng.seeded(7)} if name in RANDOM else {}
        for bad in (x.numpy(), x.tolist(), None):
            with refusal(TypeError):
                method(bad, **drawn)
        if x.is_floating_point() and isinstance(model, nn.Module):
            try:
                method(x.float(), **drawn)
            except TypeError as error:
                said = str(error)
            else:
                said = "x: expected torch.float64 as the model has, got it"
            assert re.match(r"\w+: expected torch.float64 as the model has, got", said)


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


@ADVERSARIES
def test_two_players_have_a_value_an_example_and_each_its_own_parameters(case):
    """And no word about x. Kills: a mean over the batch, a player whose loss moves nothing."""
    model, x = case.make(rng.seeded(0)).train(), case.data(32, rng.seeded(1))
    c = {} if case.condition is None else {"condition": case.condition(32, rng.seeded(2))}
    for player, name in ((model.critic, "critic_loss"), (model.net, "generator_loss")):
        losses = [getattr(model, name)(x, **c, generator=rng.seeded(5)) for _ in range(2)]
        assert losses[0].shape == (32,)
        assert torch.equal(*losses)
        model.zero_grad(set_to_none=True)
        losses[0].mean().backward()
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in player.parameters())
    assert not any(hasattr(model, name) for name in ("loss", "fit", *SAYS))
    with pytest.raises(TypeError, match="judge its samples"):
        nats(model, x, generator=rng.seeded(0))


@ADVERSARIES
def test_two_players_round_trip_through_a_state_dict(case):
    """Kills: a tensor not registered."""
    model, other = eval_model(case), eval_model(case, seed=1)
    c = {} if case.condition is None else {"condition": case.condition(5, rng.seeded(2))}
    drawn = [m.sample(5, **c, generator=rng.seeded(3)) for m in (model, other)]
    assert not torch.equal(*drawn), "vacuous: equal before"
    other.load_state_dict(model.state_dict())
    assert torch.equal(drawn[0], other.sample(5, **c, generator=rng.seeded(3)))
    single = copy.deepcopy(model).float().sample(5, **c, generator=rng.seeded(3))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), drawn[0], rtol=1e-4, atol=1e-4)


@which("fit", speaking=True)
def test_fit_raises_the_likelihood_and_keeps_its_input(case):
    model, x = case.make(rng.seeded(0)), case.data(200, rng.seeded(1))
    x[20:] = x[0]
    before, kept = nats(model, x, generator=rng.seeded(0)).value, x.clone()
    model.fit(x)
    assert nats(model, x, generator=rng.seeded(0)).value < before - 0.5
    assert torch.equal(x, kept)


@which("fit", speaking=True)
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


@SPEAKING
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

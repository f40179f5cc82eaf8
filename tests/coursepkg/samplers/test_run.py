import math

import pytest
import torch

from coursepkg.data.toy import Banana
from coursepkg.samplers.gibbs import GaussianConditional, RandomScanGibbs, SystematicGibbs
from coursepkg.samplers.run import accept, evaluate, evaluate_with_score, run
from tests.coursepkg.samplers.kernels import ADJUSTED, MAKERS, WITH_SCORE, WITH_STEP_SIZE
from tests.statistics import assert_mean


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def normal(x):
    return -x.square().sum(1) / 2


def every_kernel():
    conditional = GaussianConditional(torch.zeros(2), torch.tensor([[1.0, 0.5], [0.5, 1.0]]))
    kernels = {name: make(Banana().log_prob) for name, make in MAKERS.items()}
    return kernels | {"Gibbs": SystematicGibbs(conditional), "scan": RandomScanGibbs(conditional)}


START = torch.tensor([[0.5, -1.0], [1.0, 0.0], [-2.0, 1.0]])


# the loop


@pytest.mark.parametrize("kernel", every_kernel().values(), ids=every_kernel())
def test_run_is_the_loop_written_out(kernel):
    """Kills: a draw too early, burn-in that counts, the first of each `thin` for the last."""
    draws = run(kernel, START, steps=12, burn_in=5, thin=3, generator=seeded(1))
    generator, state, path, infos = seeded(1), kernel.init(START), [], []
    for _ in range(17):
        state, info = kernel.step(state, generator=generator)
        path.append(state.x)
        infos.append(info)
    assert torch.equal(draws.x, torch.stack(path[7::3]))
    assert draws.x.shape == (4, 3, 2)
    assert type(draws.info) is type(infos[0])
    for name, field in draws.info._asdict().items():
        expected = torch.stack([getattr(info, name) for info in infos[5:]])
        assert torch.equal(field, expected), name


@pytest.mark.parametrize("kernel", every_kernel().values(), ids=every_kernel())
def test_nothing_that_is_given_is_changed(kernel):
    """Kills: a state updated in place, a start that is not copied."""
    x = START.clone()
    first = kernel.init(x)
    before = [field.clone() for field in first]
    kernel.step(first, generator=seeded(2))
    assert all(torch.equal(a, b) for a, b in zip(first, before, strict=True))
    x.fill_(9)
    assert torch.equal(first.x, START)


@pytest.mark.parametrize("kernel", every_kernel().values(), ids=every_kernel())
def test_chains_start_where_they_are_told_and_do_not_share_their_noise(kernel):
    """Kills: one noise for all chains."""
    together = run(kernel, START[:1].expand(50, -1), steps=5, generator=seeded(3)).x[-1]
    assert len(together[:, 0].unique()) > 25


@pytest.mark.parametrize("name", MAKERS)
def test_a_state_is_never_stale(name):
    """Density and score of a state are those of its x. Kills: a field that stays behind."""
    kernel = MAKERS[name](Banana().log_prob)
    state, generator, moves = kernel.init(START), seeded(4), 0
    for _ in range(20):
        state, info = kernel.step(state, generator=generator)
        moves += int(info.moved.sum())
        for mine, fresh in zip(state, kernel.init(state.x), strict=True):
            torch.testing.assert_close(mine, fresh)
    assert moves > 0


@pytest.mark.parametrize(
    "counts",
    [{"steps": 0}, {"steps": 5, "burn_in": -1}, {"steps": 4, "thin": 0}, {"steps": 5, "thin": 2}],
)
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="expected steps >= 1"):
        run(MAKERS["RandomWalk"](normal), START, generator=seeded(0), **counts)


# the test of Metropolis


@pytest.mark.equation("metropolis-ratio")
@pytest.mark.parametrize("ratio", [0.2, 0.7])
def test_a_proposal_is_accepted_with_the_smaller_of_one_and_the_ratio(ratio, generator):
    """Kills: u in place of log u, > for <."""
    info = accept(torch.full((100_000,), math.log(ratio)), generator=generator)
    assert_mean(info.moved.double(), ratio, detects=0.02)
    assert not info.invalid.any()


@pytest.mark.equation("metropolis-ratio")
def test_what_is_no_less_probable_is_always_accepted(generator):
    assert accept(torch.tensor([0.0, 0.5, 90.0]).repeat(1000), generator=generator).moved.all()


def test_broken_ratios_are_refused_and_seen(generator):
    """Kills: NaN or +inf accepted, -inf called broken."""
    info = accept(torch.tensor([math.nan, math.inf, -math.inf, 50.0]), generator=generator)
    assert info.moved.tolist() == [False, False, False, True]
    assert info.invalid.tolist() == [True, True, False, False]


def test_a_hopeless_proposal_is_refused_in_single_precision_too(generator):
    """A uniform in float32 is 0 once in 2^24, and log 0 is below anything.

    Too rare to wait for: a twin generator tells which numbers were used. Kills: u in float32.
    """
    twin = torch.Generator()
    twin.set_state(generator.get_state())
    log_ratio = torch.linspace(-5, 0, 1000, dtype=torch.float32)
    u = torch.rand(1000, generator=twin, dtype=torch.float64)
    assert torch.equal(accept(log_ratio, generator=generator).moved, u.log() < log_ratio)


# targets that cannot be evaluated


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_start_without_a_finite_density_is_refused_by_the_number_of_its_chain(name, value):
    """Kills: NaN, inf or -inf let in at the start."""
    broken = MAKERS[name](lambda x: torch.where(x[:, 0] > 0.8, value, normal(x)))
    with pytest.raises(
        ValueError, match=r"finite log_density, got .* in chains \[1\] \(1 in all\)"
    ):
        broken.init(START)
    broken.init(START[[0, 2]])


@pytest.mark.parametrize("name", ADJUSTED)
@pytest.mark.parametrize(
    ("value", "is_invalid"), [(math.nan, True), (math.inf, True), (-math.inf, False)]
)
def test_a_proposal_without_a_density_is_refused_and_told_from_one_outside(name, value, is_invalid):
    """Kills: NaN accepted, NaN not counted, outside the support counted as broken."""
    seen = []

    def halved(x):
        seen.append(bool((x[:, 0] > 1.2).any()))
        return torch.where(x[:, 0] > 1.2, value, normal(x))

    draws = run(MAKERS[name](halved), START, steps=100, generator=seeded(5))
    assert any(seen), "nobody asked"
    assert (draws.x[..., 0] <= 1.2).all()
    assert draws.info.invalid.any().item() is is_invalid
    assert draws.info.moved.any()
    assert not (draws.info.moved & draws.info.invalid).any()


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_unadjusted_langevin_does_not_leave_the_support(value):
    """Kills: a chain that stands where there is no score."""
    kernel = MAKERS["UnadjustedLangevin"](lambda x: torch.where(x[:, 0] > 1.2, value, normal(x)))
    draws = run(kernel, START, steps=100, generator=seeded(5))
    assert (draws.x[..., 0] <= 1.2).all()
    assert torch.equal(draws.info.invalid, ~draws.info.moved & math.isnan(value))
    assert not draws.info.moved.all()


@pytest.mark.parametrize("name", WITH_STEP_SIZE)
def test_a_step_to_infinity_is_refused_by_targets_that_check_their_input(name):
    """`Banana` raises for x = inf. Kills: x shown to the target as it is."""
    draws = run(MAKERS[name](Banana().log_prob, 1e200), START, steps=3, generator=seeded(6))
    assert torch.equal(draws.x, START.expand(3, 3, 2))
    assert not draws.info.moved.any()


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    "wrong", [lambda x: x, lambda x: normal(x)[:, None], lambda x: normal(x).sum(),
              lambda x: normal(x)[1:]],
)  # fmt: skip
def test_a_density_of_the_wrong_shape_is_refused(name, wrong):
    with pytest.raises(ValueError, match=r"log_density: expected shape \(3,\)"):
        MAKERS[name](wrong).init(START)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("wrong", [lambda x: 1.0, lambda x: normal(x).long()])
def test_a_density_that_is_no_real_tensor_is_refused(name, wrong):
    with pytest.raises(TypeError, match="log_density: expected a floating-point tensor"):
        MAKERS[name](wrong).init(START)


@pytest.mark.parametrize("name", WITH_SCORE)
@pytest.mark.parametrize(
    "flat",
    [lambda x: torch.zeros(len(x)), lambda x: normal(x.detach()),
     lambda x: torch.zeros(len(x), requires_grad=True) + 1],
)  # fmt: skip
def test_a_density_without_a_gradient_is_refused(name, flat):
    """Kills: a score of 0 for a target that was detached by mistake."""
    with pytest.raises(ValueError, match="gradient in x"):
        MAKERS[name](flat).init(START)


@pytest.mark.parametrize("name", WITH_SCORE)
def test_a_start_without_a_score_is_refused(name):
    """√ has a value and no slope at 0."""
    with pytest.raises(ValueError, match="finite score"):
        MAKERS[name](lambda x: -x.abs().sqrt().sum(1)).init(torch.zeros(2, 2))


@pytest.mark.parametrize("name", MAKERS)
def test_a_constant_with_a_gradient_is_a_target_that_accepts_everything(name):
    kernel = MAKERS[name](lambda x: 0 * x.sum(1))
    if name != "MetropolisHastings":
        assert run(kernel, START, steps=5, generator=seeded(7)).info.moved.all()


@pytest.mark.parametrize("name", WITH_STEP_SIZE)
@pytest.mark.parametrize("step_size", [0.0, -0.1, math.nan, math.inf])
def test_a_step_size_that_is_none_is_refused(name, step_size):
    with pytest.raises(ValueError, match="step_size: expected a finite number > 0"):
        MAKERS[name](normal, step_size)


@pytest.mark.parametrize("kernel", every_kernel().values(), ids=every_kernel())
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 0), (1, 2, 3)])
def test_a_start_of_another_shape_is_refused(kernel, shape):
    with pytest.raises(ValueError, match=r"expected shape \(C, D\)"):
        kernel.init(torch.zeros(shape))


@pytest.mark.parametrize("kernel", every_kernel().values(), ids=every_kernel())
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_start_that_is_not_finite_is_refused(kernel, value):
    with pytest.raises(ValueError, match="finite"):
        kernel.init(torch.tensor([[0.0, 0.0], [value, 0.0]]))


@pytest.mark.parametrize("name", WITH_STEP_SIZE)
def test_integers_have_no_neighbourhood(name):
    with pytest.raises(TypeError, match="floating-point"):
        MAKERS[name](normal).init(torch.zeros(2, 2, dtype=torch.int64))


# evaluation


def test_the_score_is_the_gradient_and_leaves_no_graph():
    """Kills: a score of the sum's other sign, a state that drags its graph along."""
    law = Banana(bend=0.7, width=1.3)
    state = evaluate_with_score(law.log_prob, START)
    h = 1e-6
    for d in range(2):
        step = h * torch.eye(2)[d]
        slope = (law.log_prob(START + step) - law.log_prob(START - step)) / (2 * h)
        torch.testing.assert_close(state.score[:, d], slope, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(state.log_density, law.log_prob(START))
    assert not any(field.requires_grad for field in state)


def test_parameters_of_a_target_get_no_gradient_and_no_graph():
    """A network's density can be sampled while it is trained. Kills: a graph over all steps."""
    weight = torch.tensor(2.0, requires_grad=True)
    state = evaluate(lambda x: -weight * x.square().sum(1), START)
    assert not state.log_density.requires_grad
    state = evaluate_with_score(lambda x: -weight * x.square().sum(1), START)
    assert not state.log_density.requires_grad
    torch.testing.assert_close(state.score, -4 * START)
    assert weight.grad is None


@pytest.mark.parametrize("name", WITH_SCORE)
def test_scores_are_found_where_gradients_are_switched_off(name):
    with torch.no_grad():
        draws = run(MAKERS[name](normal), START, steps=2, generator=seeded(8))
    assert not draws.x.requires_grad


def test_where_the_density_is_zero_the_score_is_zero_and_where_it_is_unknown_unknown():
    """Kills: a NaN score that makes a plain rejection look broken."""
    x = torch.tensor([[4.0], [-4.0], [math.inf]])
    state = evaluate_with_score(lambda x: x[:, 0].log(), x)
    torch.testing.assert_close(state.score[0], torch.tensor([0.25]))
    assert state.log_density.isnan().tolist() == [False, True, True]
    state = evaluate_with_score(lambda x: torch.where(x[:, 0] > 0, x[:, 0].sqrt(), -math.inf), x)
    assert state.log_density.isneginf().tolist() == [False, True, False]
    assert state.score[1].item() == 0

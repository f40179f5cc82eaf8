"""A conditional law at one condition is an ordinary law, and says what the model says."""

import copy

import pytest
import torch
from torch import nn

from coursepkg import protocols
from coursepkg.evaluation import Given, nats
from coursepkg.evaluation.given import takes_condition
from coursepkg.rng import seeded
from tests.coursepkg.evaluation.toys import Latent, Shifted, ShiftedBound, ShiftedEstimate
from tests.statistics import assert_cdf

PROMISES = {
    protocols.Exact: "log_prob",
    protocols.Bound: "elbo",
    protocols.Weighted: "log_weight",
    protocols.Estimated: "log_prob_estimate",
    protocols.Sampler: "sample",
}


@pytest.mark.parametrize(
    ("model", "has"),
    [
        (Shifted(), {"log_prob", "sample"}),
        (ShiftedBound(), {"elbo", "log_weight"}),
        (ShiftedEstimate(), {"log_prob_estimate"}),
    ],
)
def test_it_keeps_exactly_the_promises_that_the_model_keeps(model, has):
    """Kills: a method too many, which `nats` would read, and one too few."""
    law = Given(model, torch.tensor(2.0))
    assert {name for name in PROMISES.values() if hasattr(law, name)} == has
    assert {name for promise, name in PROMISES.items() if isinstance(law, promise)} == has
    assert {name for name in PROMISES.values() if name in vars(law)} == has  # as Python 3.12 looks
    assert not any(takes_condition(getattr(law, name)) for name in has)


def test_it_says_what_the_model_says_at_c_in_every_row():
    """Kills: c of another row or sign, the generator not passed on."""
    x, c = torch.randn(7, generator=seeded(1)), torch.tensor(2.0)
    rows = c.repeat(7)
    model = Shifted()
    torch.testing.assert_close(Given(model, c).log_prob(x), model.log_prob(x, condition=rows))
    for model, name in ((ShiftedBound(), "elbo"), (ShiftedBound(), "log_weight"),
                        (ShiftedEstimate(), "log_prob_estimate")):  # fmt: skip
        ours = getattr(Given(model, c), name)(x, generator=seeded(5))
        theirs = getattr(model, name)(x, condition=rows, generator=seeded(5))
        assert torch.equal(ours, theirs)


def test_its_draws_follow_the_law_at_c():
    law = Given(Shifted(0.0), torch.tensor(2.0))
    drawn = law.sample(20_000, generator=seeded(0)).detach()
    assert_cdf(drawn, lambda x: torch.special.ndtr(x - 2), detects=0.05)


def test_a_condition_of_any_shape_is_repeated_along_the_batch():
    """Kills: c spread over the wrong axis, a batch of one."""

    class Watching(nn.Module):
        def log_prob(self, x, *, condition):
            assert condition.shape == (len(x), 3, 2)
            return condition[:, 2, 1] * x

    c = torch.arange(6.0).view(3, 2)
    assert torch.equal(Given(Watching(), c).log_prob(torch.ones(4)), torch.full((4,), 5.0))


def test_nats_wants_no_condition_of_it():
    law, x = Given(Shifted(), torch.tensor(2.0)), torch.zeros(3)
    assert nats(law, x).value == pytest.approx(nats(Shifted(), x, condition=x + 2).value)
    with pytest.raises(TypeError, match="condition: expected none"):
        nats(law, x, condition=x)


def test_the_condition_is_kept_with_the_weights_and_apart_from_the_callers():
    c = torch.tensor(2.0)
    law, x = Given(Shifted(), c), torch.zeros(3)
    before = law.log_prob(x)
    c.fill_(9)
    assert torch.equal(law.log_prob(x), before)
    twin = copy.deepcopy(law)
    twin.load_state_dict(Given(Shifted(), torch.tensor(5.0)).state_dict())
    assert not torch.equal(twin.log_prob(x), before)
    assert torch.equal(law.log_prob(x), before)
    assert law.float().log_prob(x.float()).dtype == torch.float32


def test_what_is_no_condition_or_no_conditional_model_is_refused():
    with pytest.raises(TypeError, match=r"condition: expected a torch.Tensor, got int"):
        Given(Shifted(), 3)
    with pytest.raises(TypeError, match=r"expected one that takes condition=, got a Latent"):
        Given(Latent(), torch.tensor(3.0))

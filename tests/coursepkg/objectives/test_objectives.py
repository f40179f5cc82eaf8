"""What all objectives promise, whatever they minimise; conformance leaves them to this file."""

import copy
import inspect

import pytest
import torch

from coursepkg.data.toy import IsotropicMixture
from coursepkg.models.energy import GaussianEnergy
from coursepkg.models.rbm.binary import RBM
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.objectives.noise import IndependentBernoulli, NoiseContrastive
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.objectives.pseudo import (
    BinaryConditional,
    PseudoLikelihood,
    RatioMatching,
)
from coursepkg.objectives.score import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    SlicedScoreMatching,
)
from coursepkg.rng import seeded
from coursepkg.samplers.gibbs import SystematicGibbs
from coursepkg.samplers.langevin import MALA
from coursepkg.training import fit

FLAT = IndependentBernoulli(torch.full((4,), 0.5))
WIDE = IsotropicMixture(torch.zeros(1, 2), torch.tensor([2.0]))


def gibbs(log_density):
    return SystematicGibbs(BinaryConditional(log_density))


def chains(model, kernel, start):
    return StochasticMaximumLikelihood(model, kernel, start, buffer=50, generator=seeded(1))


BINARY = {
    "exact": ExactLikelihood,
    "pseudo": PseudoLikelihood,
    "ratio": RatioMatching,
    "noise": lambda model: NoiseContrastive(model, FLAT, ratio=2),
    "persistent": lambda model: chains(model, gibbs, FLAT),
}
REAL = {
    "exact": ExactLikelihood,
    "explicit": ExplicitScoreMatching,
    "sliced": SlicedScoreMatching,
    "denoising": lambda model: DenoisingScoreMatching(model, sigma=0.3),
    "noise": lambda model: NoiseContrastive(model, WIDE, ratio=2),
    "persistent": lambda model: chains(model, lambda f: MALA(f, step_size=0.2), WIDE),
}


def cases():
    for name, make in BINARY.items():
        model, x = RBM(4, 3, generator=seeded(0), scale=1.0), FLAT.sample(40, generator=seeded(2))
        yield pytest.param(make(model), x, id=f"{name}-rbm")
    for name, make in REAL.items():
        model, x = GaussianEnergy(2, generator=seeded(0)), WIDE.sample(40, generator=seeded(2)) + 1
        yield pytest.param(make(model), x, id=f"{name}-gaussian")


EVERY = pytest.mark.parametrize(("objective", "x"), list(cases()))


@EVERY
def test_loss_has_one_value_an_example_and_reaches_every_parameter(objective, x):
    objective = copy.deepcopy(objective)
    assert inspect.signature(objective.loss).parameters["generator"].kind.name == "KEYWORD_ONLY"
    loss = objective.loss(x, generator=seeded(0))
    assert loss.shape == (40,)
    loss.mean().backward()
    for name, p in objective.named_parameters():
        assert p.grad is not None, name
        assert p.grad.abs().max() > 0, name


@EVERY
def test_loss_repeats_with_the_generator(objective, x):
    first, again = (copy.deepcopy(objective).loss(x, generator=seeded(3)) for _ in range(2))
    assert torch.equal(first, again)


@EVERY
def test_single_precision_agrees_with_double(objective, x):
    """In eval mode, where chains stand still; noise of another precision is other noise."""
    double, single = copy.deepcopy(objective).eval(), copy.deepcopy(objective).eval().float()
    low = single.loss(x.float(), generator=seeded(4))
    assert low.dtype == torch.float32
    if isinstance(objective, NoiseContrastive | DenoisingScoreMatching | SlicedScoreMatching):
        assert low.isfinite().all()
    else:
        high = double.loss(x, generator=seeded(4))
        torch.testing.assert_close(low.double(), high, rtol=1e-4, atol=1e-4)


@EVERY
def test_state_dict_round_trip(objective, x):
    other = copy.deepcopy(objective)
    with torch.no_grad():
        for p in other.parameters():
            p.add_(0.3)
    moved = other.eval().loss(x, generator=seeded(5))
    here = copy.deepcopy(objective).eval()
    assert not torch.equal(here.loss(x, generator=seeded(5)), moved), "vacuous"
    here.load_state_dict(other.state_dict())
    assert torch.equal(here.loss(x, generator=seeded(5)), moved)


@EVERY
def test_the_course_s_training_loop_takes_it(objective, x):
    """With validation, whose losses are taken without gradients."""
    objective = copy.deepcopy(objective)
    before = [p.detach().clone() for p in objective.model.parameters()]
    history = fit(
        objective, x, valid=x[:10], epochs=2, batch_size=20, generator=seeded(6), progress=False,
        optimizer=torch.optim.SGD(objective.parameters(), lr=0.01),
    )  # fmt: skip
    assert len(history.valid) == 2
    moved = [(p - q).abs().max() > 0 for p, q in zip(objective.model.parameters(), before,
                                                     strict=True)]  # fmt: skip
    assert all(moved)

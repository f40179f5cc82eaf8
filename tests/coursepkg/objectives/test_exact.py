"""The exact likelihood: its value from a table, its gradient from the formula of the text."""

import pytest
import torch

from coursepkg.models.rbm.binary import RBM
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.rng import seeded
from tests.coursepkg.objectives.laws import (
    SPACE,
    Pairs,
    assert_recovers,
    gradients,
    probabilities,
)


def rbm():
    model = RBM(4, 3, generator=seeded(0), scale=1.5)
    with torch.no_grad():
        model.b.normal_(generator=seeded(1))
        model.c.normal_(generator=seeded(2))
    return model


MODELS = pytest.mark.parametrize("make", [Pairs, rbm])


@MODELS
def test_loss_is_minus_log_of_the_table(make, generator):
    """Kills: the sign of log Z, a mean for a sum over states."""
    model = make()
    loss = ExactLikelihood(model).loss(SPACE, generator=generator)
    torch.testing.assert_close(loss, -probabilities(model).log())


@pytest.mark.equation("energy-gradient")
@MODELS
def test_gradient_is_the_data_term_minus_a_mean_over_the_model(make, generator):
    """∇(-log p) = ∇F - E_p[∇F] for every state and parameter. Kills: a detached log Z."""
    model = make()
    p = probabilities(model)
    slopes = [gradients(model.free_energy(x[None]).sum(), model) for x in SPACE]
    means = [sum(p[s] * slopes[s][k] for s in range(16)) for k in range(len(slopes[0]))]
    for s, x in enumerate(SPACE):
        loss = ExactLikelihood(model).loss(x[None], generator=generator).sum()
        for got, slope, mean in zip(gradients(loss, model), slopes[s], means, strict=True):
            torch.testing.assert_close(got, slope - mean)


def test_recovers_the_parameters_that_made_the_population(generator):
    truth, objective = Pairs(seed=0), ExactLikelihood(Pairs(seed=7))
    p = probabilities(truth)
    assert_recovers(objective, lambda: p @ objective.loss(SPACE, generator=generator), truth)

import pytest
import torch
from torch.testing import assert_close

from coursepkg.evaluation import ImportanceBound
from coursepkg.models.autoencoders.losses import FreeBits, ImportanceLoss, RateWeighted, WarmUp
from coursepkg.rng import seeded
from coursepkg.training import fit
from tests.coursepkg.models.autoencoders.models import D, K, small
from tests.oracles import states

X = states(K, D)


@pytest.fixture
def parts(generator):
    """A model, and the two terms that the seed 1 draws."""
    model = small(generator, latent=2)
    log_likelihood, kl = model.terms(X, generator=seeded(1))
    return model, log_likelihood.detach(), kl.detach()


def of(loss, seed=1):
    return loss.loss(X, generator=seeded(seed)).detach()


@pytest.mark.equation("beta-loss")
@pytest.mark.parametrize("beta", [0.2, 1.0, 4.0])
def test_the_rate_has_its_price(beta, parts):
    """Kills: a price of the distortion, a rate of one coordinate; at 1 it is the negative bound."""
    model, log_likelihood, kl = parts
    assert_close(of(RateWeighted(model, beta)), beta * (kl[:, 0] + kl[:, 1]) - log_likelihood)
    assert_close(of(RateWeighted(model, 1.0)), -model.elbo(X, generator=seeded(1)).detach())


def test_warming_up_raises_the_price_from_0_to_1(parts):
    """Kills: a start at 1, a price above 1, a step that eval mode counts."""
    model, log_likelihood, kl = parts
    warm = WarmUp(model, 4)
    rate = kl.sum(1)
    warm.eval()
    assert_close(of(warm), rate - log_likelihood)
    assert_close(of(warm), rate - log_likelihood)
    warm.train()
    for price in (0, 0.25, 0.5, 0.75, 1, 1, 1):
        assert_close(of(warm), price * rate - log_likelihood)
    again = WarmUp(model, 4)
    again.load_state_dict(warm.state_dict())
    assert_close(of(again), rate - log_likelihood)


def test_warming_up_survives_training(generator):
    """`fit` copies the model for its average. Kills: a step that the copy keeps for itself."""
    model = small(generator)
    warm = WarmUp(model, 10)
    before = -model.elbo(X, generator=seeded(0)).mean().item()
    fit(warm, X[:9], valid=X[:9], epochs=8, batch_size=3,
        optimizer=torch.optim.Adam(warm.parameters(), 0.02), ema=0.5, generator=generator,
        progress=False)  # fmt: skip
    assert int(warm.step) > 10
    assert -model.elbo(X[:9], generator=seeded(0)).mean().item() < before


def test_free_nats_cost_what_they_cost_at_least(parts):
    """A loop over the latent variables. Kills: a minimum for a maximum, a clamp an example."""
    model, log_likelihood, kl = parts
    first, second = kl.mean(0).tolist()
    free = (first + second) / 2
    assert abs(first - second) > 0.01, "vacuous"
    expected = sum(max(rate, free) for rate in (first, second))
    assert_close(of(FreeBits(model, free)), expected - log_likelihood)


def test_below_the_free_nats_a_rate_has_no_gradient(parts):
    """Kills: a gradient that still pulls q to the prior."""
    model, _, _ = parts
    x = X[:1]
    model.zero_grad()
    free, plain = FreeBits(model, 50.0), model.terms(x, generator=seeded(1)).log_likelihood
    wanted = torch.autograd.grad(-plain.sum(), list(model.encoder.parameters()))
    found = torch.autograd.grad(
        free.loss(x, generator=seeded(1)).sum(), list(model.encoder.parameters())
    )
    for a, b in zip(found, wanted, strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("draws", [1, 5])
def test_importance_loss_is_minus_the_importance_bound(draws, parts):
    """Against `ImportanceBound`. Kills: log R lost, a mean of logarithms."""
    model = parts[0]
    bound = ImportanceBound(model, draws).log_weight(X, generator=seeded(1))
    assert_close(of(ImportanceLoss(model, draws)), -bound.detach())


def test_impossible_numbers_are_refused(generator):
    model = small(generator)
    for make in (
        lambda: RateWeighted(model, 0.0), lambda: RateWeighted(model, float("inf")),
        lambda: WarmUp(model, 0), lambda: FreeBits(model, -1.0), lambda: ImportanceLoss(model, 0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"expected.*got"):
            make()

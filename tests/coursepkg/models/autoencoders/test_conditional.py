"""A VAE given a condition, against quadrature over its latent variable."""

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.testing import assert_close

from coursepkg.models.autoencoders.conditional import ConditionalVAE
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.given import C, D, K, conditional, truth
from tests.coursepkg.models.autoencoders.models import Dropping
from tests.oracles import states
from tests.statistics import assert_mean

X = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1]])
CONDITION = torch.tensor([[1.0, 0.0, 0.0], [0.3, -1.0, 2.0]])


def test_the_law_sums_to_one_at_each_condition():
    """The truth of the tests below is a law. Kills: a decoder that is not normalised."""
    space = states(K, D)
    for c in CONDITION:
        log_p = truth(conditional(), space, c.expand(len(space), -1))
        assert_close(log_p.exp().sum(), torch.tensor(1.0), rtol=1e-6, atol=0)


def test_the_mean_weight_is_p_of_x_and_the_mean_bound_is_below():
    """Kills: a KL with its sign turned, log q forgotten, a condition only the encoder hears."""
    model, n = conditional(), 40_000
    for i in range(2):
        x, c = X[i].expand(n, -1), CONDITION[i].expand(n, -1)
        log_p = truth(model, X[i, None], CONDITION[i, None])[0]
        log_w = model.log_weight(x, condition=c, generator=seeded(1)).detach()
        assert_mean((log_w - log_p).exp(), 1.0, detects=0.1)
        elbo = model.elbo(x, condition=c, generator=seeded(2)).detach()
        q = model.posterior(X[i, None], condition=CONDITION[i, None])
        gap = slow_gap(model, q, X[i], CONDITION[i])
        assert_mean(log_p - elbo, gap, detects=0.1)
        assert gap > 0.003, "vacuous: q is the posterior"
        assert log_w.mean() == pytest.approx(elbo.mean().item(), abs=0.1)


def test_q_is_what_the_encoder_says_of_x_and_c():
    """Kills: an encoder that is told nothing, a scale for its logarithm."""
    model = conditional()
    said = model.encoder(torch.cat([model.likelihood.inputs(X).to(CONDITION), CONDITION], dim=1))
    q = model.posterior(X, condition=CONDITION)
    assert_close(torch.cat([q.mean, q.std.log()], dim=1), said)
    other = model.posterior(X, condition=CONDITION.flip(0))
    assert (other.mean - q.mean).abs().min() > 1e-3, "vacuous: c changes nothing"


def slow_gap(model, q, x, c) -> float:
    """KL(q(z | x, c) ‖ p(z | x, c)) by quadrature."""
    z = torch.linspace(-9, 9, 3001)
    told = torch.cat([z[:, None], c.expand(len(z), -1)], dim=1)
    log_p = model.likelihood.log_likelihood(x.expand(len(z), -1), model.decoder(told))
    log_p = log_p + Normal(0.0, 1.0).log_prob(z)
    h = z[1] - z[0]
    log_p = log_p - log_p.logsumexp(0) - h.log()
    log_q = Normal(q.mean[0], q.std[0]).log_prob(z)
    return (log_q.exp() * (log_q - log_p)).sum().mul(h).item()


def test_the_terms_are_the_two_parts_of_the_bound():
    """The KL against torch.distributions. Kills: KL(p ‖ q), a KL that is drawn."""
    model = conditional()
    given = {"condition": CONDITION, "generator": seeded(3)}
    log_likelihood, kl = model.terms(X, **given)
    assert_close(model.elbo(X, condition=CONDITION, generator=seeded(3)),
                 log_likelihood - kl.sum(1))  # fmt: skip
    q = model.posterior(X, condition=CONDITION)
    prior = Independent(Normal(torch.zeros(2, 1), torch.ones(2, 1)), 1)
    assert_close(kl.sum(1), kl_divergence(Independent(Normal(*q), 1), prior))


def test_what_is_free_costs_nothing_in_the_loss_and_only_there():
    """Kills: a bound that is no bound, a floor on the wrong side, a floor of the mean."""
    plain, free = conditional(), conditional(free=3.0)
    given = {"condition": CONDITION.repeat(20, 1)}
    x = X.repeat(20, 1)
    assert_close(
        plain.elbo(x, **given, generator=seeded(0)), free.elbo(x, **given, generator=seeded(0))
    )
    log_likelihood, kl = plain.terms(x, **given, generator=seeded(0))
    assert_close(plain.loss(x, **given, generator=seeded(0)), kl.sum(1) - log_likelihood)
    assert kl.sum(1).max() < 3
    loss = free.loss(x, **given, generator=seeded(0))
    assert_close(loss, 3.0 - log_likelihood)
    grown = conditional(free=0.5 * kl.sum(1).sum().item() / 40 + 0.01)
    least = torch.tensor([max(each, grown.free) for each in kl.sum(1).tolist()])
    assert_close(grown.loss(x, **given, generator=seeded(0)), least - log_likelihood)


@pytest.mark.parametrize(
    ("call", "error", "complaint"),
    [
        (lambda m: m.elbo(X, condition=CONDITION[:1], generator=seeded(0)), ValueError,
         "condition: expected 2 rows, one an example, got 1"),
        (lambda m: m.elbo(X, condition=CONDITION[:, :2], generator=seeded(0)), ValueError,
         r"condition: expected shape \(B, 3\), got \(2, 2\)"),
        (lambda m: m.elbo(X, condition=CONDITION.long(), generator=seeded(0)), TypeError,
         "condition: expected a floating-point tensor"),
        (lambda m: m.elbo(X + 1, condition=CONDITION, generator=seeded(0)), ValueError,
         r"x: expected levels 0..2, got values from 1 to 3"),
        (lambda m: m.sample(3, condition=CONDITION, generator=seeded(0)), ValueError,
         "condition: expected 3 rows, one an example, got 2"),
        (lambda _: conditional(free=-1.0), ValueError, "free: expected a rate >= 0, got -1"),
        (lambda _: conditional(free=float("nan")), ValueError, "free: expected a rate >= 0, got"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(call, error, complaint):
    with pytest.raises(error, match=complaint):
        call(conditional())


def test_samples_have_no_dropout():
    """In train mode too. Kills: dropout from torch's global state."""
    model = conditional()
    model.decoder = Dropping(model.decoder)
    c = CONDITION.repeat(10, 1)
    plain = model.eval().sample(20, condition=c, generator=seeded(1))
    assert torch.equal(model.train().sample(20, condition=c, generator=seeded(1)), plain)
    assert model.training


def test_an_encoder_of_another_width_is_refused():
    nets = MLP([D + C, 3], generator=seeded(0)), MLP([1 + C, D * K], generator=seeded(0))
    model = ConditionalVAE(*nets, likelihood=Categories(D, K), latent=1, conditions=C)
    with pytest.raises(ValueError, match=r"encoder: expected shape \(B, 2\).*got \(2, 3\)"):
        model.elbo(X, condition=CONDITION, generator=seeded(0))

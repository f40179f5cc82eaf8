import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.autoencoders.gaussian import DiagonalGaussian
from coursepkg.models.autoencoders.likelihoods import Categories, Normals
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.models import (
    D,
    Dropping,
    K,
    grid,
    log_evidence,
    log_joint,
    small,
)
from tests.oracles import state_index, states
from tests.statistics import assert_mean, assert_probs

X = states(K, D)


@pytest.mark.equation("vae-elbo")
def test_bound_and_gap_add_up_to_the_evidence(generator):
    """Quadrature, all 27 states: E log p(x|z) - KL(q‖prior) + KL(q‖posterior) = log p(x).

    Kills: a sign of the KL, a KL of one coordinate, q of another example.
    """
    model = small(generator)
    z, step = grid()
    q, joint, evidence = model.posterior(X), log_joint(model, X, z), log_evidence(model, X)
    log_q = Normal(q.mean, q.std).log_prob(z.T).detach()  # (27, M)
    log_prior = Normal(0.0, 1.0).log_prob(z.T)
    expected = (log_q.exp() * (joint - log_prior)).sum(1) * step - q.kl(
        DiagonalGaussian(torch.zeros(1), torch.ones(1))
    ).sum(1)
    gap = (log_q.exp() * (log_q - joint + evidence[:, None])).sum(1) * step
    assert gap.mean() > 0.1, "vacuous: q is the posterior"
    assert_close((expected + gap).detach(), evidence)
    draws = model.elbo(X.repeat(3000, 1), generator=generator).detach().view(3000, -1)
    for n in (0, 13, 26):
        assert_mean(draws[:, n], expected[n].item(), detects=0.6)
    assert_mean(draws.mean(1), expected.mean().item(), detects=0.1)


@pytest.mark.equation("vae-weight")
def test_the_mean_weight_is_the_evidence_and_its_log_is_below(generator):
    """Against quadrature, every state. Kills: log q forgotten or added, the prior at another z."""
    model = small(generator)
    evidence = log_evidence(model, X)
    log_w = model.log_weight(X.repeat(20_000, 1), generator=generator).detach().view(20_000, -1)
    for n in range(0, 27, 2):
        p = evidence[n].exp().item()
        assert_mean(log_w[:, n].exp(), p, detects=0.4 * p)
    assert (log_w.mean(0) < evidence).all()
    weight = model.log_weight(X, generator=seeded(1)).detach()
    q = model.posterior(X)
    z = q.draw(generator=seeded_after_dropout(1))
    by_hand = model.likelihood.log_likelihood(X, model.decoder(z)) + Normal(0.0, 1.0).log_prob(
        z
    ).sum(1)
    assert_close(weight, (by_hand - Normal(*q).log_prob(z).sum(1)).detach())


def seeded_after_dropout(seed):
    """The generator as `log_weight` leaves it once dropout has had its seed."""
    from coursepkg.rng import draw_seed

    generator = seeded(seed)
    draw_seed(generator)
    return generator


@pytest.mark.equation("iwae")
def test_more_weights_make_the_bound_no_looser_and_it_tends_to_the_evidence(generator):
    """Exact means: R = 1 and 2 by quadrature over the z; many weights by draws.

    Kills: a mean of logarithms, log R lost or of the wrong sign.
    """
    model, x = small(generator), X[[5]]
    z, step = grid(M=1201, reach=9.0)
    q = model.posterior(x)
    log_q = Normal(q.mean, q.std).log_prob(z.T)[0].detach()
    log_w = log_joint(model, x, z)[0] - log_q
    one = (log_q.exp() * log_w).sum() * step
    pair = torch.logaddexp(log_w[:, None], log_w) - torch.tensor(2.0).log()
    two = ((log_q[:, None] + log_q).exp() * pair).sum() * step**2
    evidence = log_evidence(model, x)[0]
    assert one + 1e-4 < two < evidence - 1e-5
    for R, expected in ((1, one), (2, two)):
        many = ImportanceBound(model, R).log_weight(x.expand(30_000, -1), generator=generator)
        assert_mean(many.detach(), expected.item(), detects=0.2)
    last = ImportanceBound(model, 500).log_weight(x.expand(400, -1), generator=generator).detach()
    moments = (log_q.exp() * (2 * (log_w - evidence)).exp()).sum() * step  # E w² / p²
    assert abs(last.mean() - evidence + (moments - 1) / 1000) < 6 * last.std() / 20


def test_terms_are_the_two_parts_of_the_bound(generator):
    """Kills: a KL summed too early, a likelihood at the mean of q."""
    model = small(generator, latent=2)
    log_likelihood, kl = model.terms(X, generator=seeded(2))
    assert kl.shape == (27, 2)
    assert_close(log_likelihood - kl.sum(1), model.elbo(X, generator=seeded(2)))
    assert_close(model.loss(X, generator=seeded(2)), -model.elbo(X, generator=seeded(2)))
    assert not torch.equal(log_likelihood, model.terms(X, generator=seeded(3)).log_likelihood)


def test_any_q_may_stand_in_for_the_encoder(generator):
    """Kills: an encoder that is asked all the same."""
    model = small(generator)
    q = model.posterior(X)
    shifted = DiagonalGaussian(q.mean + 1, q.std)
    same = model.elbo(X, generator=seeded(1))
    terms = model.terms_under(q, X, generator=seeded_after_dropout(1))
    assert_close(terms.log_likelihood - terms.kl.sum(1), same)
    moved = model.terms_under(shifted, X, generator=seeded(1))
    assert_close(moved.kl, (shifted.mean**2 + shifted.std**2 - 1) / 2 - shifted.std.log())
    again = model.log_weight_under(q, X, generator=seeded_after_dropout(1))
    assert_close(again, model.log_weight(X, generator=seeded(1)))


def test_samples_follow_the_marginal_law(generator):
    """Frequencies of 27 states against quadrature. Kills: a decoder at the mean, one z for all."""
    model = small(generator)
    x = model.sample(80_000, generator=generator)
    assert_probs(state_index(x, K), log_evidence(model, X).exp(), detects=0.06)


def test_a_reconstruction_is_the_mean_at_the_mean(generator):
    """Kills: a draw of z, a draw of x."""
    model = small(generator)
    q = model.posterior(X)
    p = model.decode(q.mean).view(27, D, K).softmax(-1)
    assert_close(model.reconstruct(X), (p * torch.arange(K)).sum(-1))


def test_dropout_is_drawn_from_the_generator(generator):
    """Kills: dropout from torch's global state, an encoder whose dropout is not repeated."""
    model = small(generator)
    model.encoder, model.decoder = Dropping(model.encoder), Dropping(model.decoder)
    for says in (model.elbo, model.log_weight, model.loss):
        first, again, other = (says(X, generator=seeded(s)) for s in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_samples_and_reconstructions_have_no_dropout(generator):
    """In train mode too, which stays. Kills: dropout from torch's global state, a mode left."""
    model = small(generator)
    model.encoder, model.decoder = Dropping(model.encoder), Dropping(model.decoder)
    plain = model.eval().sample(50, generator=seeded(1)), model.reconstruct(X)
    model.train()
    model.encoder.net.eval()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        before = torch.get_rng_state()
        found = model.sample(50, generator=seeded(1)), model.reconstruct(X)
        assert torch.equal(torch.get_rng_state(), before)
    for one, other in zip(plain, found, strict=True):
        assert_close(one, other)
    assert model.decoder.dropout.training
    assert not model.encoder.net.training


def test_a_q_of_other_examples_is_refused(generator):
    """Kills: one q for all, more than there are examples, of another width."""
    model = small(generator)
    q = model.posterior(X[:5])
    for bad, n in (
        (q, 4),
        (q, 6),
        (q._replace(mean=q.mean[:1]), 5),
        (DiagonalGaussian(q.mean[:1], q.std[:1]), 5),
        (DiagonalGaussian(q.mean.repeat(1, 2), q.std.repeat(1, 2)), 5),
    ):
        for says in (model.terms_under, model.log_weight_under):
            with pytest.raises(ValueError, match=rf"(mean|std) of q: expected \({n}, 1\), got"):
                says(bad, X[:n], generator=generator)


def test_a_bound_is_printed_as_one(generator):
    """Kills: a sign = of a bound."""
    assert nats(small(generator), X, generator=generator).sign == "≤"


def test_impossible_parts_are_refused(generator):
    """Kills: a wrong width that broadcasts, a latent size of 0."""
    model = small(generator)
    with pytest.raises(ValueError, match=r"latent: expected.*got 0"):
        VAE(model.encoder, model.decoder, likelihood=Categories(D, K), latent=0)
    wide = VAE(model.encoder, model.decoder, likelihood=Categories(D, K), latent=2)
    with pytest.raises(ValueError, match=r"encoder: expected shape \(B, 4\).*got \(27, 2\)"):
        wide.elbo(X, generator=generator)
    for bad in (torch.zeros(2, 2), torch.tensor([[torch.nan]])):
        with pytest.raises(ValueError, match=r"z: expected.*got"):
            model.decode(bad)


def test_real_data_and_single_precision(generator):
    """Kills: an input in another precision than the weights."""
    with torch.random.fork_rng():
        networks = [nn.Linear(4, 2).float(), nn.Linear(1, 4).float()]
    model = VAE(*networks, likelihood=Normals(4, 0.5), latent=1)
    x = torch.randn(5, 4, generator=generator)
    assert model.posterior(x).mean.dtype == torch.float32
    assert model.sample(3, generator=generator).dtype == torch.float32

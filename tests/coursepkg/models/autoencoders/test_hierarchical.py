import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.models.autoencoders.hierarchical import HierarchicalVAE
from coursepkg.models.autoencoders.likelihoods import Categories, Normals
from coursepkg.nets import MLP
from coursepkg.rng import draw_seed, seeded
from tests.coursepkg.models.autoencoders.models import D, Dropping, K
from tests.oracles import state_index, states
from tests.statistics import assert_cdf, assert_mean, assert_probs

X = states(K, D)


def chain(generator, *, latents=(1, 1), spread=0.3):
    above = [0, *latents[:-1]]
    sizes = list(zip(above, latents, strict=True))
    model = HierarchicalVAE(
        [MLP([D + a, 4, 2 * m], generator=generator) for a, m in sizes],
        [MLP([a, 4, 2 * m], generator=generator) for a, m in sizes[1:]],
        MLP([latents[-1], 4, D * K], generator=generator),
        likelihood=Categories(D, K),
        latents=latents,
    )
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=spread)
    return model


def law(output):
    mean, log_std = output.chunk(2, dim=-1)
    return Normal(mean, log_std.exp())


def joint(model, x, one, two):
    """log p(x, z_1, z_2) and log q(z_1, z_2 | x) written out, for pairs (n, 1) each."""
    seen = model.likelihood.inputs(x).expand(len(one), -1)
    log_p = Normal(0.0, 1.0).log_prob(one) + law(model.priors[0](one)).log_prob(two)
    logits = model.decoder(two).view(-1, D, K).log_softmax(-1)
    log_p = log_p[:, 0] + sum(logits[:, d, int(x[0, d])] for d in range(D))
    log_q = law(model.posteriors[0](seen)).log_prob(one)
    log_q = log_q + law(model.posteriors[1](torch.cat([seen, one], 1))).log_prob(two)
    return log_p.detach(), log_q[:, 0].detach()


def square(M=401, reach=12.0):
    line = torch.linspace(-reach, reach, M)
    one, two = torch.cartesian_prod(line, line).split(1, dim=1)
    return one, two, float(line[1] - line[0]) ** 2


@pytest.mark.equation("hierarchical-elbo")
def test_bound_and_weights_against_a_quadrature_over_both_levels(generator):
    """Kills: a prior of the wrong level, the lower KL at another z_1, a level left out."""
    model = chain(generator)
    one, two, area = square()
    for n in (0, 14, 26):
        log_p, log_q = joint(model, X[[n]], one, two)
        evidence = (log_p.exp() * area).sum().log()
        bound = (log_q.exp() * (log_p - log_q) * area).sum()
        assert bound < evidence - 0.01, "vacuous"
        many = X[[n]].expand(40_000, -1)
        elbo = model.elbo(many, generator=generator).detach()
        assert_mean(elbo, bound.item(), detects=0.3)
        weights = model.log_weight(many, generator=generator).detach().exp()
        p = evidence.exp().item()
        assert_mean(weights, p, detects=0.6 * p)


def test_terms_add_up_to_the_bound(generator):
    """Kills: levels in another order, a KL of one level twice."""
    model = chain(generator, latents=(2, 3))
    log_likelihood, kl = model.terms(X, generator=seeded(1))
    assert kl.shape == (27, 5)
    assert_close(log_likelihood - kl.sum(1), model.elbo(X, generator=seeded(1)))
    assert_close(model.loss(X, generator=seeded(1)), -model.elbo(X, generator=seeded(1)))
    top = model.posteriors[0](model.likelihood.inputs(X))
    mean, log_std = top.chunk(2, dim=1)
    assert_close(kl[:, :2], (mean**2 + (2 * log_std).exp() - 1) / 2 - log_std)


def test_samples_go_down_the_chain(generator):
    """Frequencies against the quadrature. Kills: a decoder fed with z_1, a prior left out."""
    model = chain(generator)
    one, two, area = square()
    p = torch.stack([(joint(model, X[[n]], one, two)[0].exp() * area).sum() for n in range(27)])
    assert p.sum().item() == pytest.approx(1, abs=1e-3)
    x = model.sample(60_000, generator=generator)
    assert_probs(state_index(x, K), p / p.sum(), detects=0.08)


def test_every_level_is_drawn_from_its_prior(generator):
    """A chain whose last prior is N(0, 1) whatever is above. Kills: a lower level at its mean."""
    model = HierarchicalVAE(
        [MLP([1, 2], generator=generator), MLP([2, 2], generator=generator)],
        [MLP([1, 2], generator=generator)], nn.Identity(), likelihood=Normals(1, 1e-4),
        latents=(1, 1),
    )  # fmt: skip
    for p in model.priors.parameters():
        nn.init.zeros_(p)
    x = model.sample(20_000, generator=generator)
    assert_cdf(x[:, 0], Normal(0.0, 1.0).cdf, detects=0.05)


def test_a_weight_has_a_ratio_for_each_level(generator):
    """Written out for the z that were drawn. Kills: a level left out, a ratio upside down."""
    model = chain(generator, latents=(2, 3))
    log_w, after = model.log_weight(X, generator=seeded(4)), seeded(4)
    draw_seed(after)  # dropout had its seed
    (q_1, p_1, z_1), (q_2, p_2, z_2) = model.descend(X, generator=after)
    expected = model.likelihood.log_likelihood(X, model.decoder(z_2))
    for q, p, z in ((q_1, p_1, z_1), (q_2, p_2, z_2)):
        expected = expected + (Normal(*p).log_prob(z) - Normal(*q).log_prob(z)).sum(1)
    assert_close(log_w, expected)


def test_one_level_is_a_vae(generator):
    """Kills: a chain that needs two."""
    model = chain(generator, latents=(2,))
    assert model.terms(X, generator=generator).kl.shape == (27, 2)
    assert model.sample(3, generator=generator).shape == (3, D)


def test_networks_and_sizes_must_agree(generator):
    model = chain(generator)
    parts = (list(model.posteriors), list(model.priors), model.decoder)
    with pytest.raises(ValueError, match="L - 1 priors and L sizes, got 2, 1 and 3"):
        HierarchicalVAE(*parts, likelihood=Categories(D, K), latents=(1, 1, 1))
    with pytest.raises(ValueError, match=r"latents: expected.*got 0"):
        HierarchicalVAE(*parts, likelihood=Categories(D, K), latents=(1, 0))
    wide = HierarchicalVAE(*parts, likelihood=Categories(D, K), latents=(1, 2))
    with pytest.raises(ValueError, match=r"encoder: expected shape \(B, 4\)"):
        wide.elbo(X, generator=generator)


def test_a_prior_of_another_width_is_refused(generator):
    """On the way of the bound and of samples. Kills: one deviation for all, without a word."""
    good = chain(generator, latents=(1, 2))
    narrow = HierarchicalVAE(
        good.posteriors, [MLP([1, 2], generator=generator)], good.decoder,
        likelihood=good.likelihood, latents=(1, 2),
    )  # fmt: skip
    for call in (narrow.elbo, narrow.log_weight):
        with pytest.raises(ValueError, match=r"prior: expected shape \(B, 4\).*got \(27, 2\)"):
            call(X, generator=generator)
    with pytest.raises(ValueError, match=r"prior: expected shape \(B, 4\).*got \(5, 2\)"):
        narrow.sample(5, generator=generator)


def test_samples_have_no_dropout(generator):
    """In train mode too. Kills: dropout from torch's global state."""
    model = chain(generator)
    model.priors[0], model.decoder = Dropping(model.priors[0]), Dropping(model.decoder)
    plain = model.eval().sample(50, generator=seeded(1))
    assert torch.equal(model.train().sample(50, generator=seeded(1)), plain)
    assert model.training

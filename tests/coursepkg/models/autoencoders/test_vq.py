"""Discrete codes: rounding, the gradient that passes it, and a bound by one term of a sum."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.models.autoencoders.vq import VQVAE, VQAutoencoder
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.nets.conv import CausalCNN
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.models import Dropping
from tests.oracles import states

K, D, S, J, E = 3, 4, 2, 4, 2  # levels, pixels, codes, vectors, their size


def autoencoder(*, commitment: float = 0.25) -> VQAutoencoder:
    generator = seeded(0)
    encoder = MLP([D, 8, S * E], generator=generator)
    decoder = MLP([S * E, 8, D * K], generator=generator)
    model = VQAutoencoder(
        encoder, decoder, likelihood=Categories(D, K), codes=S, codebook=J, width=E,
        commitment=commitment, generator=generator,
    )  # fmt: skip
    with torch.no_grad():
        for p in [*encoder.parameters(), *decoder.parameters()]:
            p.add_(0.6 * torch.randn(p.shape, generator=generator))
    return model.eval()


def prior(dim: int = S, levels: int = J) -> ARM:
    net = CausalCNN(dim=dim, levels=levels, embedding=2, channels=4, window=2, blocks=[],
                    dropout=0.0, generator=seeded(1))  # fmt: skip
    return ARM(net, dim=dim, levels=levels).eval()


X = torch.randint(K, (12, D), generator=seeded(2))


def test_the_nearest_vector_is_found():
    """A slow loop. Kills: the farthest, a distance over another axis, inner products."""
    model = autoencoder()
    h = model.vectors(X).detach()
    codes = model.codes(X)
    assert codes.shape == (12, S)
    for n in range(12):
        for s in range(S):
            away = [float((h[n, s] - e).square().sum()) for e in model.codebook.detach()]
            assert codes[n, s] == away.index(min(away))
    assert len(codes.unique()) > 1


def test_the_loss_is_surprise_and_two_distances():
    """Kills: a mean in place of a sum, β on the codebook, a surprise of the unrounded h."""
    model, beta = autoencoder(commitment=0.5), 0.5
    h, codes = model.vectors(X), model.codes(X)
    distance = (h - model.codebook[codes]).square().sum((1, 2))
    surprise = -model.log_likelihood(X, codes)
    assert_close(model.loss(X, generator=seeded(0)), surprise + (1 + beta) * distance)
    assert distance.min() > 1e-3


def test_gradients_pass_straight_through():
    """The encoder's is the decoder's at e plus the commitment's; the codebook's its own alone.

    Kills: a path through the decoder to the codebook, no gradient, sg on the wrong side.
    """
    model, beta = autoencoder(), 0.25
    h = model.vectors(X)
    h.retain_grad()
    model.vectors = lambda _: h
    model.loss(X, generator=seeded(0)).sum().backward()
    e = model.codebook[model.nearest(h)].detach().requires_grad_()
    output = model.decoder(e.flatten(1))
    (passed,) = torch.autograd.grad(-model.likelihood.log_likelihood(X, output).sum(), e)
    assert_close(h.grad, passed + 2 * beta * (h - e).detach())
    expected = torch.zeros_like(model.codebook)
    expected.index_put_((model.nearest(h).flatten(),), 2 * (e - h).detach().flatten(0, 1),
                        accumulate=True)  # fmt: skip
    assert_close(model.codebook.grad, expected)


def test_the_bound_is_one_term_of_the_sum_over_all_codes():
    """By enumeration. Kills: a sign, p(c) forgotten, codes in another order."""
    model = VQVAE(autoencoder(), prior())
    x, codes = states(K, D), states(J, S)
    log_p_c = model.prior.log_prob(codes)
    log_p = torch.stack(
        [model.autoencoder.log_likelihood(x, c.expand(len(x), -1)) + p
         for c, p in zip(codes, log_p_c, strict=True)]
    ).detach()  # fmt: skip
    total = log_p.logsumexp(0)
    assert_close(total.exp().sum(), torch.tensor(1.0))
    bound = model.elbo(x, generator=seeded(0)).detach()
    assert (bound < total).all()
    own = (model.autoencoder.codes(x) * torch.tensor([J, 1])).sum(1)
    assert_close(bound, log_p.gather(0, own[None])[0])
    rate, distortion = model.parts(x)
    assert_close(-rate - distortion, bound)
    assert rate.min() > 0


def test_a_sample_is_decoded_from_codes_of_the_prior():
    model = VQVAE(autoencoder(), prior())
    x = model.sample(7, generator=seeded(3))
    generator = seeded(3)
    codes = model.prior.sample(7, generator=generator)
    assert torch.equal(x, model.decode(codes, generator=generator))
    with pytest.raises(ValueError, match=r"x: expected levels 0..3, got values from 4 to 4"):
        model.decode(torch.full((1, S), J), generator=seeded(0))


def test_empty_clusters_are_put_where_images_are():
    """Kills: used vectors moved, the same h for all, a count of the codes in use."""
    model = autoencoder()
    with torch.no_grad():
        model.codebook[1:3] = 100.0
    before = model.codebook.detach().clone()
    used = set(model.codes(X).flatten().tolist())
    empty = [k for k in range(J) if k not in used]
    assert {1, 2} <= set(empty)
    assert model.revive(X, generator=seeded(4)) == len(empty)
    h = model.vectors(X).flatten(0, 1)
    for k in range(J):
        if k in empty:
            assert (model.codebook[k] == h).all(1).any()
        else:
            assert torch.equal(model.codebook[k], before[k])
    assert len(model.codebook.unique(dim=0)) == J
    assert set(empty) <= set(model.codes(X).flatten().tolist())


def test_fewer_vectors_than_empty_clusters_leave_some():
    """Kills: an error of shapes."""
    model = autoencoder()
    with torch.no_grad():
        model.codebook.copy_(torch.tensor([50.0, 60.0, 70.0, 80.0])[:, None].expand(J, E))
    assert model.revive(X[:1], generator=seeded(0)) == 3
    assert (model.codebook > 40).all(1).sum() == 2


def test_codes_bounds_and_samples_have_no_dropout():
    """In train mode too. Kills: dropout from torch's global state, in each of them."""
    inner = autoencoder()
    inner.encoder, inner.decoder = Dropping(inner.encoder), Dropping(inner.decoder)
    model = VQVAE(inner, prior())
    model.prior.net = Dropping(model.prior.net)

    def say():
        return (
            inner.codes(X), model.elbo(X, generator=seeded(0)), *model.parts(X),
            model.sample(20, generator=seeded(1)),
            model.decode(torch.ones(20, S, dtype=torch.int64), generator=seeded(2)),
        )  # fmt: skip

    model.eval()
    plain = say()
    model.train()
    for one, other in zip(plain, say(), strict=True):
        assert torch.equal(one, other)
    assert all(module.training for module in model.modules())


def test_clusters_are_revived_without_dropout():
    """Kills: vectors of a thinned encoder, at which no image is."""
    revived = []
    for train in (False, True):
        model = autoencoder()
        model.encoder = Dropping(model.encoder)
        with torch.no_grad():
            model.codebook[1:3] = 100.0
        model.train(train).revive(X, generator=seeded(4))
        assert model.training == train
        revived.append(model.codebook.detach())
    assert torch.equal(*revived)


def test_a_vector_far_from_0_is_told_from_its_neighbour():
    """In single precision. Kills: |h|² - 2 h·e + |e|², which rounds away what they differ by."""
    generator = seeded(0)
    model = autoencoder().float()
    many = torch.randn(50, E, generator=generator).float() * 0.01 + 1000
    model.codebook = nn.Parameter(many)
    h = many[torch.randperm(50, generator=generator)].repeat(3, 1)
    assert (model.codebook[model.nearest(h)] == h).all()


def test_an_empty_cluster_gets_no_gradient():
    """It stays where it is: the documented fallback."""
    model = autoencoder()
    with torch.no_grad():
        model.codebook[2] = 100.0
    model.loss(X, generator=seeded(0)).sum().backward()
    assert not model.codebook.grad[2].any()


def test_what_is_wrong_is_refused():
    nets = nn.Identity(), nn.Identity()
    sizes = {"likelihood": Categories(D, K), "codes": S, "codebook": J, "width": E}
    for name, bad, complaint in (
        ("codebook", 1, "codebook: expected at least 2 vectors, got 1"),
        ("codes", 0, "codes: expected a finite number > 0, got 0"),
        ("width", 0, "width: expected a finite number > 0, got 0"),
        ("commitment", 0.0, "commitment: expected a finite number > 0, got 0"),
    ):
        with pytest.raises(ValueError, match=complaint):
            VQAutoencoder(*nets, **{**sizes, name: bad}, generator=seeded(0))
    model = VQAutoencoder(*nets, **{**sizes, "width": 3}, generator=seeded(0))
    with pytest.raises(ValueError, match=r"encoder: expected shape \(12, 6\), got \(12, 4\)"):
        model.codes(X)
    with pytest.raises(ValueError, match="prior: expected 2 variables of 4 levels, got 3 of 4"):
        VQVAE(autoencoder(), prior(dim=3))
    with pytest.raises(ValueError, match="prior: expected 2 variables of 4 levels, got 2 of 5"):
        VQVAE(autoencoder(), prior(levels=5))
    with pytest.raises(ValueError, match=r"x: expected levels 0..2, got values from"):
        autoencoder().codes(X + 1)

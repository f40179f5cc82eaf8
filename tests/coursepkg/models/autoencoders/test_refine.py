import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.autoencoders.linear_gaussian import linear_vae
from coursepkg.models.autoencoders.refine import refine
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.models import D, K, small
from tests.oracles import states

X = states(K, D)


def test_the_climb_finds_the_best_q_of_a_linear_model(generator):
    """From a spoilt encoder back to the closed form. Kills: a descent, deviations left alone."""
    W, b = torch.randn(4, 2, generator=generator), torch.zeros(4)
    best = linear_vae(W, b, noise=0.5)
    x = best.sample(6, generator=generator)
    spoilt = linear_vae(W, b, noise=0.5)
    with torch.no_grad():
        spoilt.encoder.weight.mul_(0.5)
        spoilt.encoder.bias.add_(0.4)
    q = refine(spoilt, x, steps=800, draws=20, step_size=0.05, generator=generator)
    assert (q.mean - spoilt.posterior(x).mean).abs().max() > 0.3, "vacuous"
    assert_close(q.mean, best.posterior(x).mean.detach(), atol=0.03, rtol=0)
    assert_close(q.std, best.posterior(x).std.detach(), atol=0.02, rtol=0)


def test_the_bound_rises_and_the_model_stays(generator):
    """Kills: a q of another example, weights that learn, gradients left behind, train mode."""
    model = small(generator).train()
    before = {name: p.clone() for name, p in model.state_dict().items()}
    q = refine(model, X, steps=200, draws=10, step_size=0.05, generator=generator)

    def bound(law):
        terms = [model.terms_under(law, X, generator=seeded(s)) for s in range(300)]
        return torch.stack([t.log_likelihood - t.kl.sum(1) for t in terms]).mean(0).detach()

    assert (bound(q) > bound(model.posterior(X)) - 0.05).all()
    assert (bound(q) - bound(model.posterior(X))).mean() > 0.1
    assert all(torch.equal(p, before[name]) for name, p in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert model.training
    assert not q.mean.requires_grad


def test_it_starts_at_the_encoders_answer(generator):
    """Kills: a climb that starts at the prior."""
    model = small(generator)
    q = refine(model, X, steps=1, draws=2, step_size=1e-7, generator=generator)
    assert_close(q.mean, model.posterior(X).mean.detach(), atol=1e-5, rtol=0)
    assert_close(q.std, model.posterior(X).std.detach(), atol=1e-5, rtol=1e-5)
    assert q.mean.abs().max() > 0.1, "vacuous"


def test_the_same_noise_gives_the_same_q(generator):
    """Kills: noise from torch's global state."""
    model = small(generator)
    found = [
        refine(model, X[:3], steps=5, draws=2, step_size=0.1, generator=seeded(s))
        for s in (1, 1, 2)
    ]
    assert torch.equal(found[0].mean, found[1].mean)
    assert not torch.equal(found[0].mean, found[2].mean)


def test_impossible_numbers_are_refused(generator):
    model = small(generator)
    for bad in ({"steps": 0}, {"draws": 0}, {"step_size": 0.0}):
        numbers = {"steps": 1, "draws": 1, "step_size": 0.1, **bad}
        with pytest.raises(ValueError, match=f"{next(iter(bad))}: expected.*got"):
            refine(model, X, generator=generator, **numbers)

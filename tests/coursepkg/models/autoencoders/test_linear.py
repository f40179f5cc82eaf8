"""The linear autoencoder: its loss, its stationary points, and where training ends."""

from itertools import combinations

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.autoencoders.linear import LinearAutoencoder
from coursepkg.models.autoencoders.pca import principal_angles, principal_axes
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.truth import D, M, cloud, covariance


def made(mean: torch.Tensor | None = None, *, seed: int = 0) -> LinearAutoencoder:
    mean = torch.arange(5.0) if mean is None else mean
    return LinearAutoencoder(M, mean=mean, generator=seeded(seed))


def set_to(G: torch.Tensor, W: torch.Tensor, mean: torch.Tensor) -> LinearAutoencoder:
    model = made(mean)
    with torch.no_grad():
        model.G.copy_(G)
        model.W.copy_(W)
    return model


@pytest.mark.equation("linear-autoencoder")
def test_its_output_is_the_formula_example_by_example():
    """Kills: μ not subtracted, not added, a transpose, a mean over pixels."""
    model, x = made(), cloud(4)
    with torch.no_grad():
        W, G, mean = model.W, model.G, model.mean
        for row, out, loss in zip(
            x, model.reconstruct(x), model.loss(x, generator=seeded(0)), strict=True
        ):
            expected = mean + G @ (W @ (row - mean))
            assert_close(out, expected)
            assert_close(loss, sum((a - b) ** 2 for a, b in zip(row, expected, strict=True)))


@pytest.mark.equation("best-encoder")
def test_the_best_encoder_is_the_pseudo_inverse():
    """Its gradient vanishes, and the residual is orthogonal to G. Kills: (G Gᵀ)⁻¹, Gᵀ alone."""
    x, G = cloud(), torch.randn(D, M, generator=seeded(2))
    W = torch.linalg.inv(G.T @ G) @ G.T
    model = set_to(G, W, x.mean(0))
    model.loss(x, generator=seeded(0)).mean().backward()
    assert_close(model.W.grad, torch.zeros(M, D), atol=1e-10, rtol=0)
    assert model.G.grad.norm() > 0.1, "vacuous: everything is stationary"
    rest = (x - model.reconstruct(x)).detach()
    assert_close(rest @ G, torch.zeros(len(x), M), atol=1e-10, rtol=0)


@pytest.mark.equation("autoencoder-saddles")
@pytest.mark.parametrize("kept", list(combinations(range(D), M)))
def test_any_choice_of_axes_is_stationary_and_only_the_first_is_a_minimum(kept):
    """Kills: the eigenvalues that are kept in place of those left out."""
    x = cloud()
    mean, axes, variances = principal_axes(x)
    A = torch.randn(M, M, generator=seeded(5))  # the code may be mixed
    G, W = axes[list(kept)].T @ A, torch.linalg.inv(A) @ axes[list(kept)]
    model = set_to(G, W, mean)
    loss = model.loss(x, generator=seeded(0)).mean()
    loss.backward()
    assert all(p.grad.abs().max() < 1e-10 for p in model.parameters())
    left_out = [i for i in range(D) if i not in kept]
    assert_close(loss.detach(), variances[left_out].sum())
    lower = False
    for i in kept:  # turn one kept axis towards one that was left out
        for o in left_out:
            turned = axes[list(kept)].clone()
            turned[kept.index(i)] = 0.999**0.5 * axes[i] + 0.001**0.5 * axes[o]
            error = variances.sum() - torch.trace(turned @ covariance(x) @ turned.T)
            lower |= bool(error < loss.detach() - 1e-12)
    assert lower == (kept != (0, 1))


@pytest.mark.parametrize("seed", range(5))
def test_training_ends_at_the_principal_subspace(seed):
    """Every start of the five. Kills: a loss without its square, a code of one number."""
    x = cloud()
    model = made(x.mean(0), seed=seed)
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=1000, tolerance_grad=1e-10, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip
    G = principal_axes(x).axes[:M].T
    before = principal_angles(model.G.detach(), G)[0]

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = model.loss(x, generator=seeded(0)).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    after = principal_angles(model.G.detach(), G)[0]
    assert before > 0.2, "vacuous: it starts there"
    assert after < 1e-4  # the search sees differences of the loss down to rounding only
    assert principal_angles(model.W.detach().T, G)[0] < 1e-4
    assert_close((model.W @ model.G).detach(), torch.eye(M), atol=1e-4, rtol=0)
    assert (model.G.T @ model.G).detach()[0, 1].abs() > 1e-3, "vacuous: columns are orthogonal"


def test_starts_differ_between_seeds_and_repeat():
    assert torch.equal(made().W, made().W)
    assert not torch.equal(made().W, made(seed=1).W)
    assert not torch.equal(made().W, made().G.T)
    wide = LinearAutoencoder(100, mean=torch.zeros(300), generator=seeded(0))
    for p in (wide.W, wide.G):
        assert p.std().item() == pytest.approx(300**-0.5, rel=0.03)  # 7 standard errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: LinearAutoencoder(6, mean=torch.zeros(5), generator=seeded(0)),
            r"components: expected 1\.\.5, got 6",
        ),
        (lambda: made(torch.full((5,), torch.nan)), r"mean: expected finite numbers, got 5"),
        (lambda: made(torch.ones(2, 5)), r"mean: expected shape \(D,\), got \(2, 5\)"),
        (lambda: made(torch.tensor(1.0)), r"mean: expected shape \(D,\), got \(\)"),
        (lambda: made(torch.ones(0)), r"mean: expected at least one"),
        (lambda: made().code(cloud(dim=4)), r"x: expected shape"),
        (lambda: made().decode(cloud()), r"z: expected shape"),
        (lambda: made().loss(cloud() * torch.nan, generator=seeded(0)), r"x: expected finite"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_the_mean_that_is_given_is_copied_and_not_trained():
    """Kills: an alias of the caller's tensor; a fifth column for the mean."""
    mean = torch.zeros(D)
    model = made(mean)
    mean += 1
    assert not model.mean.any()
    assert {name for name, _ in model.named_parameters()} == {"W", "G"}
    assert made(torch.zeros(D, dtype=torch.float32)).G.dtype == torch.float32

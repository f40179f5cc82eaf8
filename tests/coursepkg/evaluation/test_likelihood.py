"""`nats` reads what a model can say and prints it with the right sign and errors."""

import math

import pytest
import torch
from torch import Generator, Tensor, nn

from coursepkg import rng
from coursepkg.evaluation import Nats, nats, over_seeds


class Exact:
    def log_prob(self, x: Tensor) -> Tensor:
        return -x[:, 0]


class Bound(nn.Module):
    """The bound of x falls below -x by an Exp(1) draw: known mean and known variance."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        assert not self.dropout.training, "scored in train mode"
        return -x[:, 0] + torch.rand(len(x), generator=generator).log()


class Energy:
    def free_energy(self, x: Tensor) -> Tensor:
        return x[:, 0]


class EnergyBound:
    """Lies above the free energy x by an Exp(1) draw."""

    def free_energy_bound(self, x: Tensor, *, generator: Generator) -> Tensor:
        return x[:, 0] - torch.rand(len(x), generator=generator).log()


class Gan:
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        return torch.rand(n, 1, generator=generator)


X = torch.arange(10, dtype=torch.float64)[:, None]


def test_exact_is_the_mean_with_its_standard_error():
    """Kills: sum for mean, variance for standard error, a batch lost (10 = 4 + 4 + 2)."""
    result = nats(Exact(), X, batch_size=4)
    assert result.sign == "="
    assert result.value == pytest.approx(4.5)
    assert result.error_data == pytest.approx(
        math.sqrt(sum((i - 4.5) ** 2 for i in range(10)) / 90)
    )
    assert result.error_draws == 0
    assert str(result) == "= 4.50 ± 0.96"


def test_bound_keeps_the_two_errors_apart():
    """Each draw adds Exp(1): mean 1, variance 1. 4000 draws pin the mean to ± 0.025 (5 sigma)."""
    model, R = Bound(), 4000
    result = nats(model, X, generator=rng.seeded(0), draws=R)
    assert result.sign == "≤"
    assert result.value == pytest.approx(5.5, abs=5 / math.sqrt(10 * R))
    assert result.error_draws == pytest.approx(1 / math.sqrt(10 * R), rel=0.05)
    assert result.error_data == pytest.approx(0.957, rel=0.05)
    assert model.training, "left in eval mode"
    assert math.isnan(nats(model, X, generator=rng.seeded(0)).error_draws)


def test_energy_needs_log_z_and_is_marked_as_an_estimate():
    result = nats(Energy(), X, log_Z=2.0, log_Z_error=0.1)
    assert (result.sign, result.error_draws) == ("≈", 0.1)
    assert result.value == pytest.approx(6.5)  # kills: minus log Z
    with pytest.raises(TypeError, match="log_Z"):
        nats(Energy(), X)


def test_a_bound_up_to_log_z_carries_both_errors():
    """Kills: the error of log Z dropped, the sign of a bound on an estimate, log Z lost."""
    model, R = EnergyBound(), 4000
    result = nats(model, X, generator=rng.seeded(0), draws=R, log_Z=2.0, log_Z_error=0.1)
    assert result.sign == "≈"
    assert result.value == pytest.approx(4.5 + 1 + 2, abs=5 / math.sqrt(10 * R))
    assert result.error_draws == pytest.approx(math.hypot(1 / math.sqrt(10 * R), 0.1), rel=1e-3)
    with pytest.raises(TypeError, match="generator"):
        nats(model, X, log_Z=2.0)
    with pytest.raises(TypeError, match="log_Z"):
        nats(model, X, generator=rng.seeded(0))


def test_a_gan_is_refused_with_advice():
    with pytest.raises(
        TypeError, match=r"Gan says nothing about p\(x\).*GAN has no likelihood \(—\)"
    ):
        nats(Gan(), X)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least one example"):
        nats(Exact(), X[:0])
    with pytest.raises(ValueError, match="NaN for 1 examples"):
        nats(Exact(), torch.tensor([[1.0], [math.nan]]))
    with pytest.raises(TypeError, match="generator"):
        nats(Bound(), X)
    with pytest.raises(ValueError, match="draws"):
        nats(Bound(), X, draws=0, generator=rng.seeded(0))


def test_no_gradients_are_kept():
    class Learnt(nn.Module):
        def log_prob(self, x: Tensor) -> Tensor:
            assert not torch.is_grad_enabled()
            return -x[:, 0]

    assert nats(Learnt(), X).value == pytest.approx(4.5)


def test_over_seeds_separates_the_error_over_seeds():
    """Kills: std without the square root of n; errors over the same images shrunk by averaging."""
    runs = [Nats(v, "=", 0.9) for v in (80.0, 81.0, 83.0)]
    result = over_seeds(runs)
    assert result.value == pytest.approx(244 / 3)
    assert result.error_seeds == pytest.approx(torch.tensor([80.0, 81, 83]).std().item() / 3**0.5)
    assert result.error_data == pytest.approx(0.9)
    with pytest.raises(ValueError, match="one sign"):
        over_seeds([Nats(1.0, "=", 0.1), Nats(1.0, "≤", 0.1)])
    with pytest.raises(ValueError, match="two or more"):
        over_seeds(runs[:1])


def test_bits_per_dim_of_the_uniform_law_is_log2_of_the_levels():
    assert Nats(64 * math.log(17), "=", 0.0).bits_per_dim(64) == pytest.approx(math.log2(17))
